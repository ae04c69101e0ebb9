"""A month of business, and the proof of every cent of it (``make audit-demo``)."""
