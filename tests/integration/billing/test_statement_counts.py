"""How many statements the way from claim to start costs: it may only get cheaper."""

from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.factories import accounts
from tests.integration.billing.claiming import car, claim, issued, post
from tests.integration.billing.world import CLAIM, api

__all__ = ["car", "claim", "issued", "post"]

VEHICLE_CLAIM_MAX = 52
PHONE_CLAIM_MAX = 55


def statements(ask):
    with CaptureQueriesContext(connection) as seen:
        answer = ask()
    assert answer.status_code == 201, answer.content
    # What the test's own role costs is not the request's.
    texts = [query["sql"] for query in seen.captured_queries]
    return [text for text in texts if not text.startswith("SET ROLE")]


def test_a_vehicles_claim_costs_few_statements(world, claim):
    found = statements(lambda: claim(key="once"))
    assert len(found) <= VEHICLE_CLAIM_MAX, "\n".join(found)


def test_a_phones_claim_costs_few_statements(world, issued, as_role):
    def ask():
        with as_role("app"):
            return api({**world.person.headers, "Idempotency-Key": "once"}).post(
                CLAIM, {"certificate": issued.jws}, content_type="application/json"
            )

    found = statements(ask)
    assert len(found) <= PHONE_CLAIM_MAX, "\n".join(found)


def test_more_cards_vehicles_and_charges_cost_no_more_statements(world, car, post):
    for _ in range(3):
        accounts.vehicle(world.person)
        accounts.add_card(world.person, "pm_card_mastercard")
        world.closed(100)
    issued = world.station.certificate()
    proof = car.proof(issued.jti, world.station.identity)
    body = {"certificate": issued.jws, "proof": proof}
    found = statements(lambda: post(body, **{"Idempotency-Key": "once"}))
    assert len(found) <= VEHICLE_CLAIM_MAX, "\n".join(found)
