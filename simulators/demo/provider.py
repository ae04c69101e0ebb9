"""The payment provider as operators see it: its API, and its own books."""

import json
from typing import Any
from urllib.parse import urlencode
from urllib.request import Request, urlopen

from simulators.rest import RestClient

TIMEOUT_S = 60


class Provider:
    """A client of the provider simulator."""

    def __init__(self, base_url: str, key: str) -> None:
        """Keep address and key."""
        self.base_url = base_url
        self.client = RestClient(base_url=base_url, authorization=f"Bearer {key}")

    def open_account(self, email: str) -> str:
        """Open an operator's own account and complete its onboarding."""
        form = {"type": "standard", "country": "DE", "email": email}
        request = Request(  # noqa: S310 - the demo's own address
            f"{self.base_url}/v1/accounts",
            urlencode(form).encode(),
            {"Authorization": self.client.authorization},
        )
        with urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310
            account = str(json.load(answer)["id"])
        self.client.post(f"/_sim/accounts/{account}", {"onboarded": True})
        return account

    def books(self) -> dict[str, Any]:
        """The provider's own books."""
        answer = self.client.get("/_sim/books")
        assert isinstance(answer, dict)
        return answer
