"""All documents of an order, in the order in which they were issued."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q

from billing.models import CreditNote, Receipt
from billing.services.documents.credit_notes import credit_note_pdf
from billing.services.documents.receipt_pdf import receipt_pdf

RECEIPT = "receipt"
CREDIT_NOTE = "credit_note"


@dataclass(frozen=True, slots=True)
class Document:
    """A receipt or a credit note.

    Attributes:
        kind: ``receipt`` or ``credit_note``; each kind has numbers of its own.
        number: gap-free per operator and kind.
        amount_minor: what it says; a credit note takes it off its receipt.
        currency: ISO 4217.
        issued_at: when.
        of_receipt: the receipt that it credits or takes the place of, if any.
        holds: a receipt that no other one took the place of.
        reason: of a credit note.
        row_id: for pages that link to it.
    """

    kind: str
    number: int
    amount_minor: int
    currency: str
    issued_at: datetime
    of_receipt: int | None
    holds: bool
    reason: str
    row_id: int


def documents_of(order_number: str) -> list[Document]:
    """Everything that was issued for an order, oldest first."""
    receipts = list(Receipt.objects.filter(order__number=order_number).order_by("pk"))
    notes = CreditNote.objects.filter(order__number=order_number).select_related(
        "receipt", "cdr"
    )
    replaced = {row.corrects_id for row in receipts}
    last = receipts[-1].pk if receipts else None
    found = [(row.issued_at, 1, _receipt(row, row.pk == last)) for row in receipts]
    for note in notes.order_by("pk"):
        # Of a correction: the old one credited, the new one, what is carried over.
        comes_first = note.cdr is not None and note.receipt_id in replaced
        found.append((note.issued_at, 0 if comes_first else 2, _note(note)))
    return [each for _, _, each in sorted(found, key=lambda row: row[:2])]


def pdf_of(
    order_number: str, kind: str, number: int, *, language_code: str
) -> bytes | None:
    """One of them as PDF; None when the order has no such document."""
    mine = Q(order__number=order_number, number=number)
    if kind == RECEIPT:
        receipt = Receipt.objects.filter(mine).select_related("order").first()
        if receipt is None:
            return None
        return receipt_pdf(receipt, language_code=language_code)
    note = (
        CreditNote.objects.filter(mine).select_related("order", "receipt").first()
        if kind == CREDIT_NOTE
        else None
    )
    return None if note is None else credit_note_pdf(note, language_code=language_code)


def _receipt(row: Receipt, holds: bool) -> Document:  # noqa: FBT001 - of one row
    return Document(
        kind=RECEIPT,
        number=row.number,
        amount_minor=row.body["amount_minor"],
        currency=row.body["currency"],
        issued_at=row.issued_at,
        of_receipt=row.body.get("corrects"),
        holds=holds,
        reason="",
        row_id=row.pk,
    )


def _note(row: CreditNote) -> Document:
    return Document(
        kind=CREDIT_NOTE,
        number=row.number,
        amount_minor=row.amount_minor,
        currency=row.currency,
        issued_at=row.issued_at,
        of_receipt=row.receipt.number,
        holds=False,
        reason=row.reason,
        row_id=row.pk,
    )
