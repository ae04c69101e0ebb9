"""What a driver does over the REST API; every method is one request."""

import time
from dataclasses import dataclass
from typing import Any, Final

from simulators.errors import SimulatorError, WaitedTooLong
from simulators.rest import Json, RestClient

BASE: Final = "/api/v1/driver"
POLL_S: Final = 0.25
FINAL_STATES: Final = frozenset({"CLOSED", "FAILED", "CANCELLED"})


@dataclass(slots=True)
class SimulatedDriver:
    """A driver, signed in once `sign_up` or `log_in` was called.

    Every method raises `ApiRefusal` where the API refuses and `UnableToReach`
    where it does not answer.
    """

    api: RestClient
    token: str = ""

    def sign_up(self, email: str, password: str, locale: str = "") -> Json:
        """Open an account and keep its token."""
        body: Json = {"email": email, "password": password}
        if locale:
            body["locale"] = locale
        answer: Json = self.api.post(f"{BASE}/sign-up", body)
        self.token = str(answer["token"])
        return answer

    def log_in(self, email: str, password: str) -> Json:
        """Get a token for an account."""
        body = {"email": email, "password": password}
        answer: Json = self.api.post(f"{BASE}/token", body)
        self.token = str(answer["token"])
        return answer

    def log_out(self) -> None:
        """Give the token back."""
        self._api.request("DELETE", f"{BASE}/token")
        self.token = ""

    def me(self) -> Json:
        """Return the account."""
        return self._get("/me")

    def add_payment_method(self, payment_method: str, provider: str) -> Json:
        """Save a payment method that the provider knows."""
        body = {"provider": provider, "payment_method": payment_method}
        return self._post("/payment-methods", body)

    def payment_methods(self) -> Json:
        """Return the saved payment methods."""
        return self._get("/payment-methods")

    def vehicles(self) -> Json:
        """Return the enrolled vehicles."""
        return self._get("/vehicles")

    def price(self, *, connector: str = "", certificate: str = "") -> Json:
        """Return the tariff of a connector's code or of a certificate."""
        given = {"connector": connector, "certificate": certificate}
        query = {name: value for name, value in given.items() if value}
        answer: Json = self._api.get(f"{BASE}/price", query)
        return answer

    def claim(self, certificate: str, idempotency_key: str = "") -> Json:
        """Claim a certificate with the phone instead of the vehicle."""
        answer: Json = self._api.post(
            "/api/v1/charging-certificates/claim",
            {"certificate": certificate},
            idempotency_key=idempotency_key,
        )
        return answer

    def start(
        self,
        charge_point: str = "",
        evse: int = 0,
        connector: int = 0,
        *,
        connector_code: str = "",
    ) -> Json:
        """Start a charge at a connector, by its place or by its code."""
        given = {
            "charge_point": charge_point,
            "evse": evse,
            "connector": connector,
            "connector_code": connector_code,
        }
        return self._post("/orders", {name: v for name, v in given.items() if v})

    def orders(self) -> Json:
        """Return the driver's orders, newest first, one page."""
        return self._get("/orders")

    def order(self, number: str) -> Json:
        """Return one order."""
        return self._get(f"/orders/{number}")

    def stop(self, number: str) -> None:
        """Ask for the end of a charge."""
        self._api.post(f"{BASE}/orders/{number}/stop", {})

    def live(self, number: str) -> Json:
        """Return the running charge's energy, power and cost so far."""
        return self._get(f"/orders/{number}/live")

    def receipts(self) -> Json:
        """Return the driver's receipts."""
        return self._get("/receipts")

    def receipt(self, number: str) -> Json:
        """Return one order's receipt."""
        return self._get(f"/receipts/{number}")

    def wait_for(self, number: str, timeout_s: float = 120.0, **expected: str) -> Json:
        """Poll an order until the named members have the expected values.

        Raises:
            WaitedTooLong: they had not, in time.
            SimulatorError: the order ended otherwise.
        """
        until_s = time.monotonic() + timeout_s
        while True:
            order = self.order(number)
            if all(order.get(name) == value for name, value in expected.items()):
                return order
            if order.get("state") in FINAL_STATES and "state" in expected:
                msg = f"order {number} ended as {order}, not {expected}"
                raise SimulatorError(msg)
            if time.monotonic() > until_s:
                msg = f"order {number} is {order} after {timeout_s} s, not {expected}"
                raise WaitedTooLong(msg)
            time.sleep(POLL_S)

    @property
    def _api(self) -> RestClient:
        return self.api.as_driver(self.token)

    def _get(self, path: str) -> Json:
        answer: Json = self._api.get(BASE + path)
        return answer

    def _post(self, path: str, body: dict[str, Any]) -> Json:
        answer: Json = self._api.post(BASE + path, body)
        return answer
