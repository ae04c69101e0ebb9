"""Taking and giving back a hold: what to ask the provider, and what it then means.

All functions work on a locked payment row.
"""

from datetime import datetime
from typing import Final

from settlement import events
from settlement.models import (
    PayeeAccount,
    Payment,
    PaymentAttempt,
    PaymentState,
    SplitLine,
)
from settlement.services import checkouts, debts, ledger, postings
from settlement.services.moves import move, open_attempt, queue_attempt, tell
from settlement.services.splits import SplitShare, SplitSnapshot, allocate, platform_fee

_S = PaymentState
_KIND = PaymentAttempt.Kind
_NEVER_ASKED: Final = "released_before_asked"


def parties_of(payment: Payment) -> SplitSnapshot:
    """The split that was agreed when the order was made."""
    return SplitSnapshot.from_json(payment.split)


def fee_at_provider(payment: Payment, amount_minor: int) -> int:
    """What the provider gives the platform of a capture; nothing with an own key."""
    if payment.mode == PayeeAccount.Mode.OWN_KEY:
        return 0
    return platform_fee(amount_minor, parties_of(payment).parties)


def start(
    payment: Payment, *, at: datetime, not_before: datetime | None = None
) -> None:
    """Queue the capture of what is due, up to the hold."""
    amount = min(payment.due_minor or 0, payment.hold_minor)
    if payment.state != _S.CAPTURING:
        move(payment, _S.CAPTURING, cause="capture requested", at=at)
    queue_attempt(
        payment,
        _KIND.CAPTURE,
        at=at,
        amount_minor=amount,
        application_fee_minor=fee_at_provider(payment, amount),
        not_before=not_before,
    )


def release(payment: Payment, *, at: datetime) -> None:
    """Give the hold back; at once when the provider was never asked for it."""
    attempt = open_attempt(payment)
    if payment.state == _S.AUTHORIZING and attempt is not None:
        if attempt.tries == 0:
            attempt.state = PaymentAttempt.State.FAILED
            attempt.error_code, attempt.finished_at = _NEVER_ASKED, at
            attempt.save()
            released(payment, reason=payment.release_reason, at=at)
        return
    if attempt is None:
        waits = payment.state == _S.REQUIRES_ACTION and checkouts.is_open(payment)
        queue_attempt(payment, _KIND.EXPIRE if waits else _KIND.CANCEL, at=at)


def released(payment: Payment, *, reason: str, at: datetime) -> None:
    """No hold stands any more; what is due becomes a debt."""
    move(payment, _S.RELEASED, cause=reason, at=at)
    if payment.collects_id is not None:
        return
    if payment.due_minor:
        debts.fall_due(payment, reason=f"no hold: {reason}", at=at)
        return
    tell(events.PAYMENT_RELEASED, payment, reason=reason)


def declined(payment: Payment, *, code: str, message: str, at: datetime) -> None:
    """The hold was refused."""
    payment.decline_code, payment.decline_message = code[:60], message
    move(payment, _S.DECLINED, cause=f"declined: {code}", at=at)
    if payment.collects_id is not None:
        return
    tell(events.PAYMENT_DECLINED, payment, decline_code=code, message=message)
    if payment.due_minor:
        debts.fall_due(payment, reason=f"declined: {code}", at=at)


def authorized(payment: Payment, *, cause: str, at: datetime) -> None:
    """The hold stands; do what was asked for while it was awaited."""
    move(payment, _S.AUTHORIZED, cause=cause, at=at)
    tell(events.PAYMENT_AUTHORIZED, payment, hold_minor=payment.hold_minor)
    if payment.due_minor:
        start(payment, at=at)
    elif payment.release_reason:
        release(payment, at=at)


def lost(payment: Payment, *, reason: str, at: datetime) -> None:
    """The capture cannot succeed any more: everything due becomes a debt."""
    if payment.collects_id is None:
        debts.fall_due(payment, reason=reason, at=at)
        return
    # The debt that this payment was to collect stands; it is tried again later.
    move(payment, _S.RECEIVABLE, cause=reason, at=at)


def captured(
    payment: Payment, *, amount_minor: int, fee_minor: int, cause: str, at: datetime
) -> None:
    """The operator was credited: shares, books, the rest as a debt, and the news."""
    payment.captured_minor, payment.application_fee_minor = amount_minor, fee_minor
    payment.captured_at = at
    if payment.state == _S.AUTHORIZED:
        move(payment, _S.CAPTURING, cause=cause, at=at)
    move(payment, _S.CAPTURED, cause=cause, at=at)
    shares = _shares(payment)
    write_split(payment, shares, kind=SplitLine.Kind.CAPTURE, refund_id=None, at=at)
    ledger.post_many(postings.of_capture(payment, shares, at))
    if payment.collects_id is not None:
        debts.paid(payment, at=at)
        return
    rest = (payment.due_minor or 0) - amount_minor
    if rest > 0:
        debts.book(payment, rest, reason="more than the hold", at=at)
    tell(
        events.PAYMENT_CAPTURED,
        payment,
        amount_minor=amount_minor,
        application_fee_minor=fee_minor,
        receivable_minor=max(rest, 0),
    )


def _shares(payment: Payment) -> tuple[SplitShare, ...]:
    """The agreed shares, with the fee that the provider really took."""
    parties = parties_of(payment).parties
    shares = allocate(payment.captured_minor, parties)
    if payment.mode == PayeeAccount.Mode.OWN_KEY:
        # Nobody takes the platform's fee: it is owed, and invoiced by the month.
        return shares
    return with_fee(shares, payment.application_fee_minor, payment.captured_minor)


def with_fee(
    shares: tuple[SplitShare, ...], fee_minor: int, total_minor: int
) -> tuple[SplitShare, ...]:
    """The same shares with the platform's part fixed; the operator bears the rest."""
    third = sum(
        s.amount_minor for s in shares if s.role not in {"platform", "operator"}
    )
    fixed = {"platform": fee_minor, "operator": total_minor - fee_minor - third}
    known = tuple(
        SplitShare(s.position, s.key, s.name, s.role, fixed.get(s.role, s.amount_minor))
        for s in shares
    )
    if fee_minor and not any(s.role == "platform" for s in shares):
        fee = SplitShare(len(shares), "platform", "Platform", "platform", fee_minor)
        return (*known, fee)
    return known


def write_split(
    payment: Payment,
    shares: tuple[SplitShare, ...],
    *,
    kind: SplitLine.Kind,
    refund_id: int | None,
    at: datetime,
) -> None:
    """Write the shares that are not zero."""
    SplitLine.objects.bulk_create(
        SplitLine(
            operator_id=payment.operator_id,
            payment=payment,
            refund_id=refund_id,
            kind=kind,
            order_number=payment.order_number,
            position=share.position,
            party=share.key,
            name=share.name,
            role=share.role,
            amount_minor=share.amount_minor,
            currency=payment.currency,
            at=at,
        )
        for share in shares
        if share.amount_minor
    )
