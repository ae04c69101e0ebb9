"""What facts of other rooms do to an order. Facts may come late, twice, unordered."""

from datetime import datetime
from typing import Any, Final

from billing.models import Order
from billing.models.order import StartedBy
from billing.models.order_states import OrderState, PaymentState
from billing.services import moves, ordering, rating
from billing.services.placing import Buyer, Origin, place_running, start
from billing.services.tariffs import UnableToFindTariff
from charge_points.queries import connector_view, token_account
from charge_points.services import certificates, id_tokens, starting, transactions
from cpms.accounts.models import Driver
from cpms.kernel.ids import new_order_number
from cpms.outbox import RetryLater

SYSTEM: Final = "system"
NO_TARIFF_RETRY_S: Final = 60.0


def _cause(text: str, at: datetime, actor: str = SYSTEM) -> moves.Cause:
    return moves.Cause(text, actor, at)


def payment_authorized(number: str, *, at: datetime) -> None:
    """The hold stands: start, or capture what was rated meanwhile."""
    order = moves.lock(number)
    if order is None:
        return
    cause = _cause("hold authorised", at)
    moves.move_payment(order, PaymentState.AUTHORIZED, cause=cause)
    if order.state == OrderState.CREATED:
        start(order, cause=cause)
    elif order.state == OrderState.RATED:
        rating.collect(order, cause=cause)
    elif order.state in {OrderState.FAILED, OrderState.CANCELLED}:
        ordering.release_hold(order, cause=cause)


def payment_action_required(number: str, *, url: str, at: datetime) -> None:
    """The driver must confirm at its bank (3-D Secure)."""
    order = moves.lock(number)
    if order is None or order.state != OrderState.CREATED:
        return
    order.action_url = url[:500]
    moves.move_payment(
        order,
        PaymentState.REQUIRES_ACTION,
        cause=_cause("the bank asks the driver to confirm", at),
    )


def payment_declined(number: str, *, reason: str, at: datetime) -> None:
    """No hold: fail an order that has not started, stop one that runs."""
    order = moves.lock(number)
    if order is None:
        return
    cause = _cause(f"payment declined: {reason}", at)
    moves.move_payment(order, PaymentState.DECLINED, cause=cause)
    if order.state in {OrderState.CREATED, OrderState.STARTING}:
        ordering.fail(order, f"The payment was declined: {reason}", cause=cause)
    elif order.state == OrderState.CHARGING:
        starting.request_stop(order_number=number, reason="payment declined", at=at)
    elif order.state == OrderState.RATED:
        rating.collect(order, cause=cause)


def payment_settled(number: str, *, state: str, at: datetime) -> None:
    """Captured or receivable: the order closes; a release is only mirrored."""
    order = moves.lock(number)
    if order is None:
        return
    cause = _cause(f"payment {state.lower()}", at)
    moves.move_payment(order, state, cause=cause)
    closing = {PaymentState.CAPTURED, PaymentState.RECEIVABLE, PaymentState.RELEASED}
    if order.state == OrderState.RATED and state in closing:
        rating.close(order, cause=cause)


def start_failed(number: str, *, reason: str, at: datetime) -> None:
    """The charger refused or did not begin in time: free the hold."""
    order = moves.lock(number)
    if order is None or order.state not in {OrderState.CREATED, OrderState.STARTING}:
        return
    ordering.fail(order, reason, cause=_cause(reason, at))


def transaction_started(payload: dict[str, Any], *, at: datetime) -> None:
    """A charge began: under its order, or as a new one (token, offline).

    Raises:
        RetryLater: no tariff applies yet; the operator must assign one.
    """
    transaction_id = int(payload["transaction_id"])
    if Order.objects.filter(transaction_id=transaction_id).exists():
        return
    number = payload.get("order_number")
    order = moves.lock(number) if number else None
    if order is not None and order.state == OrderState.STARTING:
        order.transaction_id = transaction_id
        order.started_at = datetime.fromisoformat(payload["started_at"])
        moves.move(order, OrderState.CHARGING, cause=_cause("charge began", at))
        return
    if payload.get("started_by") == "pending":
        return
    _order_for_running(payload, former=order, at=at)


def _order_for_running(
    payload: dict[str, Any], *, former: Order | None, at: datetime
) -> None:
    """An order for a charge that nobody asked billing about before.

    ``former`` is an order whose start came too late: its driver pays for what runs
    now, under a new number.
    """
    view = connector_view(
        payload["charge_point"], int(payload["evse"]), int(payload["connector"])
    )
    if view is None:
        raise RetryLater(NO_TARIFF_RETRY_S, "The connector is not known yet.")
    token = str(payload.get("id_token") or "")
    account = token_account(token, operator_id=view.operator_id) if token else None
    driver = former.driver if former is not None else None
    if driver is None and account is not None and account.driver_id is not None:
        driver = Driver.objects.filter(pk=account.driver_id).first()
    origin = Origin(
        started_by=_origin_word(str(payload.get("started_by"))),
        id_token=token,
        token_group=(account.group if account is not None else "") or "",
    )
    try:
        order = place_running(
            view,
            Buyer(driver),
            origin,
            number=new_order_number(),
            started_at=datetime.fromisoformat(payload["started_at"]),
            at=at,
        )
    except UnableToFindTariff as error:
        raise RetryLater(NO_TARIFF_RETRY_S, error.message) from error
    order.transaction_id = int(payload["transaction_id"])
    order.save(update_fields=["transaction_id"])
    transactions.attach_order(
        transaction_id=order.transaction_id, order_number=order.number, at=at
    )
    transactions.set_limits(
        transaction_id=order.transaction_id,
        energy_limit_wh=order.energy_limit_wh,
        ends_by=order.ends_by,
    )


def _origin_word(started_by: str) -> str:
    known = {StartedBy.OFFLINE, StartedBy.PLUG_AND_CHARGE}
    return started_by if started_by in known else StartedBy.TOKEN


def transaction_ended(payload: dict[str, Any], *, at: datetime) -> None:
    """The charge ended: finish, or hand it to a person when its meter lies.

    Raises:
        RetryLater: its order does not exist yet (the start's event is on its way).
    """
    transaction_id = int(payload["transaction_id"])
    order = _locked_by_transaction(transaction_id)
    if order is None:
        raise RetryLater(2.0, f"No order yet for transaction {transaction_id}.")
    if order.state != OrderState.CHARGING:
        return
    order.energy_wh = int(payload["energy_wh"])
    order.ended_at = datetime.fromisoformat(payload["ended_at"])
    if payload.get("unplugged"):
        order.unplugged_at = order.ended_at
    if order.certificate_jti:
        certificates.close(order_number=order.number, at=at)
    review = payload.get("review_reason")
    if review:
        order.review_reason = str(review)[:300]
        moves.move(order, OrderState.REVIEW, cause=_cause(f"review: {review}", at))
        return
    text = f"charge ended: {payload.get('stop_reason') or 'no reason given'}"
    moves.move(order, OrderState.FINISHED, cause=_cause(text, at))
    rating.rate_if_complete(order, at=at)


def _locked_by_transaction(transaction_id: int) -> Order | None:
    return (
        Order.objects.select_for_update().filter(transaction_id=transaction_id).first()
    )


def unplugged(payload: dict[str, Any], *, at: datetime) -> None:
    """The cable left: the idle phase is over."""
    if payload.get("transaction_id") is None:
        return
    order = _locked_by_transaction(int(payload["transaction_id"]))
    if order is None or order.unplugged_at is not None:
        return
    order.unplugged_at = datetime.fromisoformat(payload["at"])
    order.save(update_fields=["unplugged_at"])
    if order.state == OrderState.FINISHED:
        rating.rate_if_complete(order, at=at)


def transaction_corrected(payload: dict[str, Any], *, at: datetime) -> None:
    """Late facts after the price: credit CDR and a new one, never an update."""
    order = _locked_by_transaction(int(payload["transaction_id"]))
    if order is not None and order.state in {OrderState.RATED, OrderState.CLOSED}:
        rating.correct(order, at=at)


def driver_can_pay(driver_id: int, *, at: datetime) -> None:
    """Keep the start policies of a driver's tokens true (design page 1.5)."""
    Driver.objects.filter(pk=driver_id).update(can_pay=True)
    id_tokens.set_account_state(driver_id=driver_id, can_pay=True, at=at)
