"""Creating an order: every way to start comes through here (one code path, B3)."""

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from django.db import transaction

from billing.models import Order
from billing.models.order_states import OrderState, PaymentState
from billing.pricing import (
    ChargeLimits,
    ChargingPeriod,
    Outlook,
    Session,
    State,
    Tariff,
    limits_for_amount,
    parse_tariff,
    rate,
)
from billing.services import moves
from billing.services.tariffs import AppliedTariff, Place, tariff_for
from charge_points.queries import ConnectorView
from charge_points.services import starting
from cpms.accounts.models import Driver, Operator, Vehicle
from cpms.kernel.errors import DomainError
from cpms.kernel.money import format_minor, to_minor
from settlement.services import methods, payees, payments, splits

POWER_UNKNOWN_W: Final = 350_000
"""Taken for connectors without a known power: the fastest there are."""

IDLE_RESERVE: Final = timedelta(hours=1)
"""The hold keeps back so much idle time, where idle time costs; at most half of it."""


class UnableToPlaceOrder(DomainError):
    """The charge cannot be sold; nothing was created."""


@dataclass(frozen=True)
class Buyer:
    """Who pays and what they allow."""

    driver: Driver | None
    vehicle: Vehicle | None = None
    max_amount_minor: int | None = None
    max_currency: str | None = None


@dataclass(frozen=True)
class Origin:
    """What started the order."""

    started_by: str
    certificate_jti: str = ""
    id_token: str = ""
    token_group: str = ""
    actor: str = "system"


@dataclass(frozen=True)
class Terms:
    """The frozen terms of an order."""

    applied: AppliedTariff
    hold_minor: int
    limits: ChargeLimits | None
    free: bool


def place_of(view: ConnectorView, *, token_group: str = "") -> Place:
    """Where the tariff is looked up for a connector."""
    return Place(
        operator_id=view.operator_id,
        charge_point=view.charge_point,
        site_id=view.site_id,
        connector_type=view.connector_type,
        token_group=token_group,
    )


def hold_for(operator: Operator, buyer: Buyer, *, currency: str) -> int:
    """The hold: the smallest of the operator's, the driver's and the proof's cap."""
    caps = [operator.hold_default_minor]
    driver = buyer.driver
    if driver is not None and driver.cap_minor and driver.cap_currency == currency:
        caps.append(driver.cap_minor)
    if buyer.max_amount_minor and buyer.max_currency == currency:
        caps.append(buyer.max_amount_minor)
    return min(caps)


def terms_for(view: ConnectorView, buyer: Buyer, *, group: str, at: datetime) -> Terms:
    """Tariff, hold and energy limit as they would be frozen now.

    Raises:
        UnableToFindTariff: no tariff applies.
        UnableToPlaceOrder: the hold does not even buy the start.
    """
    operator = Operator.objects.get(pk=view.operator_id)
    applied = tariff_for(place_of(view, token_group=group), at=at)
    hold_minor = hold_for(operator, buyer, currency=applied.currency)
    tariff = parse_tariff(applied.ocpi)
    if is_free(tariff):
        return Terms(applied, 0, None, free=True)
    reserve_minor = _idle_reserve_minor(tariff, view.time_zone, at=at)
    power_w = view.max_power_w or POWER_UNKNOWN_W
    limits = limits_for_amount(
        tariff,
        Outlook(at, view.time_zone, Decimal(power_w) / 1000),
        amount_minor=hold_minor - min(reserve_minor, hold_minor // 2),
        currency=applied.currency,
    )
    if limits.energy_wh == 0:
        raise UnableToPlaceOrder(
            "hold_too_small",
            f"A hold of {format_minor(hold_minor, applied.currency)} does not even buy "
            "the start here; raise the spending cap.",
        )
    return Terms(applied, hold_minor, limits, free=False)


def is_free(tariff: Tariff) -> bool:
    """Whether nothing in the tariff costs anything."""
    return not any(
        component.price
        for element in tariff.elements
        for component in element.price_components
    )


def _idle_reserve_minor(tariff: Tariff, time_zone: str, *, at: datetime) -> int:
    parked = ChargingPeriod(State.PARKING, at, at + IDLE_RESERVE)
    cost = rate(tariff, Session((parked,), time_zone)).cost_of("PARKING_TIME")
    return to_minor(cost.after_taxes, tariff.currency)


def _snapshots(order: Order, *, site_id: int | None, at: datetime) -> None:
    """Freeze payee and split; refuse an operator that cannot be paid.

    Raises:
        UnableToResolvePayee: no working account, before energy flows.
    """
    payee = payees.snapshot(
        operator_id=order.operator_id, currency=order.currency, at=at
    )
    split = splits.snapshot(operator_id=order.operator_id, site_id=site_id, at=at)
    order.payee, order.split = asdict(payee), asdict(split)


@transaction.atomic
def place(
    view: ConnectorView, buyer: Buyer, origin: Origin, *, number: str, at: datetime
) -> Order:
    """Create an order that waits for its hold (certificate, API and guest starts).

    Raises:
        UnableToPlaceOrder, UnableToFindTariff, UnableToResolvePayee, and the
        refusals of ``starting.reserve`` when the connector is taken.
    """
    terms = terms_for(view, buyer, group=origin.token_group, at=at)
    order = _new_order(view, buyer, origin, terms, number=number, at=at)
    starting.reserve(
        operator_id=view.operator_id,
        charge_point_identity=view.charge_point,
        evse=view.evse,
        connector=view.connector,
        order_number=number,
        at=at,
    )
    cause = moves.Cause(f"started by {origin.started_by}", origin.actor, at)
    if terms.free:
        order.save()
        moves.created(order, cause=cause)
        start(order, cause=moves.Cause("free of charge", origin.actor, at))
        return order
    _snapshots(order, site_id=view.site_id, at=at)
    order.save()
    moves.created(order, cause=cause)
    _open_payment(order, buyer, off_session=True, at=at)
    return order


@transaction.atomic
def place_running(
    view: ConnectorView,
    buyer: Buyer,
    origin: Origin,
    *,
    number: str,
    started_at: datetime,
    at: datetime,
) -> Order:
    """Create an order for a charge that runs already (token, offline).

    The tariff is that of the start of the charge. An operator that cannot be paid
    does not make the energy unpaid: the order is created without a payment and ends
    as a receivable (design B6).
    """
    terms = terms_for(view, buyer, group=origin.token_group, at=started_at)
    order = _new_order(view, buyer, origin, terms, number=number, at=at)
    order.state, order.started_at = OrderState.CHARGING, started_at
    cause = moves.Cause(f"started by {origin.started_by}", origin.actor, at)
    if terms.free:
        order.save()
        moves.created(order, cause=cause)
        return order
    payable = True
    try:
        _snapshots(order, site_id=view.site_id, at=started_at)
    except DomainError as error:
        payable, order.failure_reason = False, error.message[:300]
    order.save()
    moves.created(order, cause=cause)
    if payable and buyer.driver is not None:
        _open_payment(order, buyer, off_session=True, at=at)
    return order


def _new_order(
    view: ConnectorView,
    buyer: Buyer,
    origin: Origin,
    terms: Terms,
    *,
    number: str,
    at: datetime,
) -> Order:
    return Order(
        operator_id=view.operator_id,
        number=number,
        state=OrderState.CREATED,
        payment_state=PaymentState.NONE,
        started_by=origin.started_by,
        driver=buyer.driver,
        vehicle=buyer.vehicle,
        id_token=origin.id_token,
        charge_point=view.charge_point,
        site_id=view.site_id,
        evse=view.evse,
        connector=view.connector,
        certificate_jti=origin.certificate_jti,
        currency=terms.applied.currency,
        time_zone=view.time_zone,
        hold_minor=terms.hold_minor,
        energy_limit_wh=terms.limits.energy_wh if terms.limits else None,
        ends_by=terms.limits.ends_by if terms.limits else None,
        tariff=terms.applied.ocpi,
        tariff_hash=terms.applied.content_hash,
        tariff_reason=terms.applied.reason,
        created_at=at,
        moved_at=at,
    )


def _open_payment(
    order: Order, buyer: Buyer, *, off_session: bool, at: datetime
) -> None:
    """Ask settlement for the hold, on the operator's own account.

    Raises:
        UnableToPlaceOrder: the driver has no payment method (only where the start
            can still be refused).
    """
    driver = buyer.driver
    method = methods.default_for(driver.pk) if driver is not None else None
    if method is None and order.state == OrderState.CREATED:
        raise UnableToPlaceOrder(
            "no_payment_method",
            "The account has no payment method. Add one with POST "
            "/api/v1/driver/payment-methods.",
            http_status=402,
        )
    if method is None or order.payee is None or order.split is None:
        return
    payment = payments.open_payment(
        operator_id=order.operator_id,
        order_number=order.number,
        currency=order.currency,
        hold_minor=order.hold_minor,
        driver_id=driver.pk if driver is not None else None,
        payment_method_id=method.id,
        payee=payees.PayeeSnapshot(**order.payee),
        split=splits.SplitSnapshot.from_json(order.split),
        off_session=off_session,
        at=at,
    )
    order.payment_id = payment.id
    moves.move_payment(
        order, payment.state, cause=moves.Cause("hold requested", "system", at)
    )


def start(order: Order, *, cause: moves.Cause) -> None:
    """Answer the gateway: certificate and order number; it starts the charge."""
    moves.move(order, OrderState.STARTING, cause=cause)
    starting.request_start(
        order_number=order.number,
        energy_limit_wh=order.energy_limit_wh,
        ends_by=order.ends_by,
        at=cause.at,
    )
