"""Credit notes: of refunds and of corrected bills, with their share of the taxes."""

from collections.abc import Sequence
from datetime import datetime
from fractions import Fraction
from typing import Any, Final

from django.db import connection, transaction
from django.db.models import Sum

from billing.models import Cdr, CreditNote, Receipt
from billing.services import moves, receipts
from billing.services.documents import pdf
from billing.services.documents.words import language
from cpms.outbox.subscriptions import RetryLater

RECEIPT_PAUSE_S: Final = 30.0
LATE: Final = "late facts of the charge"
CARRIED: Final = "refunded before the bill was corrected"
_NEXT: Final = """
INSERT INTO billing_creditnotecounter AS counter (operator_id, last) VALUES (%s, 1)
ON CONFLICT (operator_id) DO UPDATE SET last = counter.last + 1
RETURNING counter.last
"""


def _next_number(operator_id: int) -> int:
    with connection.cursor() as cursor:
        cursor.execute(_NEXT, [operator_id])
        return int(cursor.fetchone()[0])


def _largest_remainder(total: int, weights: Sequence[int]) -> list[int]:
    """``total`` in proportion to the weights; on a tie the earlier one gets more."""
    whole = sum(weights)
    exact = [Fraction(total * weight, whole) for weight in weights]
    shares = [int(each) for each in exact]
    order = sorted(range(len(exact)), key=lambda i: (shares[i] - exact[i], i))
    for index in order[: total - sum(shares)]:
        shares[index] += 1
    return shares


def tax_shares(
    taxes: Sequence[dict[str, Any]],
    *,
    credited: Sequence[dict[str, Any]],
    amount_minor: int,
) -> list[dict[str, Any]]:
    """What a refund returns of each tax rate.

    In proportion to what is left of each rate, so that no share is negative and
    refunds that add up to the receipt return exactly its taxes.

    Args:
        taxes: the receipt's rows (``tax_rate, before_taxes_minor, taxes_minor``).
        credited: the rows of all credit notes before, any number a rate.
        amount_minor: of this refund; at most what is left.
    """
    done: dict[str, int] = {}
    for row in credited:
        key = str(row["tax_rate"])
        done[key] = done.get(key, 0) + row["before_taxes_minor"] + row["taxes_minor"]
    rows = [row for row in taxes if row["before_taxes_minor"] + row["taxes_minor"]]
    so_far = [done.get(str(row["tax_rate"]), 0) for row in rows]
    whole = [row["before_taxes_minor"] + row["taxes_minor"] for row in rows]
    left = [total - gone for total, gone in zip(whole, so_far, strict=True)]
    shares = _largest_remainder(amount_minor, left) if any(left) else [0 for _ in left]
    found = []
    for row, total, gone, share in zip(rows, whole, so_far, shares, strict=True):
        # Of the cumulative sums, so that the last refund returns the last cent of tax.
        tax = _part(gone + share, row["taxes_minor"], total) - _part(
            gone, row["taxes_minor"], total
        )
        found.append(
            {
                "tax_rate": row["tax_rate"],
                "before_taxes_minor": share - tax,
                "taxes_minor": tax,
            }
        )
    return found


def _part(amount: int, taxes: int, total: int) -> int:
    """The tax in a part of a total, half up."""
    return int(Fraction(2 * amount * taxes + total, 2 * total))


def left_of(receipt: Receipt) -> int:
    """What its credit notes left of a receipt, in minor units."""
    rows = CreditNote.objects.filter(receipt=receipt)
    credited = rows.aggregate(total=Sum("amount_minor"))["total"] or 0
    return int(receipt.body["amount_minor"] - credited)


@transaction.atomic
def issue(
    *,
    order_number: str,
    refund_id: int,
    amount_minor: int,
    reason: str,
    at: datetime,
) -> CreditNote | None:
    """Write the credit note of a refund, once: over the receipt that holds.

    A refund made at the provider may be more than the receipt says by now; the note
    takes off what is left of it.

    Returns:
        None when there is no such order, or nothing is left of its receipt.

    Raises:
        RetryLater: the order has no receipt yet; events come in any order.
    """
    # Receipts are never changed, so nobody may lock them: the order stands for them.
    order = moves.lock(order_number)
    if order is None:
        return None
    known = order.credit_notes.filter(refund_id=refund_id).first()
    if known is not None:
        return known
    receipt = receipts.latest(order)
    if receipt is None:
        raise RetryLater(RECEIPT_PAUSE_S, f"order {order_number} has no receipt yet")
    amount = min(amount_minor, left_of(receipt))
    if amount <= 0:
        return None
    return _write(receipt, amount, reason, at, refund_id=refund_id)


def of_correction(
    receipt: Receipt, cdr: Cdr, *, amount_minor: int, reason: str, at: datetime
) -> CreditNote:
    """Write the credit note of a corrected bill; the caller holds the order's lock.

    Args:
        receipt: what it takes from.
        cdr: why: a credit CDR, or the CDR of the receipt itself.
        amount_minor: at most what is left of the receipt.
        reason: for the reader.
        at: now.
    """
    return _write(receipt, amount_minor, reason, at, cdr=cdr)


def _write(
    receipt: Receipt, amount_minor: int, reason: str, at: datetime, **cause: Any
) -> CreditNote:
    notes = CreditNote.objects.filter(receipt=receipt)
    return CreditNote.objects.create(
        operator_id=receipt.operator_id,
        order_id=receipt.order_id,
        receipt=receipt,
        number=_next_number(receipt.operator_id),
        amount_minor=amount_minor,
        currency=receipt.body["currency"],
        taxes=tax_shares(
            receipt.body["taxes"],
            credited=[row for note in notes for row in note.taxes],
            amount_minor=amount_minor,
        ),
        reason=reason[:200],
        issued_at=at,
        **cause,
    )


def credit_note_pdf(note: CreditNote, *, language_code: str) -> bytes:
    """The credit note in a language that we speak; English otherwise."""
    speech = language(language_code)
    words, body = speech.words, note.receipt.body
    zone = note.order.time_zone or "UTC"
    sums: list[pdf.Row] = [
        (
            words["before_taxes"],
            speech.money(
                sum(row["before_taxes_minor"] for row in note.taxes), note.currency
            ),
        )
    ]
    for row in note.taxes:
        if row["taxes_minor"]:
            rate = "" if row["tax_rate"] is None else f" {row['tax_rate']} %"
            sums.append(
                (
                    f"{words['tax']}{rate}",
                    speech.money(row["taxes_minor"], note.currency),
                )
            )
    sums.append((words["total"], speech.money(note.amount_minor, note.currency)))
    return pdf.render(
        pdf.Sheet(
            title=f"{words['credit_note']} {note.number}",
            issuer=body["operator"],
            facts=[
                (words["for_receipt"], str(note.receipt.number)),
                (words["order"], body["order"]),
                (words["issued"], speech.when(note.issued_at.isoformat(), zone)),
                (words["reason"], _reason(note, words)),
            ],
            head=(words["item"], "", words["amount"]),
            rows=[
                (
                    words["refund" if note.cdr_id is None else "correction"],
                    "",
                    speech.money(note.amount_minor, note.currency),
                )
            ],
            sums=sums,
            language=speech.code,
        )
    )


def _reason(note: CreditNote, words: dict[str, str]) -> str:
    """Our own reasons in the reader's language, people's as they wrote them."""
    own = {LATE: "late_facts", CARRIED: "carried"}
    return words[own[note.reason]] if note.reason in own else note.reason or "-"
