"""Ways to start and stop an order: claims, driver API, stop."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import QuerySet

from billing.models import Order
from billing.models.order import StartedBy
from billing.models.order_states import LIVE_STATES, OrderState
from billing.services import caps, moves, notices, proofs
from billing.services.placing import REASON_CHARS_MAX, Origin, place, place_locked
from billing.services.presence import Presence, confirm
from billing.services.terms import Buyer
from charge_points.queries import (
    ConnectorView,
    connector_by_code,
    connector_view,
    live_values,
)
from charge_points.services import certificates, starting
from cpms.accounts.models import Driver
from cpms.kernel.errors import DomainError
from cpms.kernel.ids import new_order_number
from settlement.services import payments

GUEST_PAYS_WITHIN: Final = timedelta(seconds=90)
"""So long a guest keeps a connector without paying while somebody else waits."""


class UnableToStart(DomainError):
    """The connector is unknown or cannot start a charge now."""


class UnableToFindOrder(DomainError):
    """There is no such order, or it is somebody else's: the same words for both."""

    http_status = 404


class UnableToStop(DomainError):
    """There is nothing to stop."""


@dataclass(frozen=True)
class Claim:
    """A certificate presented by a vehicle (with proof) or a phone (with account).

    ``confirmed_minor`` is the most that the driver confirmed on the page, in the
    currency of the tariff that it showed; ``agreed_tariff`` is that tariff's hash.
    """

    presented: str
    proof: str | None
    driver_id: int | None
    idempotency_key: str
    confirmed_minor: int | None = None
    agreed_tariff: str = ""
    presence: Presence = proofs.NOWHERE


def _buyer(
    claim: Claim, view: certificates.CertificateView, *, at: datetime
) -> tuple[Buyer, proofs.VehicleProof | None]:
    if claim.proof is not None:
        proof = proofs.verify(proof=claim.proof, at=at)
        proofs.bind(proof, jti=view.jti, charge_point=view.charge_point_identity)
        buyer = Buyer(
            proof.vehicle.payer or proof.vehicle.driver,
            proof.vehicle,
            proof.max_amount_minor,
            proof.currency,
        )
        return buyer, proof
    assert claim.driver_id is not None, "a phone has an account, a vehicle a proof"
    driver = Driver.objects.get(pk=claim.driver_id)
    buyer = Buyer(
        driver,
        max_amount_minor=claim.confirmed_minor,
        present=True,
        agreed_tariff=claim.agreed_tariff,
    )
    return buyer, None


@transaction.atomic
def claim_certificate(*, claim: Claim, at: datetime) -> Order:
    """Steps 4 and 5 of the flow: certificate + identity → order and hold.

    All or nothing: a refusal leaves the certificate claimable and the proof unused.
    The same buyer with the same idempotency key gets the first answer again.

    Raises:
        UnableToVerifyCertificate, UnableToClaim, UnableToVerifyProof,
        UnableToConfirmPresence, UnableToPlaceOrder, UnableToFindTariff,
        UnableToResolvePayee.
    """
    view = certificates.verify(presented=claim.presented, at=at)
    buyer, proof = _buyer(claim, view, at=at)
    first = _first_answer(claim, view, buyer, at=at)
    if first is not None:
        return first
    caps.lock(buyer.driver, buyer.vehicle)
    place_view = _known(
        connector_view(view.charge_point_identity, view.evse, view.connector)
    )
    confirm(
        claim.presence if proof is None else proof.presence,
        place_view,
        plugged_in_at=view.episode_started_at,
        at=at,
    )
    number = new_order_number()
    if proof is not None:
        proofs.use(proof, order_number=number, at=at)
    claimed = certificates.claim(
        presented=claim.presented,
        order_number=number,
        idempotency_key=claim.idempotency_key,
        at=at,
        seen=view,
    )
    if claimed.order_number != number:
        # Another buyer's claim with the same idempotency key.
        raise certificates.UnableToClaim(
            "certificate_already_claimed",
            "This charging certificate was used already; plug in again for a new one.",
        )
    origin = Origin(
        StartedBy.CERTIFICATE,
        certificate_jti=view.jti,
        actor="vehicle" if proof is not None else "driver",
    )
    order = place_locked(place_view, buyer, origin, number=number, at=at)
    notices.tell(notices.CHARGE_REQUESTED, order)
    return order


def _first_answer(
    claim: Claim, view: certificates.CertificateView, buyer: Buyer, *, at: datetime
) -> Order | None:
    """The order of this very claim, if it was answered before (a lost answer)."""
    if view.order_number is None or not claim.idempotency_key:
        return None
    try:
        certificates.claim(
            presented=claim.presented,
            order_number=view.order_number,
            idempotency_key=claim.idempotency_key,
            at=at,
        )
    except certificates.UnableToClaim:
        return None
    return Order.objects.filter(
        number=view.order_number, driver=buyer.driver, vehicle=buyer.vehicle
    ).first()


def _known(view: ConnectorView | None) -> ConnectorView:
    if view is None:
        raise UnableToStart(
            "unknown_connector",
            "There is no such connector; check the code on the label.",
            http_status=404,
        )
    return view


@dataclass(frozen=True)
class Target:
    """A connector as a driver names it: by its label, or by the station's name."""

    connector_code: str | None = None
    charge_point: str | None = None
    evse: int = 1
    connector: int = 1


def find_connector(target: Target) -> ConnectorView:
    """Look a target up.

    Raises:
        UnableToStart: unknown_connector.
    """
    if target.connector_code:
        return _known(connector_by_code(target.connector_code))
    return _known(
        connector_view(target.charge_point or "", target.evse, target.connector)
    )


def stale_guests(view: ConnectorView, *, at: datetime) -> QuerySet[Order]:
    """Orders of guests that hold a connector and were not paid for some while."""
    return Order.objects.filter(
        operator_id=view.operator_id,
        charge_point=view.charge_point,
        evse=view.evse,
        connector=view.connector,
        started_by=StartedBy.GUEST,
        state=OrderState.CREATED,
        created_at__lt=at - GUEST_PAYS_WITHIN,
    )


def displace_stale_guests(view: ConnectorView, *, at: datetime) -> None:
    """Make room at a connector that somebody holds without paying.

    Opening a payment page costs nothing, so it must not keep others away for long.
    A hold that comes after all is given back.
    """
    for number in stale_guests(view, at=at).values_list("number", flat=True):
        order = moves.lock(number)
        if order is not None and order.state == OrderState.CREATED:
            reason = "Somebody else started here before the payment was made."
            fail(order, reason, cause=moves.Cause(reason, "system", at))


def require_online(view: ConnectorView) -> None:
    """Refuse a station that nobody can ask to start.

    Raises:
        UnableToStart: charge_point_offline.
    """
    if not view.online:
        raise UnableToStart(
            "charge_point_offline",
            f"Charge point {view.charge_point} is not connected; try another one.",
        )


@transaction.atomic
def start_for_driver(
    *, driver_id: int, target: Target, agreed_tariff: str = "", at: datetime
) -> Order:
    """A remote start by the driver's app.

    ``agreed_tariff`` is the hash of the tariff that the app showed, if it says so.

    Raises:
        UnableToStart: unknown connector, or its station is offline.
        UnableToPlaceOrder, UnableToFindTariff, UnableToResolvePayee.
    """
    view = find_connector(target)
    require_online(view)
    displace_stale_guests(view, at=at)
    driver = Driver.objects.get(pk=driver_id)
    buyer = Buyer(driver, present=True, agreed_tariff=agreed_tariff)
    origin = Origin(StartedBy.DRIVER_API, actor="driver")
    return place(view, buyer, origin, number=new_order_number(), at=at)


@transaction.atomic
def stop_for_driver(*, driver_id: int, number: str, at: datetime) -> Order:
    """Stop an own charge; before it began, cancel the order and its hold.

    Raises:
        UnableToFindOrder: not an order of this driver.
        UnableToStop: it has ended.
    """
    order = moves.lock(number)
    if order is None or order.driver_id != driver_id:
        raise UnableToFindOrder("unknown_order", "You have no order with this number.")
    stop(order, actor="driver", at=at)
    return order


def stop(order: Order, *, actor: str, at: datetime) -> None:
    """Stop the charge of a locked order, or cancel it before it began.

    Raises:
        UnableToStop: it has ended.
    """
    if order.state not in LIVE_STATES:
        raise UnableToStop(
            "order_not_running",
            f"The order is {order.state}; there is nothing to stop.",
        )
    # The news of its begin may still be on the way to the order.
    if order.state == OrderState.CHARGING or live_values(order.number) is not None:
        starting.request_stop(order_number=order.number, reason=actor, at=at)
    else:
        cancel(order, cause=moves.Cause(f"stopped by the {actor}", actor, at))


def cancel(order: Order, *, cause: moves.Cause) -> None:
    """End an order from which nothing was drawn, and free hold and connector."""
    moves.move(order, OrderState.CANCELLED, cause=cause)
    _let_go(order, cause=cause)


def fail(order: Order, reason: str, *, cause: moves.Cause) -> None:
    """End an order that could not start, and free hold and connector."""
    order.failure_reason = reason[:REASON_CHARS_MAX]
    moves.move(order, OrderState.FAILED, cause=cause)
    _let_go(order, cause=cause)


def _let_go(order: Order, *, cause: moves.Cause) -> None:
    starting.cancel(order_number=order.number, at=cause.at)
    if order.certificate_jti:
        certificates.release(order_number=order.number, reason=cause.text, at=cause.at)
    release_hold(order, cause=cause)


def release_hold(order: Order, *, cause: moves.Cause) -> None:
    """Give the hold back; without one there is nothing to do."""
    if order.payment_id is not None:
        payments.request_release(
            payment_id=order.payment_id, reason=cause.text, at=cause.at
        )
