"""Limits of guessing, as all rooms have them (``cpms.accounts.guesses``)."""

from cpms.accounts.guesses import MISSES_MAX, WINDOW_S, address_of, count, is_spent

__all__ = ["MISSES_MAX", "WINDOW_S", "address_of", "count", "is_spent"]
