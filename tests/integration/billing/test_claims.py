"""Step 4 of the flow over REST, as the web's database role: who may claim what."""

import base64
import hashlib
import hmac
import json
from datetime import timedelta

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from django.utils import timezone

from billing.models import Order
from charge_points.models import ChargingCertificate, StartHandle
from cpms.accounts.services import vehicles
from tests.factories import accounts, network
from tests.integration.billing.claiming import NEVER, car, claim, issued, post, refused
from tests.integration.billing.world import fresh
from tests.outbox import drain

__all__ = ["car", "claim", "issued", "post"]


def test_a_vehicle_claims_its_certificate(world, car, issued, claim):
    answer = claim()
    assert answer.status_code == 201
    body = answer.json()
    order = Order.objects.get(number=body["order"])
    assert body == {
        **body,
        "state": "CREATED",
        "payment_state": "AUTHORIZING",
        "started_by": "certificate",
        "operator": world.operator.name,
        "charge_point": world.station.identity,
        "evse": 1,
        "connector": 1,
        "currency": "EUR",
        "hold_minor": 5000,
        "action_url": None,
        "failure_reason": None,
    }
    assert body["energy_limit_wh"] == order.energy_limit_wh == 84042
    assert "0.595 EUR per kWh" in body["tariff_text"]
    assert (order.driver, order.vehicle) == (world.driver, car.row)
    assert order.certificate_jti == issued.jti
    assert order.payee["reference"] == world.account.reference
    assert order.split["parties"]
    certificate = ChargingCertificate.objects.get(jti=issued.jti)
    assert (certificate.state, certificate.order_number) == ("claimed", order.number)
    drain()
    assert (fresh(order).state, fresh(order).payment_state) == (
        "STARTING",
        "AUTHORIZED",
    )
    handle = StartHandle.objects.get(order_number=order.number)
    assert handle.requested_at is not None
    assert handle.energy_limit_wh == 84042


@pytest.mark.parametrize("form", ["jws", "code", "uri"])
def test_every_form_of_a_certificate_is_taken(issued, claim, form):
    assert claim(presented=getattr(issued, form)).status_code == 201


@pytest.mark.parametrize("curve", [ec.SECP384R1(), ec.SECP521R1()])
def test_stronger_curves_are_taken(world, issued, post, curve):
    car = accounts.vehicle(world.person, curve)
    proof = car.proof(issued.jti, world.station.identity)
    answer = post({"certificate": issued.jws, "proof": proof})
    assert answer.status_code == 201


def test_the_vehicles_maximum_limits_the_hold(claim):
    answer = claim(max_amount_minor=1200, currency="EUR")
    assert answer.json()["hold_minor"] == 1200


def test_the_smallest_cap_counts(world, claim):
    type(world.driver).objects.update(cap_minor=800, cap_currency="EUR")
    answer = claim(max_amount_minor=1200, currency="EUR")
    assert answer.json()["hold_minor"] == 800


def test_a_maximum_in_another_currency_is_refused(claim):
    refused(claim(max_amount_minor=1200, currency="CHF"), 409, "currency_mismatch")


def test_a_replayed_proof_is_refused(world, car, issued, post):
    proof = car.proof(issued.jti, world.station.identity)
    body = {"certificate": issued.jws, "proof": proof}
    first = post(body)
    again = post(body)
    assert (first.status_code, again.status_code) == (201, 409)
    assert again.json()["code"] == "proof_replayed"
    assert Order.objects.count() == 1


def test_a_proof_with_a_used_id_is_refused_for_another_certificate(
    world, car, issued, post
):
    other = world.station.certificate(evse=2)
    first = car.proof(issued.jti, world.station.identity, jti="same")
    second = car.proof(other.jti, world.station.identity, jti="same")
    assert post({"certificate": issued.jws, "proof": first}).status_code == 201
    answer = post({"certificate": other.jws, "proof": second})
    assert (answer.status_code, answer.json()["code"]) == (409, "proof_replayed")


def test_a_claimed_certificate_is_refused_for_another_vehicle(
    world, issued, claim, post
):
    assert claim().status_code == 201
    other = accounts.vehicle(accounts.driver_with_card())
    proof = other.proof(issued.jti, world.station.identity)
    answer = post({"certificate": issued.jws, "proof": proof})
    assert answer.status_code == 409
    assert answer.json()["code"] == "certificate_already_claimed"
    assert Order.objects.count() == 1


def test_an_expired_certificate_is_refused_by_the_servers_clock(
    world, car, post, settings
):
    age = timedelta(seconds=settings.CERTIFICATE_LIFETIME_S + 1)
    old = world.station.certificate(at=timezone.now() - age)
    proof = car.proof(old.jti, world.station.identity, iat=0)
    refused(post({"certificate": old.jws, "proof": proof}), 410, "certificate_expired")


def test_the_vehicles_clock_decides_nothing(claim):
    assert claim(iat=1).status_code == 201


def test_a_superseded_certificate_is_refused(world, car, issued, post):
    world.station.certificate()
    proof = car.proof(issued.jti, world.station.identity)
    refused(
        post({"certificate": issued.jws, "proof": proof}), 410, "certificate_expired"
    )


@pytest.mark.parametrize(
    "presented", ["x", "1" * 24, "https://evil.example/c/abc", "a.b.c", "y" * 4000]
)
def test_what_is_no_certificate_is_refused_in_the_same_words(claim, presented):
    answer = claim(presented=presented)
    refused(answer, 404, "certificate_invalid")
    assert presented not in answer.json()["detail"]


def test_a_certificate_signed_by_somebody_else_is_refused(issued, claim):
    content = jwt.decode(issued.jws, options={"verify_signature": False})
    kid = jwt.get_unverified_header(issued.jws)["kid"]
    key = ec.generate_private_key(ec.SECP256R1())
    forged = jwt.encode(content, key, algorithm="ES256", headers={"kid": kid})
    refused(claim(presented=forged), 404, "certificate_invalid")


def test_a_vehicle_at_another_station_is_refused(world, claim):
    other = network.station(world.operator)
    refused(claim(station=other.identity), 403, "station_mismatch")


def test_a_proof_for_another_certificate_is_refused(world, claim):
    other = world.station.certificate(evse=2)
    refused(claim(certificate_hash=other.jti), 403, "proof_invalid")
    refused(claim(certificate_hash=NEVER), 403, "proof_invalid")


def test_a_revoked_vehicle_is_refused(world, car, claim):
    vehicles.revoke(driver_id=world.driver.pk, vehicle_id=car.row.pk, at=timezone.now())
    refused(claim(), 403, "vehicle_unknown")


def test_an_unknown_vehicle_is_refused(world, car, issued, post):
    car.row.delete()
    proof = car.proof(issued.jti, world.station.identity)
    refused(post({"certificate": issued.jws, "proof": proof}), 403, "vehicle_unknown")


def test_identifiers_alone_bill_nobody(world, car, issued, post):
    """A VIN or MAC in place of a signature is no proof."""
    body = {"certificate": issued.jws, "vin": "WVWZZZ1JZXW000001"}
    assert post(body).status_code == 401
    refused(
        post({"certificate": issued.jws, "proof": "WVWZZZ1JZXW000001"}),
        403,
        "proof_invalid",
    )


def test_a_tampered_proof_is_refused(world, car, issued, post):
    head, _, tail = car.proof(issued.jti, world.station.identity).split(".")
    content = {
        "certificate_hash": issued.jti,
        "station": world.station.identity,
        "purpose": "charge",
        "jti": "other",
        "max_amount_minor": 999_999,
    }
    middle = base64.urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=")
    proof = f"{head}.{middle.decode()}.{tail}"
    refused(post({"certificate": issued.jws, "proof": proof}), 403, "proof_invalid")


def test_a_proof_signed_by_another_key_is_refused(world, car, issued, post):
    stranger = ec.generate_private_key(ec.SECP256R1())
    content = {
        "certificate_hash": issued.jti,
        "station": world.station.identity,
        "purpose": "charge",
        "jti": "p",
    }
    headers = {"kid": car.key.fingerprint}
    proof = jwt.encode(content, stranger, algorithm="ES256", headers=headers)
    refused(post({"certificate": issued.jws, "proof": proof}), 403, "proof_invalid")


def _jws(header, content, sign):
    parts = [
        base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()
        for part in (header, content)
    ]
    signature = sign(".".join(parts).encode())
    return ".".join([*parts, base64.urlsafe_b64encode(signature).rstrip(b"=").decode()])


def test_weak_algorithms_are_refused(world, car, issued, post):
    """ "none", and HMAC keyed with the public key that everybody knows."""
    content = {
        "certificate_hash": issued.jti,
        "station": world.station.identity,
        "purpose": "charge",
        "jti": "p",
    }
    secret = car.row.public_key_pem.encode()

    def by_hmac(text):
        return hmac.new(secret, text, hashlib.sha256).digest()

    for algorithm, sign in (("none", lambda _: b""), ("HS256", by_hmac)):
        header = {"alg": algorithm, "kid": car.key.fingerprint}
        proof = _jws(header, content, sign)
        refused(post({"certificate": issued.jws, "proof": proof}), 403, "proof_invalid")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("purpose", "login"),
        ("purpose", None),
        ("jti", None),
        ("jti", "x" * 129),
        ("jti", ""),
        ("station", None),
        ("station", 7),
        ("certificate_hash", None),
        ("max_amount_minor", 0),
        ("max_amount_minor", -1),
        ("max_amount_minor", 10.5),
        ("max_amount_minor", True),
        ("max_amount_minor", 100),  # no currency
    ],
)
def test_an_incomplete_proof_is_refused(claim, name, value):
    refused(claim(**{name: value}), 403, "proof_invalid")


def test_an_oversized_proof_is_refused(claim, post, issued):
    refused(claim(padding="x" * 4000), 403, "proof_invalid")
    answer = post({"certificate": issued.jws, "proof": "x" * 9000})
    refused(answer, 400, "validation_failed")


def test_a_proof_without_key_id_is_refused(world, car, issued, post):
    proof = jwt.encode({"jti": "p"}, car.key.private, algorithm="ES256")
    refused(post({"certificate": issued.jws, "proof": proof}), 403, "vehicle_unknown")
