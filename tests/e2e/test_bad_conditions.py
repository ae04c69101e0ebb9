"""Operators that cannot be paid and processes that are away: said, then cured."""

import asyncio
import json
import os
import re
import secrets
import signal

import pytest

from simulators.demo import scenes
from simulators.demo.provider import Provider
from simulators.rest import ApiRefusal, RestClient
from tests.e2e.trying import PATIENCE_S, driver_of, finish, refusal_of

pytestmark = pytest.mark.e2e
PASSWORD = "0123456789abcdef-known"
START = "/api/v1/driver/orders"


TARIFF = {
    "country_code": "DE",
    "party_id": "TST",
    "id": "T1",
    "currency": "EUR",
    "tax_included": "NO",
    "elements": [
        {
            "price_components": [
                {"type": "ENERGY", "price": 0.5, "vat": 19.0, "step_size": 1}
            ]
        }
    ],
    "last_updated": "2026-01-01T00:00:00Z",
}


def manage(town, *words):
    told = town.system.manage(*map(str, words))
    assert told["exit_code"] == 0, told
    return told


def new_place(town, code):
    """An operator with a charge point, and nothing that it needs to be paid."""
    manage(
        town,
        *("create_operator", "--code", code, "--name", code.title()),
        *("--country=DE", "--currency=EUR", "--time-zone=Europe/Berlin"),
    )
    made = manage(
        town,
        *("create_charge_point", "--operator", code, "--identity", f"{code}-1"),
        *("--security-profile=1", "--ocpp=1.6", "--power-w=22000"),
        *("--password", PASSWORD),
    )
    scopes = "orders:read,charge_points:read"
    key = manage(town, "create_api_key", "--operator", code, "--scopes", scopes)
    client = RestClient(base_url=town.system.web_url).as_operator(key["key"])
    codes = tuple(made["connector_codes"])
    return scenes.Place(f"{code}-1", "1.6", PASSWORD, codes, client, code.title(), "")


class Seller:
    """An operator on its way to its first charge, asked by one driver."""

    def __init__(self, town, place, account):
        self.town, self.place, self.account = town, place, account
        self.start = {"connector_code": place.codes[0]}

    async def lacks(self, code, advice):
        """A start is refused for this reason, and the words help."""
        refusal = await asyncio.to_thread(
            refusal_of, self.account.client.post, START, self.start
        )
        assert (refusal.status, refusal.code) == (409, code)
        assert advice in refusal.detail

    async def until(self, code):
        """Ask until the answer is this refusal, or with "" an order."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                answer, order = await self._ask()
                if answer == code:
                    return order
                if order:
                    stop = f"{START}/{order['order']}/stop"
                    await self.account.client.apost(stop, {})
                await asyncio.sleep(0.2)

    async def _ask(self):
        try:
            return "", await self.account.client.apost(START, self.start)
        except ApiRefusal as refusal:
            return refusal.code, None

    async def do(self, *words):
        await asyncio.to_thread(manage, self.town, *words)


def test_an_operator_that_cannot_be_paid_sells_nothing_until_it_can(town, tmp_path):
    code = f"new-{secrets.token_hex(3)}"
    place = new_place(town, code)
    provider = Provider(town.system.psp_url, town.system.psp_key)
    reference = provider.open_account(f"{code}@example.org")
    file = tmp_path / "tariff.json"
    file.write_text(json.dumps(TARIFF))
    seller = Seller(town, place, driver_of(town, "keen"))

    async def main():
        await seller.lacks("charge_point_offline", "try another")
        async with scenes.station(place, town.system.ocpp_url) as station:
            await station.plug_in(1)
            await station.settle(PATIENCE_S)
            await seller.lacks("no_tariff", "must assign one")
            await seller.do("create_tariff", "--operator", code, "--file", file)
            await seller.lacks("no_payee_account", "payee accounts")
            account = ("--operator", code, "--account", reference)
            await seller.do("create_payee_account", *account)

            path = f"/_sim/accounts/{reference}"
            blocked = {"charges_enabled": False, "disabled_reason": "rejected.other"}
            await provider.client.apost(path, blocked)
            await seller.until("payee_account_blocked")
            await seller.lacks("payee_account_blocked", "onboarding")
            await provider.client.apost(path, {"charges_enabled": True})
            order = await seller.until("")
            await finish(place, station, order["order"])

    asyncio.run(main())


# -- processes that are away ---------------------------------------------------------


async def start_while_away(town, name, away, back):
    """Ask for a start while something is down; returns the order after it is back."""
    place = town.places[name]
    account = await asyncio.to_thread(driver_of, town, "patient")
    async with scenes.station(place, town.system.ocpp_url) as station:
        await station.plug_in(1)
        await station.settle(PATIENCE_S)
        away()
        try:
            start = {"connector_code": place.codes[0]}
            order = await account.client.apost("/api/v1/driver/orders", start)
            assert order["state"] == "CREATED"
            assert (await account.client.aget("/api/v1/driver/me"))["email"]
            yield account, order["order"]
        finally:
            back()
        yield await finish(place, station, order["order"])


def test_a_provider_that_is_down_delays_the_start_and_nothing_else(town):
    async def main():
        steps = start_while_away(
            town, "N-16", town.stop_provider, town.start_provider_again
        )
        account, number = await anext(steps)
        card = {"provider": "stripe", "payment_method": "pm_card_visa"}
        refusal = await asyncio.to_thread(
            refusal_of, account.client.post, "/api/v1/driver/payment-methods", card
        )
        assert (refusal.status, refusal.code) == (503, "provider_unavailable")
        assert "again" in refusal.detail
        told = await account.client.aget(f"/api/v1/driver/orders/{number}")
        assert told["state"] == "CREATED"
        closed = await anext(steps)
        assert closed["order"] == number
        await steps.aclose()

    asyncio.run(main())


def oldest_s(town):
    """Age of the oldest work that waits for a worker, as an alert sees it."""
    client = RestClient(base_url=town.system.web_url)
    text = client.get("/metrics")
    found = re.findall(r"^cpms_outbox_oldest_seconds\S* (\S+)$", text, re.MULTILINE)
    return max(map(float, found), default=0.0)


def test_a_worker_that_is_down_delays_and_is_seen(town):
    group = town.pid("worker")

    async def main():
        steps = start_while_away(
            town,
            "S-201",
            lambda: os.killpg(group, signal.SIGSTOP),
            lambda: os.killpg(group, signal.SIGCONT),
        )
        _, number = await anext(steps)
        async with asyncio.timeout(PATIENCE_S):
            # The metrics are another process's.
            while await asyncio.to_thread(oldest_s, town) < 1:  # noqa: ASYNC110
                await asyncio.sleep(0.2)
        closed = await anext(steps)
        assert closed["order"] == number
        await steps.aclose()

    asyncio.run(main())
