"""Guests at the QR code: the offer, the start, the page of the charge, the stop."""

from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import HTTPRedirectHandler, Request, build_opener

import pytest
from django.conf import settings
from django.utils import timezone

from billing import tasks
from billing.models import Order
from billing.models.order_states import OrderState
from billing.services import guests, ordering, pay_links
from charge_points.models import ChargingCertificate, StartHandle
from charge_points.services import certificates
from settlement.models import Payment
from settlement.services import holds, receivables
from tests.factories import network, tariffs
from tests.integration.billing.world import ago, fresh, payment_of
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


# -- payment on the provider's page --------------------------------------------------

GOOD, ASKS = "4242424242424242", "4000000000003220"


class _Stay(HTTPRedirectHandler):
    def redirect_request(self, *_args, **_named):
        return None


def browse(url, **form):
    """Open a hosted page as a browser does; returns status and where it leads."""
    body = urlencode(form).encode() if form else None
    try:
        with build_opener(_Stay).open(Request(url, body), timeout=30) as answer:
            return answer.status, ""
    except HTTPError as error:
        return error.code, error.headers.get("location", "")


def start(world, **values):
    begun = guests.start(
        code=values.pop("code", None) or label_of(world),
        locale="de",
        email="guest@example.org",
        at=timezone.now(),
    )
    drain()
    return begun, Order.objects.get(number=begun.order_number)


def look(order):
    holds.refresh(payment_id=order.payment_id, at=timezone.now())
    drain()
    return fresh(order)


def test_a_guest_pays_on_the_operators_page_charges_and_gets_a_receipt(plugged):
    begun, order = start(plugged)
    assert (order.state, order.payment_state) == ("CREATED", "REQUIRES_ACTION")
    seen = guests.by_live_token(begun.live_token, at=timezone.now())
    assert f"/{plugged.account.reference}/" in seen.action_url
    status, back = browse(seen.action_url, card_number=GOOD)
    assert status == 303
    assert back.startswith(f"{settings.PUBLIC_BASE_URL}/live/{begun.live_token}")
    order = look(order)
    assert (order.state, order.payment_state) == ("STARTING", "AUTHORIZED")
    charge = plugged.begin(order)
    plugged.finish(charge)
    order = fresh(order)
    assert (order.state, order.payment_state) == ("CLOSED", "CAPTURED")
    assert payment_of(order).captured_minor == 595
    assert payment_of(order).account_reference == plugged.account.reference
    seen = guests.by_live_token(begun.live_token, at=timezone.now())
    assert (seen.receipt_ready, seen.amount_minor, seen.pay_url) == (True, 595, None)


def test_the_banks_question_is_part_of_the_page(plugged):
    begun, order = start(plugged)
    seen = guests.by_live_token(begun.live_token, at=timezone.now())
    _, challenge = browse(seen.action_url, card_number=ASKS)
    assert look(order).state == "CREATED"
    assert challenge


def test_a_guest_who_never_pays_frees_the_connector(plugged):
    _, order = start(plugged)
    Order.objects.update(moved_at=ago(minutes=6))
    assert tasks.sweep_unpaid() == 1
    drain()
    order = fresh(order)
    assert (order.state, order.payment_state) == ("FAILED", "RELEASED")
    assert start(plugged)[1].state == "CREATED"


@pytest.mark.parametrize("who", ["guest", "driver"])
def test_who_does_not_pay_keeps_nobody_away_for_long(plugged, who):
    begun, order = start(plugged)
    assert offer(label_of(plugged)).problem_code == "connector_busy"
    Order.objects.update(created_at=ago(seconds=91))
    assert offer(label_of(plugged)).payable
    if who == "guest":
        _, second = start(plugged)
    else:
        second = ordering.start_for_driver(
            driver_id=plugged.driver.pk,
            target=ordering.Target(connector_code=label_of(plugged)),
            at=timezone.now(),
        )
        drain()
    assert fresh(order).state == "FAILED"
    assert second.pk != order.pk
    assert fresh(second).state in {"CREATED", "STARTING"}
    browse(order.action_url or "http://127.0.0.1:1/", card_number=GOOD)
    look(order)
    assert payment_of(order).state == "RELEASED"
    seen = guests.by_live_token(begun.live_token, at=timezone.now())
    assert "Somebody else" in seen.failure_reason


def test_a_guest_who_has_paid_is_not_displaced(plugged):
    _, order = start(plugged)
    browse(order.action_url, card_number=GOOD)
    look(order)
    Order.objects.update(created_at=ago(minutes=10))
    assert offer(label_of(plugged)).problem_code == "connector_busy"
    with pytest.raises(certificates.UnableToIssueCertificate):
        start(plugged)
    assert fresh(order).state == "STARTING"


def test_a_return_without_payment_starts_nothing(plugged):
    _, order = start(plugged)
    assert look(order).state == "CREATED"
    assert not StartHandle.objects.get().requested_at


# -- what is left owing --------------------------------------------------------------


@pytest.fixture
def owing(world):
    """A charge by an operator's own token: nobody's account, so a debt."""
    charge = world.station.start(network.token(operator=world.operator))
    drain()
    world.finish(charge)
    return Order.objects.get()


def link_token(order):
    return pay_links.url_of(order.number).rpartition("/")[2]


def test_a_debt_is_paid_by_its_link_on_the_operators_account(world, owing):
    token = link_token(owing)
    assert pay_links.look(token).amount_minor == 595
    pay_links.pay(token, locale="en", at=timezone.now())
    drain()
    debt = pay_links.pay(token, locale="en", at=timezone.now())
    assert f"/{world.account.reference}/" in debt.action_url
    status, back = browse(debt.action_url, card_number=GOOD)
    assert status == 303
    assert back.startswith(f"{settings.PUBLIC_BASE_URL}/pay/{token}")
    collecting = Payment.objects.get(order_number=owing.number, sequence=2)
    holds.refresh(payment_id=collecting.pk, at=timezone.now())
    drain()
    assert pay_links.look(token).amount_minor == 0
    collecting.refresh_from_db()
    assert (collecting.state, collecting.captured_minor) == ("CAPTURED", 595)
    with pytest.raises(receivables.UnableToCollect):
        pay_links.pay(token, locale="en", at=timezone.now())


def test_a_live_address_is_no_pay_link_and_the_other_way_round(owing):
    with pytest.raises(pay_links.UnableToFindDebt):
        pay_links.look(guests.live_token(owing.number))
    with pytest.raises(ordering.UnableToFindOrder):
        guests.by_live_token(link_token(owing), at=timezone.now())
    with pytest.raises(pay_links.UnableToFindDebt):
        pay_links.pay("A" * 20 + ".x", locale="en", at=timezone.now())


def test_the_page_of_an_owed_charge_leads_to_its_pay_link(owing):
    token = guests.live_token(owing.number)
    seen = guests.by_live_token(token, at=timezone.now())
    assert seen.pay_url == pay_links.url_of(owing.number)
