"""Creating an order: every way to start comes through here (one code path, B3)."""

from dataclasses import asdict, dataclass, replace
from datetime import datetime

from django.db import transaction

from billing.models import Order
from billing.models.order_states import OrderState, PaymentState
from billing.services import caps, moves, standing
from billing.services.terms import (
    SPENDING_CAP_REACHED,
    Buyer,
    Guest,
    Terms,
    UnableToPlaceOrder,
    require_agreed,
    require_worth,
    terms_for,
    with_payee,
)
from charge_points.queries import ConnectorView
from charge_points.services import starting
from cpms.kernel.errors import DomainError
from settlement.services import methods, payees, payments, splits

REASON_CHARS_MAX = 300
NO_METHOD_HERE = "no_payment_method_here"


@dataclass(frozen=True)
class Origin:
    """What started the order."""

    started_by: str
    certificate_jti: str = ""
    id_token: str = ""
    token_group: str = ""
    token_type: str = ""
    actor: str = "system"

    @property
    def token(self) -> dict[str, str]:
        """What the id token is, for the tariffs made for such."""
        return {"group": self.token_group, "token_type": self.token_type}


@dataclass(frozen=True)
class Running:
    """A charge that runs already: which one, and since when."""

    transaction_id: int
    started_at: datetime


@transaction.atomic
def place(
    view: ConnectorView, buyer: Buyer, origin: Origin, *, number: str, at: datetime
) -> Order:
    """Create an order that waits for its hold (certificate, API and guest starts).

    Raises:
        UnableToPlaceOrder, UnableToFindTariff, UnableToResolvePayee,
        UnableToTrustAccount, UnableToOpenPayment, and the refusals of
        ``starting.reserve`` when the connector is taken.
    """
    caps.lock(buyer.driver, buyer.vehicle)
    return place_locked(view, buyer, origin, number=number, at=at)


@transaction.atomic(savepoint=False)
def place_locked(
    view: ConnectorView, buyer: Buyer, origin: Origin, *, number: str, at: datetime
) -> Order:
    """As ``place``, for who called ``caps.lock`` for the buyer already."""
    terms = terms_for(view, buyer, **origin.token, at=at)
    require_worth(terms)
    terms = with_payee(terms, view, at=at)
    require_agreed(terms, buyer)
    if not terms.free:
        standing.require_no_debt(buyer.driver)
    order = _new_order(view, buyer, origin, terms, number=number, at=at)
    starting.reserve(
        operator_id=view.operator_id,
        charge_point_identity=view.charge_point,
        evse=view.evse,
        connector=view.connector,
        order_number=number,
        at=at,
    )
    order.save()
    moves.created(order, cause=_cause(origin, at))
    if terms.free or buyer.unsecured:
        text = "free of charge" if terms.free else "on the operator's own account"
        start(order, cause=moves.Cause(text, origin.actor, at))
    else:
        _open_payment(order, buyer, at=at)
    return order


@transaction.atomic
def place_running(
    view: ConnectorView,
    buyer: Buyer,
    origin: Origin,
    running: Running,
    *,
    number: str,
    at: datetime,
) -> Order:
    """Create an order for a charge that runs already (token, offline).

    Terms are those of the start of the charge. Energy flows already, so nothing is
    refused: where no hold can be asked for, ``failure_reason`` says why, and what
    the charge costs is owed to the operator in the end (design B6).

    Raises:
        UnableToFindTariff, UnableToLimitCharge: what the operator has to mend first.
    """
    began = running.started_at
    caps.lock(buyer.driver, buyer.vehicle)
    terms, problem = _terms_of_running(view, buyer, origin, at=began)
    try:
        terms = with_payee(terms, view, at=began)
    except payees.UnableToResolvePayee as error:
        problem = problem or error.message
    order = _new_order(view, buyer, origin, terms, number=number, at=at)
    order.state = OrderState.CHARGING
    order.started_at = began
    order.transaction_id = running.transaction_id
    order.save()
    moves.created(order, cause=_cause(origin, at))
    if terms.free or buyer.driver is None:
        return order
    try:
        with transaction.atomic():
            if not problem:
                _open_payment(order, buyer, at=at)
    except DomainError as error:
        problem = error.message
        order.payment_id, order.payment_state = None, PaymentState.NONE
    if problem:
        order.failure_reason = problem[:REASON_CHARS_MAX]
        order.save()
    return order


def _terms_of_running(
    view: ConnectorView, buyer: Buyer, origin: Origin, *, at: datetime
) -> tuple[Terms, str]:
    """Terms, and why the charge has to stop: a cap that is used up sells nothing."""
    try:
        return terms_for(view, buyer, **origin.token, at=at), ""
    except UnableToPlaceOrder as error:
        if error.code != SPENDING_CAP_REACHED:
            raise
        freely = replace(buyer, uncapped=True)
        return terms_for(view, freely, **origin.token, at=at), error.message


def _cause(origin: Origin, at: datetime) -> moves.Cause:
    return moves.Cause(f"started by {origin.started_by}", origin.actor, at)


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
        operator=terms.operator,
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
        payee=asdict(terms.payee) if terms.payee else None,
        split=asdict(terms.split) if terms.split else None,
        contact_email=buyer.guest.email if buyer.guest else "",
        language=buyer.guest.language if buyer.guest else "",
        created_at=at,
        moved_at=at,
    )


def _open_payment(order: Order, buyer: Buyer, *, at: datetime) -> None:
    """Ask settlement for the hold, on the operator's own account.

    Raises:
        UnableToPlaceOrder: the driver has no payment method.
        UnableToOpenPayment: it cannot be used at this operator.
    """
    if buyer.guest is not None:
        _open_checkout(order, buyer.guest, at=at)
        return
    assert order.payee is not None, "frozen before anything is paid"
    payee = payees.PayeeSnapshot(**order.payee)
    driver = buyer.driver
    method = None
    if driver is not None:
        method = methods.default_for(driver.pk, operator_account=payee.cards_account)
    if driver is None or method is None:
        raise _no_method(order, payee)
    payment = payments.open_payment(
        operator_id=order.operator_id,
        order_number=order.number,
        currency=order.currency,
        hold_minor=order.hold_minor,
        driver_id=driver.pk,
        payment_method_id=method.id,
        payee=payee,
        split=splits.SplitSnapshot.from_json(order.split or {}),
        off_session=not buyer.present,
        at=at,
    )
    order.payment_id = payment.id
    moves.follow_payment(
        order, payment.state, cause=moves.Cause("hold requested", "system", at)
    )


def _no_method(order: Order, payee: payees.PayeeSnapshot) -> UnableToPlaceOrder:
    if payee.cards_account:
        return UnableToPlaceOrder(
            NO_METHOD_HERE,
            f"{order.operator.name} is paid directly and knows no card of this account "
            "yet. Save one with POST /api/v1/driver/payment-methods/pages "
            f'{{"operator": "{order.operator.code}"}}.',
            http_status=402,
            operator=order.operator.code,
        )
    return UnableToPlaceOrder(
        "no_payment_method",
        "The account has no payment method. Add one with POST "
        "/api/v1/driver/payment-methods.",
        http_status=402,
    )


def _open_checkout(order: Order, guest: Guest, *, at: datetime) -> None:
    """Have the provider ask for the hold, on its page for the operator's account."""
    assert order.payee is not None, "frozen before anything is paid"
    payment = payments.open_payment(
        operator_id=order.operator_id,
        order_number=order.number,
        currency=order.currency,
        hold_minor=order.hold_minor,
        driver_id=None,
        payment_method_id=None,
        payee=payees.PayeeSnapshot(**order.payee),
        split=splits.SplitSnapshot.from_json(order.split or {}),
        off_session=False,
        at=at,
        checkout=payments.CheckoutWanted(
            success_url=guest.success_url,
            cancel_url=guest.cancel_url,
            locale=guest.language,
            email=guest.email or None,
        ),
    )
    order.payment_id = payment.id
    moves.follow_payment(
        order, payment.state, cause=moves.Cause("payment page asked for", "system", at)
    )


def start(order: Order, *, cause: moves.Cause) -> None:
    """Answer the gateway: certificate and order number; it starts the charge.

    Raises:
        UnableToRequestStart: the connector's reservation has run out.
    """
    moves.move(order, OrderState.STARTING, cause=cause)
    starting.request_start(
        order_number=order.number,
        energy_limit_wh=order.energy_limit_wh,
        ends_by=order.ends_by,
        at=cause.at,
    )
