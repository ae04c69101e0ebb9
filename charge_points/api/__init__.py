"""REST of the network for operators' own systems (under /api/v1/operator)."""
