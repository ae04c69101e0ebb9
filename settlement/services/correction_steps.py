"""What one step of a correction can come to."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from settlement.models import Correction, Payment, PaymentAttempt, PaymentState
from settlement.models.payment_states import WAITING_STATES
from settlement.services import captures
from settlement.services.moves import open_attempt

_STATE = Correction.State
_S = PaymentState

NOT_TAKEN: Final = frozenset({*WAITING_STATES, _S.AUTHORIZED, _S.CAPTURING})
"""Whatever the capture brings, what is due above it becomes a debt there."""


@dataclass(frozen=True, slots=True)
class Step:
    """How far it came: what was moved now, and how the correction stands after it."""

    state: str
    moved_minor: int = 0
    note: str = ""


def done(moved_minor: int = 0, note: str = "") -> Step:
    """Nothing more is to be done."""
    return Step(_STATE.DONE, moved_minor, note)


def later(note: str, moved_minor: int = 0) -> Step:
    """Something else must happen first."""
    return Step(_STATE.PENDING, moved_minor, note)


def never_asked(payment: Payment) -> PaymentAttempt | None:
    """A capture that waits to be asked for: its amount may still change."""
    attempt = open_attempt(payment)
    if attempt is None or attempt.kind != PaymentAttempt.Kind.CAPTURE:
        return None
    return attempt if attempt.tries == 0 else None


def set_due(payment: Payment, due_minor: int, *, at: datetime) -> None:
    """Change what is to be taken of a payment of which nothing was taken yet."""
    payment.due_minor, payment.release_reason = due_minor, ""
    payment.save(update_fields=["due_minor", "release_reason"])
    attempt = never_asked(payment)
    if attempt is not None:
        amount = min(due_minor, payment.hold_minor)
        attempt.amount_minor = amount
        attempt.application_fee_minor = captures.fee_at_provider(payment, amount)
        attempt.save(update_fields=["amount_minor", "application_fee_minor"])
    elif payment.state == _S.AUTHORIZED and open_attempt(payment) is None:
        captures.start(payment, at=at)


def is_waiting(payment: Payment) -> bool:
    """Whether the answer about the hold is still awaited."""
    return payment.state in WAITING_STATES
