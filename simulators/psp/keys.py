"""Who may call: the platform's key, and accounts' own keys."""

import base64
import binascii
import hashlib

from simulators.psp import accounts, ids
from simulators.psp.errors import Json, invalid
from simulators.psp.limits import PLATFORM
from simulators.psp.store import Store, Unit


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


class Keys:
    """Keys are compared and kept as digests only."""

    def __init__(self, platform_key: str, store: Store) -> None:
        """Know the platform's key; accounts' keys live in the store."""
        self._platform = _digest(platform_key)
        self._store = store

    def owner(self, headers: dict[str, str]) -> str:
        """Return the account whose key the request carries.

        Raises:
            ApiError: 401 without a key or with an unknown one.
        """
        digest = _digest(_presented(headers.get("authorization", "")))
        if digest == self._platform:
            return PLATFORM
        known = self._store.find(PLATFORM, "_key", digest)
        if known is None:
            raise invalid("Invalid API Key provided.", status=401)
        return str(known["account"])

    def acting(self, headers: dict[str, str], unit: Unit) -> str:
        """Return the account on which the request acts.

        Raises:
            ApiError: 403 for an account out of the key's reach.
        """
        owner = self.owner(headers)
        wanted = headers.get("stripe-account", owner)
        if wanted == owner:
            return owner
        if owner != PLATFORM:
            raise invalid(
                "An account's own key cannot act for another account.",
                code="account_invalid",
                status=403,
            )
        accounts.find(unit, wanted)
        return wanted

    @staticmethod
    def issue(unit: Unit, account: str) -> Json:
        """Make a restricted key of an account; shown only in this answer."""
        accounts.find(unit, account)
        key = "rk_test_" + ids.token(32)
        unit.put(PLATFORM, "_key", {"id": _digest(key), "account": account})
        return {"account": account, "api_key": key}


def _presented(header: str) -> str:
    scheme, _, value = header.partition(" ")
    if scheme == "Bearer" and value:
        return value
    if scheme == "Basic":
        try:
            return base64.b64decode(value).decode().partition(":")[0]
        except (binascii.Error, UnicodeDecodeError):
            pass
    raise invalid(
        "You did not provide an API key. Send it as 'Authorization: Bearer KEY'.",
        status=401,
    )
