"""Guests at the QR code: the offer, the start, the page of the charge, the stop."""

import pytest
from django.utils import timezone

from billing.models import Order
from billing.models.order_states import OrderState
from billing.services import guests, ordering
from charge_points.models import ChargingCertificate
from charge_points.services import certificates
from tests.factories import tariffs
from tests.integration.billing.world import fresh
from tests.outbox import drain


def offer(code, language="en"):
    return guests.offer(code=code, language=language, at=timezone.now())


@pytest.fixture
def plugged(world):
    world.station.status("preparing")
    return world


def label_of(world):
    return world.station.connector().code


def test_a_label_shows_operator_place_price_and_hold_before_anything_starts(plugged):
    shown = offer(label_of(plugged))
    assert shown.operator_name == plugged.operator.name
    assert (shown.charge_point, shown.evse, shown.connector) == (
        plugged.station.identity,
        1,
        1,
    )
    assert (shown.currency, shown.hold_minor) == ("EUR", 5000)
    assert [(line.dimension, line.price, line.unit) for line in shown.price_lines] == [
        ("ENERGY", "0.5", "kWh")
    ]
    assert any("0.595" in words for words in shown.price_words)
    assert shown.payable
    assert shown.problem_code is None


def test_a_label_issues_a_certificate_for_a_plugged_in_vehicle_once(plugged):
    first = offer(label_of(plugged))
    again = offer(label_of(plugged))
    assert (
        certificates.verify(
            presented=first.certificate_code, at=timezone.now()
        ).charge_point_identity
        == plugged.station.identity
    )
    assert again.certificate_code is None
    assert again.payable
    assert ChargingCertificate.objects.count() == 1


def test_a_certificates_code_shows_the_same_offer(plugged):
    issued = plugged.station.certificate()
    shown = offer(issued.code)
    assert shown.certificate_code == issued.code
    assert shown.certificate_expires_at == issued.expires_at
    assert offer(issued.uri).hold_minor == shown.hold_minor


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (lambda w: w.station.status("available"), "not_plugged_in"),
        (lambda w: w.station.status("faulted"), "connector_unavailable"),
    ],
)
def test_an_offer_says_why_nothing_can_start(plugged, spoil, code):
    spoil(plugged)
    shown = offer(label_of(plugged))
    assert (shown.payable, shown.problem_code) == (False, code)
    assert shown.certificate_code is None
    with pytest.raises(ordering.UnableToStart) as refusal:
        guests.start(code=label_of(plugged), locale="en", email=None, at=timezone.now())
    assert refusal.value.code == code


def test_an_operator_that_cannot_be_paid_is_named_before_the_start(plugged):
    plugged.psp.control(f"accounts/{plugged.account.reference}", {"onboarded": False})
    type(plugged.account).objects.update(charges_enabled=False)
    shown = offer(label_of(plugged))
    assert (shown.payable, shown.problem_code) == (False, "payee_account_blocked")


@pytest.mark.parametrize("code", ["NOTHING", "", "x" * 5000, "a.b.c", "nul\x00"])
def test_unknown_codes_get_one_answer(world, code):
    with pytest.raises(certificates.UnableToVerifyCertificate) as refusal:
        offer(code)
    assert refusal.value.code == "certificate_invalid"


@pytest.fixture
def free(plugged):
    """Energy costs nothing here: no payment is needed."""
    tariffs.tariff(
        plugged.operator,
        tariffs.component(price="0"),
        code="FREE",
        charge_point=plugged.station.identity,
    )
    return plugged


def test_a_guest_starts_follows_and_stops_a_free_charge(free):
    begun = guests.start(
        code=label_of(free), locale="de", email="guest@example.org", at=timezone.now()
    )
    order = Order.objects.get(number=begun.order_number)
    assert (order.started_by, order.state) == ("guest", OrderState.STARTING)
    assert (order.contact_email, order.language) == ("guest@example.org", "de")
    charge = free.begin(order)
    seen = guests.by_live_token(begun.live_token, at=timezone.now())
    assert (seen.state, seen.can_stop) == (OrderState.CHARGING, True)
    guests.stop(live_token=begun.live_token, at=timezone.now())
    free.finish(charge)
    seen = guests.by_live_token(begun.live_token, at=timezone.now())
    assert (seen.state, seen.energy_wh, seen.cost_minor) == ("CLOSED", 10_000, 0)
    assert seen.receipt_ready
    with pytest.raises(ordering.UnableToStop):
        guests.stop(live_token=begun.live_token, at=timezone.now())


def test_a_guest_who_stops_before_the_begin_frees_the_connector(free):
    begun = guests.start(
        code=label_of(free), locale="en", email=None, at=timezone.now()
    )
    guests.stop(live_token=begun.live_token, at=timezone.now())
    drain()
    assert fresh(Order.objects.get()).state == OrderState.CANCELLED
    again = guests.start(
        code=label_of(free), locale="en", email=None, at=timezone.now()
    )
    assert again.order_number != begun.order_number


def test_a_certificate_serves_one_guest_only(free):
    code = offer(label_of(free)).certificate_code
    guests.start(code=code, locale="en", email=None, at=timezone.now())
    shown = offer(code)
    assert shown.problem_code == "certificate_already_claimed"
    with pytest.raises(ordering.UnableToStart):
        guests.start(code=code, locale="en", email=None, at=timezone.now())
    assert Order.objects.count() == 1


@pytest.mark.parametrize("spoil", [lambda t: t[:-1] + "x", lambda t: t[:20], str.lower])
def test_a_live_address_cannot_be_guessed_from_an_order_number(free, spoil):
    begun = guests.start(
        code=label_of(free), locale="en", email=None, at=timezone.now()
    )
    with pytest.raises(ordering.UnableToFindOrder):
        guests.by_live_token(spoil(begun.live_token), at=timezone.now())
    with pytest.raises(ordering.UnableToFindOrder):
        guests.stop(live_token=spoil(begun.live_token), at=timezone.now())


def test_the_offer_works_under_row_level_security(plugged, as_role):
    label = label_of(plugged)
    with as_role("app"):
        assert offer(label).payable
