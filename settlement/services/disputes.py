"""Disputes: heard of, answered with evidence, decided by the payer's bank.

The money of a dispute is posted from the provider's report (``explaining``): taken
when it opens, given back when it is won. Here stands who has to do what until when.
"""

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import ClassVar, Final

from django.db import transaction

from cpms.accounts.services import audit
from cpms.kernel.errors import DomainError
from cpms.kernel.money import format_minor
from cpms.outbox import publish
from settlement import events
from settlement.models import Dispute, Payment, PaymentState
from settlement.models.payment_states import MONEY_STATES
from settlement.providers.base import DisputeEvidence, ProviderDispute
from settlement.services.access import provider_for
from settlement.services.moves import locked, move, tell

WARN_BEFORE: Final = timedelta(days=2)
WARN_MAX: Final = 200

_S = PaymentState
_STATE = Dispute.State


class UnableToAnswerDispute(DomainError):
    """It is answered or decided already, or nothing was gathered for it."""

    http_status: ClassVar[int] = 409


@dataclass(frozen=True, slots=True)
class EvidenceFacts:
    """What those who know the charge say about it, ready for a bank to read.

    Attributes:
        place: name and address of the charge point.
        started_at, ended_at: of the charge, UTC.
        energy_wh: what was delivered.
        meter: one line a meter reading, oldest first.
        receipt_number, receipt_text: as the payer got it.
        payer_email: when it is known.
        authorisation: how the charge was started, and by whom.
        refund_policy: of the operator.
    """

    place: str
    started_at: datetime
    ended_at: datetime | None
    energy_wh: int
    meter: tuple[str, ...]
    receipt_number: str
    receipt_text: str
    payer_email: str
    authorisation: str
    refund_policy: str


def apply(payment: Payment, known: ProviderDispute, *, at: datetime) -> Dispute:
    """Bring the dispute of a locked payment to what the provider says is true.

    Events come in any order: only what was fetched counts, and a decided dispute
    stays decided.
    """
    dispute, created = Dispute.objects.select_for_update().get_or_create(
        payment=payment,
        provider_ref=known.ref,
        defaults={"operator_id": payment.operator_id, "opened_at": known.opened_at},
    )
    dispute.amount_minor, dispute.currency = known.amount_minor, known.currency
    dispute.reason, dispute.due_at = known.reason[:60], known.due_at
    dispute.save(update_fields=["amount_minor", "currency", "reason", "due_at"])
    if created and payment.state in set(MONEY_STATES) - {_S.DISPUTED}:
        move(payment, _S.DISPUTED, cause="disputed by the payer", at=at)
        tell(
            events.PAYMENT_DISPUTED,
            payment,
            dispute=dispute.provider_ref,
            dispute_id=dispute.pk,
            due_at=known.due_at.isoformat() if known.due_at else None,
        )
    if known.state == "won":
        won(payment, dispute, at=at)
    elif known.state == "lost":
        _close(dispute, _STATE.LOST, at)
    elif known.state == "submitted" and dispute.state == _STATE.OPEN:
        # Answered in the provider's own pages: the operator needs nobody for it.
        dispute.state, dispute.submitted_at = _STATE.SUBMITTED, at
        dispute.save(update_fields=["state", "submitted_at"])
    return dispute


@transaction.atomic
def win(*, dispute_id: int, at: datetime) -> None:
    """Note that the provider's report shows the money of a dispute coming back.

    Call it outside of other transactions: it locks the payment, then the dispute.
    """
    payment = locked(Dispute.objects.get(pk=dispute_id).payment_id)
    won(payment, Dispute.objects.select_for_update().get(pk=dispute_id), at=at)


def won(payment: Payment, dispute: Dispute, *, at: datetime) -> None:
    """The money came back: the payment stands as it did before. Both are locked."""
    if not _close(dispute, _STATE.WON, at):
        return
    if payment.state != _S.DISPUTED:
        return
    before = _S.CAPTURED
    if payment.refunded_minor == payment.captured_minor:
        before = _S.REFUNDED
    elif payment.refunded_minor:
        before = _S.PARTLY_REFUNDED
    move(payment, before, cause="the dispute was won", at=at)


def _close(dispute: Dispute, state: Dispute.State, at: datetime) -> bool:
    if dispute.state in {_STATE.WON, _STATE.LOST}:
        return False
    dispute.state, dispute.closed_at = state, at
    dispute.save(update_fields=["state", "closed_at"])
    tell(
        events.DISPUTE_CLOSED,
        dispute.payment,
        dispute=dispute.provider_ref,
        dispute_id=dispute.pk,
        won=state == _STATE.WON,
    )
    return True


def _open(dispute_id: int) -> Dispute:
    row = Dispute.objects.select_for_update().filter(pk=dispute_id).first()
    if row is None or row.state != _STATE.OPEN:
        raise UnableToAnswerDispute(
            "no_open_dispute", f"There is no open dispute {dispute_id} here."
        )
    return row


@transaction.atomic
def assemble(*, dispute_id: int, facts: EvidenceFacts) -> dict[str, str]:
    """Write the evidence pack of a dispute from the facts; may be done again.

    Returns:
        The texts as the bank will read them.

    Raises:
        UnableToAnswerDispute: ``no_open_dispute``.
    """
    dispute = _open(dispute_id)
    dispute.evidence = asdict(_pack(dispute, facts))
    dispute.save(update_fields=["evidence"])
    return dict(dispute.evidence)


def _pack(dispute: Dispute, facts: EvidenceFacts) -> DisputeEvidence:
    ended = facts.ended_at.isoformat() if facts.ended_at else "not told"
    energy = f"{facts.energy_wh // 1000}.{facts.energy_wh % 1000:03d} kWh"
    payment = dispute.payment
    taken = format_minor(payment.captured_minor, payment.currency)
    return DisputeEvidence(
        product_description=(
            f"Electricity for an electric vehicle: {energy} at {facts.place}, order "
            f"{payment.order_number}, charged {taken}."
        ),
        service_date=facts.started_at.date().isoformat(),
        customer_email=facts.payer_email,
        activity_log="\n".join(
            [
                f"Started {facts.started_at.isoformat()}: {facts.authorisation}",
                *facts.meter,
                f"Ended {ended}: {energy}",
            ]
        ),
        refund_policy=facts.refund_policy,
        text=f"Receipt {facts.receipt_number}\n{facts.receipt_text}",
    )


@transaction.atomic
def submit(*, dispute_id: int, by: str, at: datetime) -> None:
    """Decide to send the evidence; a worker does. It can be sent once only.

    Raises:
        UnableToAnswerDispute: ``no_open_dispute``, or ``no_evidence`` was gathered.
    """
    dispute = _open(dispute_id)
    if not dispute.evidence.get("product_description"):
        raise UnableToAnswerDispute(
            "no_evidence", "Gather the evidence first; an empty answer loses."
        )
    if dispute.submit_key:
        return
    dispute.submit_key = f"evidence-{dispute.pk}-{dispute.provider_ref}"[:120]
    dispute.submitted_by = by[:120]
    dispute.save(update_fields=["submit_key", "submitted_by"])
    publish(
        events.EVIDENCE_QUEUED,
        operator_id=dispute.operator_id,
        key=dispute.submit_key,
        payload={"dispute_id": dispute.pk},
    )
    audit.record(
        operator_id=dispute.operator_id,
        actor=by,
        action="dispute.submitted",
        object=f"dispute {dispute.provider_ref}",
        changes={"amount_minor": dispute.amount_minor},
        at=at,
    )


def send(*, dispute_id: int, at: datetime) -> None:
    """Send the evidence that somebody decided to send. Idempotent.

    Asks the provider, so call it outside of a database transaction.

    Raises:
        ProviderError: the provider could not be asked; call again.
    """
    dispute = Dispute.objects.select_related("payment").get(pk=dispute_id)
    if dispute.state != _STATE.OPEN or not dispute.submit_key:
        return
    payment = dispute.payment
    known = provider_for(payment.provider, payment.account_reference).submit_evidence(
        account=payment.account_reference,
        dispute_ref=dispute.provider_ref,
        evidence=DisputeEvidence(
            **{key: str(value) for key, value in dispute.evidence.items()}
        ),
        idempotency_key=dispute.submit_key,
    )
    with transaction.atomic():
        apply(locked(payment.pk), known, at=at)


@transaction.atomic
def warn_due(*, at: datetime) -> int:
    """Tell operators of disputes that nobody answered and whose time runs out."""
    rows = Dispute.objects.select_for_update(skip_locked=True).filter(
        state=_STATE.OPEN, submit_key="", due_at__lt=at + WARN_BEFORE, due_at__gt=at
    )
    told = 0
    for row in rows.filter(warned_at__isnull=True)[:WARN_MAX]:
        assert row.due_at is not None, "filtered by it"
        tell(
            events.DISPUTE_DUE_SOON,
            row.payment,
            dispute=row.provider_ref,
            dispute_id=row.pk,
            due_at=row.due_at.isoformat(),
        )
        row.warned_at = at
        row.save(update_fields=["warned_at"])
        told += 1
    return told
