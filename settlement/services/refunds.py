"""Refunds: asked here, or made by the operator in its provider's own pages (B7)."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Sum

from cpms.accounts.services import audit
from cpms.kernel.errors import DomainError
from cpms.kernel.money import format_minor
from cpms.outbox import publish
from settlement import events
from settlement.models import (
    PayeeAccount,
    Payment,
    PaymentAttempt,
    PaymentState,
    Refund,
    SplitLine,
)
from settlement.models.payment_states import MONEY_STATES
from settlement.services import captures, correction_refunds, ledger, postings
from settlement.services.moves import locked, move, open_attempt, queue_attempt, tell
from settlement.services.splits import OPERATOR, PLATFORM, SplitShare, allocate

_S = PaymentState


class UnableToRefund(DomainError):
    """Nothing was taken, too much is asked, or another refund is on its way."""


@dataclass(frozen=True, slots=True)
class RefundView:
    """A refund as it stands."""

    id: int
    payment_id: int
    amount_minor: int
    currency: str
    state: str


def _view(refund: Refund) -> RefundView:
    return RefundView(
        refund.pk,
        refund.payment_id,
        refund.amount_minor,
        refund.currency,
        refund.state,
    )


@transaction.atomic
def request_refund(  # noqa: PLR0913 - the facts of one refund, all named
    *,
    payment_id: int,
    amount_minor: int | None,
    reason: str,
    refund_application_fee: bool,
    key: str,
    by: str,
    at: datetime,
) -> RefundView:
    """Ask for a refund from the operator's own balance; once per (payment, key).

    Args:
        payment_id: the order's payment.
        amount_minor: how much; None = everything that is left.
        reason: for the audit and the receipt.
        refund_application_fee: whether the platform gives its part back too.
        key: the asker's idempotency key.
        by: who asks.
        at: now.

    Raises:
        UnableToRefund: ``nothing_captured``, ``refund_too_large``,
            ``refund_in_progress`` or ``idempotency_key_reused``.
        UnableToFindPayment: no such payment in the caller's scope.
    """
    payment = _holder(locked(payment_id))
    known = Refund.objects.filter(payment=payment, key=key).first()
    if known is not None:
        if amount_minor not in {None, known.amount_minor}:
            raise UnableToRefund(
                "idempotency_key_reused",
                f"The key {key!r} was used for a refund of "
                f"{format_minor(known.amount_minor, known.currency)}; take a new one.",
                http_status=422,
            )
        return _view(known)
    amount = _allowed(payment, amount_minor)
    refund = Refund.objects.create(
        operator_id=payment.operator_id,
        payment=payment,
        key=key,
        amount_minor=amount,
        currency=payment.currency,
        reason=reason[:200],
        refund_application_fee=refund_application_fee,
        requested_by=by,
        created_at=at,
    )
    queue_attempt(
        payment, PaymentAttempt.Kind.REFUND, at=at, amount_minor=amount, refund=refund
    )
    audit.record(
        operator_id=payment.operator_id,
        actor=by,
        action="refund.requested",
        object=f"payment of {payment.order_number}",
        changes={"amount_minor": amount, "reason": reason[:200]},
        at=at,
    )
    return _view(refund)


def _holder(payment: Payment) -> Payment:
    """The payment that took the money: a debt is taken by a later one."""
    if payment.captured_minor or payment.state not in MONEY_STATES:
        return payment
    found = Payment.objects.filter(
        collects__payment=payment, captured_minor__gt=0
    ).first()
    return locked(found.pk) if found is not None else payment


def _allowed(payment: Payment, amount_minor: int | None) -> int:
    if payment.state not in {_S.CAPTURED, _S.PARTLY_REFUNDED}:
        raise UnableToRefund(
            "nothing_captured",
            f"The payment of {payment.order_number} is {payment.state}; only captured "
            "money can be refunded.",
        )
    if open_attempt(payment) is not None or on_its_way(payment):
        raise UnableToRefund(
            "refund_in_progress",
            "Another refund of this payment waits for the provider; try again when it "
            "is done.",
        )
    left = payment.captured_minor - payment.refunded_minor
    left = max(0, left - correction_refunds.promised(payment))
    amount = left if amount_minor is None else amount_minor
    if not 0 < amount <= left:
        raise UnableToRefund(
            "refund_too_large",
            f"At most {format_minor(left, payment.currency)} can be refunded, not "
            f"{format_minor(amount, payment.currency)}.",
            http_status=422,
        )
    return amount


def on_its_way(payment: Payment) -> int:
    """What refunds without a final answer will give back, in minor units."""
    waiting = payment.refunds.filter(state=Refund.State.PENDING)
    return waiting.aggregate(total=Sum("amount_minor"))["total"] or 0


def waits_for_others(order_number: str) -> bool:
    """Whether a refund of an order that no correction asked for has no answer yet."""
    return Refund.objects.filter(
        payment__order_number=order_number,
        payment__unowed_reason="",
        state=Refund.State.PENDING,
        correction=None,
    ).exists()


def succeeded(
    payment: Payment,
    refund: Refund,
    *,
    provider_ref: str,
    fee_refunded_total_minor: int,
    at: datetime,
) -> None:
    """Money went back: shares, books, and the news. The payment is locked.

    ``fee_refunded_total_minor`` is the sum over the charge, as the provider tells.
    """
    refund.state = Refund.State.SUCCEEDED
    refund.provider_ref, refund.finished_at = provider_ref, at
    refund.application_fee_refunded_minor = max(
        0, fee_refunded_total_minor - payment.application_fee_refunded_minor
    )
    refund.save()
    payment.refunded_minor += refund.amount_minor
    payment.application_fee_refunded_minor += refund.application_fee_refunded_minor
    full = payment.refunded_minor == payment.captured_minor
    wanted = _S.REFUNDED if full else _S.PARTLY_REFUNDED
    if payment.state in {wanted, _S.DISPUTED}:
        payment.save()
    else:
        move(payment, wanted, cause=f"refund: {refund.reason}", at=at)
    deltas = share_deltas(payment, refund)
    captures.write_split(
        payment, deltas, kind=SplitLine.Kind.REFUND, refund_id=refund.pk, at=at
    )
    ledger.post_many(postings.of_refund(payment, refund, deltas, at))
    _tell_refunded(payment, refund, full=full)
    if refund.correction_id is not None:
        correction_refunds.went_back(refund.correction_id, refund.amount_minor, at)


def _tell_refunded(payment: Payment, refund: Refund, *, full: bool) -> None:
    """Also when a debt had been collected: the payer's receipt is the order's."""
    if payment.unowed_reason:
        # Money that was no order's: no receipt, nothing to credit.
        return
    publish(
        events.PAYMENT_REFUNDED,
        operator_id=payment.operator_id,
        key=payment.order_number,
        payload={
            "payment_id": payment.pk,
            "order_number": payment.order_number,
            "currency": payment.currency,
            "refund_id": refund.pk,
            "correction_id": refund.correction_id,
            "reason": refund.reason,
            "amount_minor": refund.amount_minor,
            "refunded_minor": payment.refunded_minor,
            "full": full,
        },
    )


def share_deltas(payment: Payment, refund: Refund) -> tuple[SplitShare, ...]:
    """Who gives back how much, from the shares of what is left.

    So a full refund with the platform's fee brings every party to zero.
    The platform's part is what the provider really gave back; the operator bears
    what the others do not.
    """
    parties = captures.parties_of(payment).parties
    wanted = {
        share.key: share
        for share in allocate(payment.captured_minor - payment.refunded_minor, parties)
    }
    booked: Counter[str] = Counter()
    rows = {line.party: line for line in payment.split_lines.order_by("pk")}
    for line in payment.split_lines.all():
        booked[line.party] += line.amount_minor
    # With an own key the platform's fee is a debt like the others', given back or not.
    own_key = payment.mode == PayeeAccount.Mode.OWN_KEY
    owed_back = own_key and refund.refund_application_fee
    deltas: list[SplitShare] = []
    for key in dict.fromkeys([*rows, *wanted]):
        known = rows.get(key) or wanted[key]
        if known.role == OPERATOR or (known.role == PLATFORM and not owed_back):
            continue
        target = wanted[key].amount_minor if key in wanted else 0
        deltas.append(
            SplitShare(
                known.position, key, known.name, known.role, target - booked[key]
            )
        )
    return _with_own_part(payment, refund, deltas)


def _with_own_part(
    payment: Payment, refund: Refund, deltas: list[SplitShare]
) -> tuple[SplitShare, ...]:
    parties = captures.parties_of(payment).parties
    own = next(party for party in parties if party.role == OPERATOR)
    fee = -refund.application_fee_refunded_minor
    rest = -refund.amount_minor - fee - sum(d.amount_minor for d in deltas)
    deltas.append(SplitShare(parties.index(own), own.key, own.name, OPERATOR, rest))
    if fee:
        platform = next((p for p in parties if p.role == PLATFORM), None)
        key, name = (
            (platform.key, platform.name) if platform else ("platform", "Platform")
        )
        deltas.append(SplitShare(len(parties), key, name, PLATFORM, fee))
    return tuple(sorted(deltas, key=lambda delta: delta.position))


def failed(
    payment: Payment, refund: Refund, *, code: str, message: str, at: datetime
) -> None:
    """The provider refused: nothing moved."""
    refund.state, refund.finished_at = Refund.State.FAILED, at
    refund.save()
    if refund.correction_id is not None:
        correction_refunds.failed(
            payment, refund.correction_id, code=code, message=message, at=at
        )
    tell(
        events.REFUND_FAILED,
        payment,
        refund_id=refund.pk,
        code=code,
        message=message,
    )


def made_elsewhere(
    payment: Payment, *, refunded_total_minor: int, at: datetime
) -> Refund | None:
    """Take note of a refund that the operator made at the provider itself.

    The platform's fee stays with the platform then, unless the provider's report
    says otherwise (reconciliation shows it).
    """
    more = refunded_total_minor - payment.refunded_minor - on_its_way(payment)
    if more <= 0 or open_attempt(payment) is not None:
        return None
    refund, created = Refund.objects.get_or_create(
        payment=payment,
        key=f"provider-{refunded_total_minor}",
        defaults={
            "operator_id": payment.operator_id,
            "source": Refund.Source.PROVIDER,
            "amount_minor": more,
            "currency": payment.currency,
            "reason": "made at the provider",
            "refund_application_fee": False,
            "requested_by": "operator at the provider",
            "created_at": at,
        },
    )
    if not created:
        return None
    succeeded(
        payment,
        refund,
        provider_ref="",
        fee_refunded_total_minor=payment.application_fee_refunded_minor,
        at=at,
    )
    return refund
