"""Claims of vehicles and phones, as the web's database role."""

import pytest

from billing.models import Order, UsedProof
from charge_points.models import ChargingCertificate
from settlement.models import Payment
from tests.factories import accounts
from tests.integration.billing.world import CLAIM, api

NEVER = "A" * 43


@pytest.fixture
def car(world):
    return accounts.vehicle(world.person)


@pytest.fixture
def issued(world):
    return world.station.certificate()


@pytest.fixture
def post(as_role):
    """POST a claim as the web does: under row level security."""

    def send(body, headers=None, **extra):
        with as_role("app"):
            return api(headers).post(
                CLAIM, body, content_type="application/json", headers=extra
            )

    return send


@pytest.fixture
def claim(world, car, issued, post):
    """The vehicle's claim, with a proof that may be spoilt."""

    def send(*, key=None, presented=None, **payload):
        content = {"certificate_hash": issued.jti, "station": world.station.identity}
        proof = car.proof(**{**content, **payload})
        headers = {} if key is None else {"Idempotency-Key": key}
        body = {"certificate": presented or issued.jws, "proof": proof}
        return post(body, **headers)

    return send


def refused(answer, status, code):
    assert (answer.status_code, answer.json().get("code")) == (status, code)
    assert answer["Content-Type"] == "application/problem+json"
    assert not Order.objects.exists()
    assert not UsedProof.objects.exists()
    assert not Payment.objects.exists()
    live = ChargingCertificate.objects.exclude(state__in=["issued", "superseded"])
    assert not live.exclude(state="revoked").exists()
