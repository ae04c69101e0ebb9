"""The fault tests work on the shared town."""

from tests.town import town

__all__ = ["town"]
