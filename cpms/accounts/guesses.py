"""Guessing is limited per address; right and wrong get the same answer then."""

from typing import Final

from django.core.cache import cache
from django.http import HttpRequest
from rest_framework.throttling import BaseThrottle

from cpms.kernel.ids import sha256_hex

WINDOW_S: Final = 600
MISSES_MAX: Final = {
    "code": 20,
    "log_in": 10,
    "account": 10,
    "sign_up": 20,
    "staff": 10,
    "staff_address": 30,
}
"""So many in ``WINDOW_S`` seconds: wrong codes and passwords per network address,
wrong passwords per account, new accounts per network address; of staff, wrong
passwords per account and per network address."""


def address_of(request: HttpRequest) -> str:
    """The client's network address, behind ``NUM_PROXIES`` proxies of ours."""
    return str(BaseThrottle().get_ident(request))  # type: ignore[arg-type]


def _key(kind: str, who: str) -> str:
    return f"web-misses:{kind}:{sha256_hex(who)}"


def is_spent(kind: str, who: str) -> bool:
    """Whether this one has been wrong too often."""
    return int(cache.get(_key(kind, who), 0)) >= MISSES_MAX[kind]


def count(kind: str, who: str) -> None:
    """Remember one more miss; the window begins with the first."""
    key = _key(kind, who)
    cache.add(key, 0, WINDOW_S)
    try:
        cache.incr(key)
    except ValueError:  # it ran out between the two
        cache.set(key, 1, WINDOW_S)
