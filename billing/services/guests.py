"""Guests: somebody with a phone at the QR code, without any account.

Doors of the drivers' pages: what a charge would cost here (``offer``), the start
with payment on the provider's page (``start``), the running charge by its address
(``by_live_token``) and its stop. Each opens the scope it needs by itself.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.conf import settings
from django.core import signing

from billing.models import Order, Receipt
from billing.models.order import StartedBy
from billing.models.order_states import LIVE_STATES, PaymentState
from billing.pricing import Tariff, parse_tariff
from billing.services import moves, ordering, pay_links, rating
from billing.services.offers import (
    Offer,
    PriceLine,
    certificate_for_label,
    find_spot,
    obstacle,
    offer,
    price_words,
)
from billing.services.placing import Origin, place
from billing.services.terms import Buyer, Guest
from charge_points.queries import connector_view, live_values
from charge_points.services import certificates
from cpms.accounts.tenancy import acting_as_platform
from cpms.kernel.ids import new_order_number

__all__ = [
    "LIVE_PATH",
    "GuestStart",
    "LiveOrder",
    "Offer",
    "PriceLine",
    "by_live_token",
    "live_token",
    "offer",
    "start",
    "stop",
]

LIVE_PATH: Final = "/live/"
"""The page of a running charge: ``LIVE_PATH`` + live token."""

TOKEN_CHARS_MAX: Final = 120
_SIGNER_SALT: Final = "billing.guests.live"


@dataclass(frozen=True, slots=True)
class GuestStart:
    """A started order and the secret address of its page."""

    order_number: str
    live_token: str


@dataclass(frozen=True, slots=True)
class LiveOrder:
    """A charge as its own page shows it.

    ``action_url`` is the provider's payment page while that is to be visited;
    ``cost_minor`` the price so far by the function that makes the bill, and the bill
    itself once there is one.
    """

    order_number: str
    state: str
    payment_state: str
    action_url: str | None
    operator_name: str
    charge_point: str
    site_name: str
    evse: int
    connector: int
    currency: str
    hold_minor: int
    energy_limit_wh: int | None
    energy_wh: int
    power_w: int | None
    soc_percent: int | None
    cost_minor: int
    amount_minor: int | None
    measured_at: datetime | None
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    unplugged_at: datetime | None
    time_zone: str
    failure_reason: str | None
    can_stop: bool
    receipt_ready: bool
    tariff: Tariff
    price_words: list[str]
    pay_url: str | None


def start(
    *,
    code: str,
    locale: str,
    email: str | None,
    agreed_tariff: str = "",
    at: datetime,
) -> GuestStart:
    """Place a guest's order: certificate claimed, payment page asked for.

    ``agreed_tariff`` is the hash of the tariff that the page showed.

    The charge starts as soon as the hold stands; a free one at once. With a label's
    code the guest gets a certificate of its own, and one that waits for a vehicle is
    superseded: who stands there and pays comes first.

    Raises:
        UnableToStart: out of order, offline, or nothing plugged in.
        UnableToVerifyCertificate, UnableToIssueCertificate, UnableToClaim,
        UnableToPlaceOrder, UnableToFindTariff, UnableToResolvePayee,
        UnableToOpenPayment.
    """
    number = new_order_number()
    token = live_token(number)
    page = f"{settings.PUBLIC_BASE_URL}{LIVE_PATH}{token}"
    guest = Guest(email=email or "", language=locale, success_url=page, cancel_url=page)
    with acting_as_platform("a guest starts: the code says whose station it is"):
        spot = find_spot(code, at=at)
        problem = obstacle(spot)
        if problem is not None:
            raise ordering.UnableToStart(*problem)
        presented = code.strip()
        ordering.displace_stale_guests(spot.view, at=at)
        if spot.certificate is None:
            presented = certificate_for_label(spot.view, at=at).code
        claimed = certificates.claim(
            presented=presented, order_number=number, idempotency_key="", at=at
        )
        origin = Origin(StartedBy.GUEST, certificate_jti=claimed.jti, actor="guest")
        place(
            spot.view,
            Buyer(None, present=True, guest=guest, agreed_tariff=agreed_tariff),
            origin,
            number=number,
            at=at,
        )
    return GuestStart(number, token)


def _signer() -> signing.Signer:
    return signing.Signer(sep=".", salt=_SIGNER_SALT)


def live_token(number: str) -> str:
    """The secret in the address of an order's page: its number, signed by us."""
    return _signer().sign(number)


def _number_of(token: str) -> str:
    try:
        return _signer().unsign(token[:TOKEN_CHARS_MAX])
    except signing.BadSignature as error:
        raise _no_order() from error


def _no_order() -> ordering.UnableToFindOrder:
    return ordering.UnableToFindOrder(
        "unknown_order", "There is no charge at this address."
    )


def by_live_token(token: str, *, at: datetime) -> LiveOrder:
    """The charge of a page.

    Raises:
        UnableToFindOrder: the token is none of ours.
    """
    number = _number_of(token)
    with acting_as_platform("who has the token may see its charge"):
        order = Order.objects.select_related("operator").filter(number=number).first()
        if order is None:
            raise _no_order()
        return _live(order, at=at)


def _live(order: Order, *, at: datetime) -> LiveOrder:
    values = live_values(order.number)
    view = connector_view(order.charge_point, order.evse, order.connector)
    amount = order.amount_minor
    tariff = parse_tariff(order.tariff)
    owes = order.payment_state == PaymentState.RECEIVABLE
    asks = order.payment_state == PaymentState.REQUIRES_ACTION
    measured: dict[str, Any] = {
        "energy_wh": values.energy_wh if values else (order.energy_wh or 0),
        "power_w": values.power_w if values else None,
        "soc_percent": values.soc_percent if values else None,
        "measured_at": values.at if values else None,
    }
    return LiveOrder(
        order_number=order.number,
        state=order.state,
        payment_state=order.payment_state,
        action_url=order.action_url if asks and order.action_url else None,
        operator_name=order.operator.name,
        charge_point=order.charge_point,
        site_name=view.site if view else "",
        evse=order.evse,
        connector=order.connector,
        currency=order.currency,
        hold_minor=order.hold_minor,
        energy_limit_wh=order.energy_limit_wh,
        cost_minor=rating.estimate(order, at=at) if amount is None else amount,
        amount_minor=amount,
        created_at=order.created_at,
        started_at=order.started_at,
        ended_at=order.ended_at,
        unplugged_at=order.unplugged_at,
        time_zone=order.time_zone,
        failure_reason=order.failure_reason or None,
        can_stop=order.state in LIVE_STATES,
        receipt_ready=Receipt.objects.filter(order=order).exists(),
        tariff=tariff,
        price_words=price_words(tariff, order.language),
        pay_url=pay_links.url_of(order.number) if owes else None,
        **measured,
    )


def stop(*, live_token: str, at: datetime) -> None:
    """Stop the charge of a page; before it began, cancel it and free the hold.

    Raises:
        UnableToFindOrder: the token is none of ours.
        UnableToStop: it has ended.
    """
    number = _number_of(live_token)
    with acting_as_platform("who has the token may stop its charge"):
        order = moves.lock(number)
        if order is None:
            raise _no_order()
        ordering.stop(order, actor="guest", at=at)
