"""What facts of charges do to an order. Facts may come late, twice, unordered."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from billing.models import Order
from billing.models.order import StartedBy
from billing.models.order_states import OrderState
from billing.pricing import parse_tariff
from billing.services import (
    corrections,
    moves,
    notices,
    ordering,
    paying,
    rating,
    station_displays,
)
from billing.services.placing import Origin, Running, place_running
from billing.services.sessions import charges_parking
from billing.services.tariff_choice import ocpi_token_type
from billing.services.terms import NOTHING_LEFT, Buyer
from charge_points.queries import (
    ConnectorView,
    SessionFacts,
    TokenAccount,
    charging_session,
    charging_sessions,
    connector_view_at,
    live_values,
    token_account,
)
from charge_points.services import certificates, starting, transactions
from cpms.accounts.models import Driver
from cpms.kernel.errors import DomainError
from cpms.kernel.ids import new_order_number
from cpms.outbox import RetryLater
from settlement.services import payees

SYSTEM: Final = "system"
WAIT_FIRST_S: Final = 1.0
WAIT_MAX_S: Final = 300.0
PENDING: Final = "pending"
REFUSED: Final = "refused"
"""A charge that a station let run although its token was refused."""
REVIEW_CHARS_MAX: Final = 300
LET_RUN: Final = "The station let the charge run although its token was refused."


@dataclass(frozen=True)
class Fact:
    """Something that a charger told, and when we heard of it.

    ``session`` are the facts of the charge where they were read for many at once.
    """

    payload: dict[str, Any]
    operator_id: int | None
    told_at: datetime
    at: datetime
    session: SessionFacts | None = None

    @property
    def transaction_id(self) -> int:
        """The charge that it is about."""
        return int(self.payload["transaction_id"])

    def wait(self, reason: str) -> RetryLater:
        """Ask for it again: soon at first, then as old as it is, up to a limit."""
        age_s = (self.at - self.told_at) / timedelta(seconds=1)
        return RetryLater(min(max(age_s, WAIT_FIRST_S), WAIT_MAX_S), reason)

    def cause(self, text: str) -> moves.Cause:
        """The cause of a move that follows from it."""
        return moves.Cause(text, SYSTEM, self.at)


def sessions_of(payloads: Iterable[dict[str, Any]]) -> dict[int, SessionFacts]:
    """The facts of all charges that some payloads are about, in three statements."""
    return charging_sessions([int(p["transaction_id"]) for p in payloads])


def lock_orders(payloads: Iterable[dict[str, Any]]) -> None:
    """Lock the orders that some payloads are about, before one of them is moved."""
    told = list(payloads)
    moves.lock_many(
        {str(p["order_number"]) for p in told if p.get("order_number")},
        transaction_ids={
            int(p["transaction_id"]) for p in told if p.get("transaction_id")
        },
    )


def start_failed(number: str, *, reason: str, at: datetime) -> None:
    """The charger refused or did not begin in time: free the hold.

    A charge that was told meanwhile (a lost link) outweighs its own timeout.
    """
    order = moves.lock(number)
    if order is None or order.state not in {OrderState.CREATED, OrderState.STARTING}:
        return
    if live_values(number) is None:
        ordering.fail(order, reason, cause=moves.Cause(reason, SYSTEM, at))


def transaction_started(fact: Fact) -> None:
    """A charge began: under its order, or as a new one (token, offline).

    Raises:
        RetryLater: no tariff applies yet; the operator must assign one.
    """
    if Order.objects.filter(transaction_id=fact.transaction_id).exists():
        return
    number = fact.payload.get("order_number")
    order = moves.lock(number) if number else None
    if order is not None and order.state == OrderState.STARTING:
        order.transaction_id = fact.transaction_id
        order.started_at = datetime.fromisoformat(fact.payload["started_at"])
        moves.move(order, OrderState.CHARGING, cause=fact.cause("charge began"))
        notices.tell(notices.CHARGE_STARTED, order)
        return
    if fact.payload.get("started_by") != PENDING:
        _order_for_running(fact, former=order)


def _order_for_running(fact: Fact, *, former: Order | None) -> None:
    """An order for a charge that nobody asked billing about before.

    ``former`` is an order whose start was told only after it had failed: its hold is
    gone, so its driver pays for what runs now under a new number.
    """
    view = _place(fact)
    token = str(fact.payload.get("id_token") or "")
    refused = fact.payload.get("started_by") == REFUSED
    account = token_account(token, operator_id=view.operator_id) if token else None
    if former is not None:
        buyer = Buyer(former.driver, former.vehicle)
        started_by = former.started_by
    else:
        # Who was refused did not agree to pay: the token may be a stolen one.
        buyer = Buyer(None if refused else _account_of(account))
        started_by = _origin_word(str(fact.payload.get("started_by")))
    origin = Origin(
        started_by=started_by,
        id_token="" if former is not None else token[:36],
        token_group=account.group if account is not None else "",
        token_type=_token_type(fact, token) if former is None else "",
    )
    running = Running(
        fact.transaction_id, datetime.fromisoformat(fact.payload["started_at"])
    )
    try:
        order = place_running(
            view, buyer, origin, running, number=new_order_number(), at=fact.at
        )
    except DomainError as error:
        raise fact.wait(error.message) from error
    if refused:
        order.failure_reason = LET_RUN
        order.save(update_fields=["failure_reason"])
    transactions.attach_order(
        transaction_id=fact.transaction_id, order_number=order.number, at=fact.at
    )
    if refused:
        return  # the gateway asked for a stop already
    transactions.set_limits(
        transaction_id=fact.transaction_id,
        energy_limit_wh=order.energy_limit_wh,
        ends_by=order.ends_by,
    )
    notices.tell(notices.CHARGE_STARTED, order)
    station_displays.show_price(
        order, charge_point_id=view.charge_point_id, id_token=token, at=fact.at
    )
    if order.failure_reason:
        _stop_unpayable(order, fact)


def _token_type(fact: Fact, token: str) -> str:
    """As OCPI names it; empty where no token started the charge."""
    if not token:
        return ""
    return ocpi_token_type(str(fact.payload.get("id_token_type") or ""))


def _account_of(account: TokenAccount | None) -> Driver | None:
    if account is None or account.driver_id is None:
        return None
    return Driver.objects.filter(pk=account.driver_id).first()


def _place(fact: Fact) -> ConnectorView:
    """Where the charge runs; it belongs to the operator that it began at (B2).

    A charge point may have been sold between an offline charge and its report.
    """
    payload = fact.payload
    facts = charging_session(fact.transaction_id)
    evse, connector = int(payload["evse"]), int(payload["connector"])
    if facts is not None:
        evse, connector = facts.evse, facts.connector
    view = connector_view_at(
        str(payload["charge_point"]),
        evse,
        connector,
        at=datetime.fromisoformat(payload["started_at"]),
    )
    if view is None:
        raise fact.wait(
            f"Connector {evse}/{connector} of {payload['charge_point']} is not known "
            "yet."
        )
    return view


def _stop_unpayable(order: Order, fact: Fact) -> None:
    """No hold can be asked for: the charge stops, and the next start is refused."""
    starting.request_stop(order_number=order.number, reason="no hold", at=fact.at)
    notices.tell(notices.PAYMENT_FAILED, order, reason=order.failure_reason)
    if order.driver_id is not None and _blames_the_account(order):
        paying.set_can_pay(order.driver_id, can_pay=False, at=fact.at)


def _blames_the_account(order: Order) -> bool:
    """Whether the driver could pay nowhere; a card may be missing at one operator."""
    if order.payee is None or order.failure_reason.startswith(NOTHING_LEFT):
        return False
    return not payees.PayeeSnapshot(**order.payee).cards_account


def _origin_word(started_by: str) -> str:
    known = {StartedBy.OFFLINE, StartedBy.PLUG_AND_CHARGE}
    return started_by if started_by in known else StartedBy.TOKEN


def transaction_ended(fact: Fact) -> None:
    """The charge ended: finish, or hand it to a person when its meter lies.

    Raises:
        RetryLater: its order does not exist yet (the start's event is on its way).
    """
    order = _locked(fact.transaction_id)
    if order is None:
        raise fact.wait(f"No order yet for transaction {fact.transaction_id}.")
    if order.state != OrderState.CHARGING:
        return
    payload = fact.payload
    order.energy_wh = int(payload["energy_wh"])
    order.ended_at = datetime.fromisoformat(payload["ended_at"])
    if order.certificate_jti:
        certificates.close(order_number=order.number, at=fact.at)
    _tell_stopped(order, payload)
    review = payload.get("review_reason")
    if review:
        order.review_reason = str(review)[:REVIEW_CHARS_MAX]
        moves.move(order, OrderState.REVIEW, cause=fact.cause(f"review: {review}"))
        return
    text = f"charge ended: {payload.get('stop_reason') or 'no reason given'}"
    moves.move(order, OrderState.FINISHED, cause=fact.cause(text))
    rating.rate_if_complete(order, at=fact.at, known=fact.session)


def _tell_stopped(order: Order, payload: dict[str, Any]) -> None:
    notices.tell(
        notices.CHARGE_STOPPED,
        order,
        energy_wh=order.energy_wh,
        ended_at=payload["ended_at"],
        stop_reason=payload.get("stop_reason"),
    )
    plugged_in = order.unplugged_at is None and not payload.get("unplugged")
    if plugged_in and _charges_parking(order):
        notices.tell(notices.IDLE_FEE_SOON, order, since=payload["ended_at"])


def _locked(transaction_id: int) -> Order | None:
    return (
        Order.objects.select_for_update().filter(transaction_id=transaction_id).first()
    )


def unplugged(fact: Fact) -> None:
    """The cable left: the idle phase is over."""
    if fact.payload.get("transaction_id") is None:
        return
    order = _locked(fact.transaction_id)
    # Without an order it is enough that the transaction knows when it was unplugged.
    if order is None or order.unplugged_at is not None:
        return
    order.unplugged_at = datetime.fromisoformat(fact.payload["at"])
    order.save(update_fields=["unplugged_at"])
    if order.state == OrderState.FINISHED:
        rating.rate_if_complete(order, at=fact.at)
    elif order.state in corrections.BILLED and _charges_parking(order):
        _correct(order, fact)


def _charges_parking(order: Order) -> bool:
    return charges_parking(parse_tariff(order.tariff))


def transaction_corrected(fact: Fact) -> None:
    """Late facts: before the price they are simply used, after it they correct it.

    Raises:
        RetryLater: a refund is on its way, which must be over first.
    """
    order = _locked(fact.transaction_id)
    if order is None:
        return
    if order.state in corrections.BILLED:
        _correct(order, fact)
    elif order.state in {OrderState.FINISHED, OrderState.REVIEW}:
        rating.refresh(order)


def _correct(order: Order, fact: Fact) -> None:
    try:
        corrections.correct(order, at=fact.at)
    except corrections.UnableToCorrectBill as error:
        raise fact.wait(error.message) from error
