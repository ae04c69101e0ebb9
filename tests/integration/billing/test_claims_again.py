"""Claims of phones, claims made twice, and claims that are refused for money."""

from billing.models import Order
from charge_points.services import certificates
from cpms.accounts.models import IdempotencyRecord
from settlement.models import PayeeAccount, Payment
from tests.factories import accounts, network, tariffs
from tests.integration.billing.claiming import car, claim, issued, post, refused

__all__ = ["car", "claim", "issued", "post"]


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
