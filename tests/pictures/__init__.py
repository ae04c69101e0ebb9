"""Pictures of the pages for README and docs: ``make screenshots``."""
