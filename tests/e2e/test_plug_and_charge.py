"""A contract in the vehicle opens, charges and pays, in both versions.

Everything is real: the V2G PKI and its responder over HTTP, the station on its
websocket, gateway, workers and the payment provider's books.
"""

import asyncio

import pytest
from cryptography.hazmat.primitives import serialization

from simulators.demo import report, scenes
from simulators.demo.provider import Provider
from simulators.errors import SimulatorError
from simulators.v2g import OcspResponder, TestPki

pytestmark = pytest.mark.e2e
PLACES = {"1.6": "S-16", "2.0.1": "S-202"}
EMAIDS = {"1.6": "DE8AAPNC16A0019", "2.0.1": "DE8AAPNC20A0019"}


@pytest.fixture(scope="module")
def pki(town, tmp_path_factory):
    """A V2G PKI with its responder, whose root the platform trusts."""
    pki = TestPki({})
    with OcspResponder(lambda: pki) as responder:
        made = TestPki.new(responder_url=responder.url)
        pki.authorities, pki.responder_url = made.authorities, made.responder_url
        pki.responder = responder
        path = tmp_path_factory.mktemp("v2g") / "mo-root.pem"
        root = pki.authorities["mo-root"].certificate
        path.write_bytes(root.public_bytes(serialization.Encoding.PEM))
        told = town.system.manage("contract_root", "--add", str(path))
        assert told["exit_code"] == 0, told
        yield pki


def registered(town, contract, name):
    """A driver with a card who registers the contract over REST."""
    account = scenes.open_account(town.system.web_url, name)
    account.client.post("/api/v1/driver/contracts", {"emaid": contract.emaid})
    return account


async def charge(town, place, token):
    at = scenes.station(place, town.system.ocpp_url, behind_s=scenes.TOKEN_BEHIND_S)
    async with at:
        number = await scenes.by_token(place, at, token, outlet=1)
    await scenes.until_final(place.operator, number)
    return number


@pytest.mark.parametrize("version", ["1.6", "2.0.1"])
def test_a_contract_is_validated_charged_and_captured_at_the_right_operator(
    town, pki, version
):
    place = town.places[PLACES[version]]
    contract = pki.contract(EMAIDS[version])
    account = registered(town, contract, f"pnc-{version[0]}")
    asked = pki.responder.asked

    number = asyncio.run(charge(town, place, contract.token(central=True)))

    assert pki.responder.asked > asked, "nobody asked the responder"
    row = report.order_row(place.operator, number, {place.identity: version})
    assert row["started_by"] == "plug_and_charge", row
    assert (row["state"], row["payment_state"]) == ("CLOSED", "CAPTURED"), row
    assert row["energy_wh"] == scenes.TOKEN_ENERGY_WH, row
    assert row["captured_minor"] == row["amount_minor"] > 0, row
    assert row["payee_account"] == town.accounts[place.operator_name], row
    told = account.client.get(f"/api/v1/driver/orders/{number}")
    assert told["order"] == number
    books = Provider(town.system.psp_url, town.system.psp_key).books()
    theirs = books["accounts"][row["payee_account"]]["eur"]["captured_minor"]
    assert theirs >= row["captured_minor"]
    assert town.system.manage("ledger_verify")["exit_code"] == 0


@pytest.mark.parametrize("version", ["1.6", "2.0.1"])
def test_a_revoked_contract_starts_nothing(town, pki, version):
    place = town.places[PLACES[version]]
    contract = pki.contract(EMAIDS[version].replace("A0019", "B0019"))
    registered(town, contract, f"revoked-{version[0]}")
    pki.revoke(contract.leaf)

    async def run():
        known = await scenes.order_numbers(place)
        at = scenes.station(place, town.system.ocpp_url, behind_s=scenes.TOKEN_BEHIND_S)
        async with at:
            await at.plug_in(1)
            with pytest.raises(SimulatorError, match="CertificateRevoked"):
                await at.start_local_transaction(
                    contract.token(central=True), 1, scenes.START_S
                )
            await at.unplug(1)
            await at.settle(scenes.START_S)
        return known, await scenes.order_numbers(place)

    before, after = asyncio.run(run())
    assert after == before
