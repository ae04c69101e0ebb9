"""Contracts over REST, and a whole charge by Plug & Charge on a driver's account."""

from datetime import timedelta
from decimal import Decimal

import pytest
from cryptography.hazmat.primitives import serialization
from django.utils import timezone

from billing.models import Order
from billing.services import contracts
from charge_points.models import IdToken
from charge_points.services import (
    authorization,
    contract_roots,
    id_tokens,
    transactions,
)
from charge_points.services.facts import Sample, TransactionFact
from cpms.accounts.models import AuditEntry, Contract
from cpms.web import erasure
from simulators.v2g import TestPki
from tests.factories import accounts
from tests.integration.billing.world import API, ago, api, payment_of
from tests.outbox import drain

CONTRACTS = f"{API}/driver/contracts"
EMAID = "DE8AA1A2B3C4D59"


@pytest.fixture
def ask(as_role):
    """Requests of a person as the web makes them: under row level security."""

    def call(person, method, path="", body=None):
        with as_role("app"):
            return getattr(api(person.headers), method)(
                CONTRACTS + path, body or {}, content_type="application/json"
            )

    return call


@pytest.fixture(scope="module")
def pki():
    return TestPki.new()


@pytest.fixture
def trusted(pki):
    root = pki.authorities["mo-root"].certificate
    contract_roots.add(
        pem=root.public_bytes(serialization.Encoding.PEM).decode(),
        operator_id=None,
        by="test",
        at=timezone.now(),
    )


def shown(contract, person, **changes):
    proof = contract.proof(driver_id=person.driver.pk)
    return {"certificate_chain_pem": contract.chain_pem, "proof": proof, **changes}


def status(world, token=EMAID):
    return authorization.authorize(
        charge_point_id=world.station.id,
        operator_id=world.operator.pk,
        token=token,
        token_type="eMAID",
        at=timezone.now(),
    ).status


def test_a_contract_is_registered_listed_and_cancelled(world, ask):
    made = ask(world.person, "post", body={"emaid": "de-8aa-1a2b3c4d5-9"})
    assert made.status_code == 201, made.json()
    assert made.json()["emaid"] == EMAID
    again = ask(world.person, "post", body={"emaid": EMAID})
    assert again.json()["id"] == made.json()["id"]
    assert status(world) == "Accepted"

    ended = ask(world.person, "delete", f"/{made.json()['id']}")

    assert ended.status_code == 204
    assert status(world) == "Blocked"
    (row,) = ask(world.person, "get").json()
    assert row["state"] == "cancelled"
    assert IdToken.objects.get(token_key=EMAID).token_type == "eMAID"
    actions = set(AuditEntry.objects.values_list("action", flat=True))
    assert {"contract.registered", "contract.cancelled"} <= actions


@pytest.mark.parametrize("emaid", ["-", "DE8AA", "1234567890ABCD", "DE8AA1A2B3C4D5!9"])
def test_what_is_no_emaid_is_refused(world, ask, emaid):
    answer = ask(world.person, "post", body={"emaid": emaid})
    assert answer.status_code == 422
    assert answer.json()["code"] == "emaid_invalid"


def test_a_named_contract_is_not_named_twice_and_yields_to_its_key(
    world, ask, pki, trusted
):
    first, second = world.person, accounts.driver(email="second@example.org")
    assert ask(first, "post", body={"emaid": EMAID}).status_code == 201
    refused = ask(second, "post", body={"emaid": EMAID})
    assert refused.status_code == 409
    assert refused.json()["code"] == "contract_registered_already"

    contract = pki.contract(EMAID)
    taken = ask(second, "post", body=shown(contract, second))

    assert taken.status_code == 201, taken.json()
    assert taken.json()["proved"]
    assert Contract.objects.get(driver=first.driver).state == "cancelled"
    assert IdToken.objects.get(token_key=EMAID).driver_id == second.driver.pk
    back = ask(first, "post", body=shown(contract, first))
    assert back.status_code == 409


def test_the_platforms_own_token_is_not_taken_by_naming_it(world, ask):
    id_tokens.put_policy(
        token=EMAID, status="accepted", operator_id=None, at=timezone.now()
    )
    answer = ask(world.person, "post", body={"emaid": EMAID})
    assert answer.status_code == 409


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (lambda b: {**b, "proof": "x"}, "possession_not_proved"),
        (lambda b: {**b, "emaid": "DE8AA9Z9Z9Z9Z91"}, "contract_certificate_invalid"),
        (
            lambda b: {**b, "certificate_chain_pem": "x"},
            "contract_certificate_invalid",
        ),
        (
            lambda b: {
                **b,
                "certificate_chain_pem": TestPki.new().contract(EMAID).chain_pem,
            },
            "contract_certificate_invalid",
        ),
    ],
    ids=["no-proof", "other-emaid", "no-pem", "foreign"],
)
def test_a_certificate_that_proves_nothing_is_refused(
    world, ask, pki, trusted, spoil, code
):
    body = spoil(shown(pki.contract(EMAID), world.person))
    answer = ask(world.person, "post", body=body)
    assert answer.status_code == 422
    assert answer.json()["code"] == code
    assert not Contract.objects.exists()


def test_an_account_has_room_for_so_many(world, ask, monkeypatch):
    monkeypatch.setattr(contracts, "CONTRACTS_MAX", 1)
    assert ask(world.person, "post", body={"emaid": EMAID}).status_code == 201
    answer = ask(world.person, "post", body={"emaid": "DE8AA1A2B3C4D60"})
    assert answer.json()["code"] == "too_many_contracts"


def test_others_contracts_are_not_seen_and_not_cancelled(world, ask):
    made = ask(world.person, "post", body={"emaid": EMAID}).json()
    stranger = accounts.driver(email="stranger@example.org")
    assert ask(stranger, "get").json() == []
    assert ask(stranger, "delete", f"/{made['id']}").status_code == 404
    assert status(world) == "Accepted"


def test_a_deleted_account_leaves_no_contract(world, ask):
    ask(world.person, "post", body={"emaid": EMAID})
    erasure.delete_account(driver_id=world.person.driver.pk, at=timezone.now())
    assert Contract.objects.get().state == "cancelled"
    assert status(world) == "Blocked"


def event(world, kind, at, seq_no, energy_wh):
    sample = Sample(sampled_at=at, energy_wh=Decimal(energy_wh))
    return TransactionFact(
        **world.station.who,
        event_type=kind,
        ocpp_id="pnc-1",
        seq_no=seq_no,
        occurred_at=at,
        received_at=at,
        trigger_reason="Authorized" if kind == "Started" else "StopAuthorized",
        charging_state="Charging" if kind == "Started" else "Idle",
        evse=1,
        connector=1,
        id_token="DE-8AA-1A2B3C4D5-9",
        id_token_type="eMAID",
        samples=(sample,),
    )


def test_a_contract_charges_on_the_account_that_registered_it(world, ask):
    ask(world.person, "post", body={"emaid": EMAID})
    began = ago(minutes=60)

    (answer,) = transactions.apply_events([event(world, "Started", began, 0, 1000)])
    drain()

    assert answer.authorization.status == "Accepted"
    order = Order.objects.get()
    assert (order.started_by, order.driver_id) == (
        "plug_and_charge",
        world.driver.pk,
    )
    assert (order.state, order.payment_state) == ("CHARGING", "AUTHORIZED")
    ended = began + timedelta(minutes=30)
    transactions.apply_events([event(world, "Ended", ended, 1, 11_000)])
    world.station.status("available", ended + timedelta(minutes=1))
    drain()
    order.refresh_from_db()
    assert (order.state, order.payment_state) == ("CLOSED", "CAPTURED")
    assert payment_of(order).captured_minor == 595


def test_a_cancelled_contract_starts_nothing(world, ask):
    made = ask(world.person, "post", body={"emaid": EMAID}).json()
    ask(world.person, "delete", f"/{made['id']}")
    at = timezone.now()

    (answer,) = transactions.apply_events([event(world, "Started", at, 0, 1000)])
    drain()

    assert answer.authorization.status == "Blocked"
    assert not Order.objects.exists()
