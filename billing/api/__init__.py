"""REST of drivers, vehicles and operators' orders (mounted under /api/v1)."""
