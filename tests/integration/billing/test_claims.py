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

from billing.models import Order, UsedProof
from charge_points.models import ChargingCertificate, StartHandle
from charge_points.services import certificates
from cpms.accounts.models import IdempotencyRecord
from cpms.accounts.services import vehicles
from settlement.models import PayeeAccount, Payment
from tests.factories import accounts, network, tariffs
from tests.integration.billing.world import CLAIM, api, fresh
from tests.outbox import drain

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


# -- phones ----------------------------------------------------------------------


def test_a_phone_claims_with_the_drivers_account(world, issued, post):
    answer = post({"certificate": issued.uri}, world.person.headers)
    assert answer.status_code == 201
    order = Order.objects.get(number=answer.json()["order"])
    assert (order.driver, order.vehicle) == (world.driver, None)
    assert not Payment.objects.get().off_session


def test_a_vehicle_cannot_answer_the_bank(claim):
    assert claim().status_code == 201
    assert Payment.objects.get().off_session


def test_a_phone_pays_no_more_than_the_driver_confirmed(world, issued, post):
    body = {"certificate": issued.code, "confirm_price_minor": 1500}
    answer = post(body, world.person.headers)
    assert answer.json()["hold_minor"] == 1500


def test_without_proof_and_account_nothing_is_claimed(issued, post):
    answer = post({"certificate": issued.jws})
    refused(answer, 401, "not_authenticated")


def test_a_stale_token_is_refused(issued, post):
    answer = post({"certificate": issued.jws}, {"Authorization": "Bearer nobody"})
    refused(answer, 401, "authentication_failed")


# -- idempotency -------------------------------------------------------------------


def test_a_retry_with_the_same_key_gets_the_first_answer(world, car, issued, post):
    proof = car.proof(issued.jti, world.station.identity)
    body = {"certificate": issued.jws, "proof": proof}
    first = post(body, **{"Idempotency-Key": "k1"})
    again = post(body, **{"Idempotency-Key": "k1"})
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json() == first.json()
    assert again["Idempotent-Replayed"] == "true"
    assert Order.objects.count() == 1


def test_a_lost_answer_is_given_again_even_with_a_new_proof(world, claim):
    """The platform died after its commit; the vehicle signs once more."""
    first = claim(key="k1")
    IdempotencyRecord.objects.all().delete()
    again = claim(key="k1")
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json()["order"] == first.json()["order"]
    assert Order.objects.count() == 1


def test_the_same_key_of_somebody_else_gets_nothing(world, issued, claim, post):
    assert claim(key="k1").status_code == 201
    IdempotencyRecord.objects.all().delete()
    other = accounts.vehicle(accounts.driver_with_card())
    proof = other.proof(issued.jti, world.station.identity)
    body = {"certificate": issued.jws, "proof": proof}
    answer = post(body, **{"Idempotency-Key": "k1"})
    assert answer.status_code == 409
    assert answer.json()["code"] == "certificate_already_claimed"


def test_a_new_key_does_not_open_a_claimed_certificate(claim):
    assert claim(key="k1").status_code == 201
    answer = claim(key="k2")
    assert (answer.status_code, answer.json()["code"]) == (
        409,
        "certificate_already_claimed",
    )


def test_the_same_key_for_another_claim_is_refused(world, claim):
    other = world.station.certificate(evse=2)
    assert claim(key="k1").status_code == 201
    answer = claim(key="k1", presented=other.jws, certificate_hash=other.jti)
    assert (answer.status_code, answer.json()["code"]) == (
        422,
        "idempotency_key_reused",
    )


# -- refusals before energy flows ----------------------------------------------------


def test_without_payment_method_the_certificate_stays_claimable(
    world, issued, post, claim
):
    poor = accounts.driver()
    answer = post({"certificate": issued.jws}, poor.headers)
    refused(answer, 402, "no_payment_method")
    assert claim().status_code == 201


def test_an_operator_that_cannot_be_paid_sells_nothing(world, claim):
    PayeeAccount.objects.update(charges_enabled=False, disabled_reason="onboarding")
    answer = claim()
    refused(answer, 409, "payee_account_blocked")
    assert "onboarding" in answer.json()["detail"]


def test_an_operator_without_account_sells_nothing(world, post):
    other = accounts.operator()
    tariffs.tariff(other)
    issued = network.station(other).certificate()
    answer = post({"certificate": issued.jws}, world.person.headers)
    refused(answer, 409, "no_payee_account")


def test_without_tariff_nothing_is_sold(world, post):
    other = accounts.operator()
    issued = network.station(other).certificate()
    answer = post({"certificate": issued.jws}, world.person.headers)
    refused(answer, 409, "no_tariff")


def test_a_hold_that_does_not_buy_the_start_is_refused(world, claim):
    tariffs.tariff(world.operator, tariffs.component("FLAT", "2.00"), code="FLAT")
    refused(claim(max_amount_minor=237, currency="EUR"), 409, "hold_too_small")


def test_a_hold_that_buys_the_start_exactly_is_taken(world, claim):
    start = tariffs.component("FLAT", "2.00")
    tariffs.tariff(world.operator, start, tariffs.component(), code="FLAT")
    assert claim(max_amount_minor=239, currency="EUR").status_code == 201


def test_a_taken_connector_is_refused(world, issued, claim):
    token = network.token(operator=world.operator)
    world.station.start(token)
    answer = claim()
    assert (answer.status_code, answer.json()["code"]) == (409, "connector_busy")
    assert not Order.objects.exists()


def test_guessing_is_slowed_down(settings, claim):
    codes = [claim(presented="x").status_code for _ in range(31)]
    assert codes[:30] == [404] * 30
    assert codes[30] == 429


def test_a_certificate_leaves_no_trace_in_the_errors(issued, claim):
    answer = claim(presented=issued.code[:-1] + "1")
    assert issued.code[:10] not in answer.content.decode()
    assert len(issued.code) == certificates.CODE_CHARS
