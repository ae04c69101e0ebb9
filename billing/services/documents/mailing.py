"""Receipts by mail, as Django's mail settings say: each at most once.

Mail has no transactions: a worker that dies after the server took a mail and before it
could write that down leaves nobody who knows. So a claim is written before the server
is asked (``DocumentMail``):

* PREPARED: nothing was sent; whoever finds it sends.
* SENDING, and the server refuses or cannot be reached: PREPARED again, and a later
  try. When it breaks off half-way: in doubt.
* SENDING when somebody comes back to it: in doubt. It is not sent again, since a
  driver who gets a receipt twice looks for a second payment, and the documents stay on
  their page. ``sweep`` names such mails IN_DOUBT for the operator, who can send them
  again by hand; they carry the same Message-ID then.
"""

from datetime import datetime, timedelta
from smtplib import SMTPException, SMTPServerDisconnected
from typing import Final

import structlog
from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.utils import timezone

from billing.models import DocumentMail, Order, Receipt
from billing.services import pay_links
from billing.services.documents.credit_notes import credit_note_pdf
from billing.services.documents.receipt_pdf import receipt_pdf
from billing.services.documents.words import Language, language
from cpms.accounts.services import audit
from cpms.kernel.errors import DomainError
from cpms.outbox import publish
from cpms.outbox.subscriptions import RetryLater

PAUSE_S: Final = 300.0
MAIL_WANTED: Final = "ReceiptMailWanted"
"""Work of this room itself: ``order_number, receipt_id``."""

SENDING_MAX: Final = timedelta(minutes=10)
"""Longer than any mail server takes."""

_STATE = DocumentMail.State
log = structlog.get_logger(__name__)


class UnableToSendAgain(DomainError):
    """The mail is not in doubt: it was sent, or will be."""


def send_receipt(
    order_number: str,
    *,
    receipt_id: int | None = None,
    at: datetime | None = None,
) -> bool:
    """Mail a receipt, with the credit note of the one that it takes the place of.

    Args:
        order_number: whose receipt.
        receipt_id: which of them; None: the first.
        at: now; None: by the clock.

    Returns:
        False when there is nobody or nothing to send to, or it was sent already.

    Raises:
        RetryLater: the mail server did not take it.
    """
    found = Receipt.objects.select_related("order__driver", "corrects").filter(
        order__number=order_number
    )
    if receipt_id is not None:
        found = found.filter(pk=receipt_id)
    receipt = found.order_by("pk").first()
    address = "" if receipt is None else _address(receipt.order)
    if receipt is None or not address:
        return False
    now = at or timezone.now()
    claim, _ = DocumentMail.objects.get_or_create(
        receipt=receipt,
        defaults={"operator_id": receipt.operator_id, "moved_at": now},
    )
    if claim.state != _STATE.PREPARED:
        return False
    # All that can fail by itself fails before the claim says that it is being sent.
    message = _message(receipt, address)
    if not _move(claim, _STATE.PREPARED, _STATE.SENDING, now):
        return False
    return _send(claim, message, now)


def _send(claim: DocumentMail, message: EmailMessage, at: datetime) -> bool:
    try:
        message.send()
    except SMTPServerDisconnected:
        # It broke off: perhaps after the last byte. Nobody knows.
        log.warning("receipt_mail_in_doubt", receipt=claim.receipt_id)
        _move(claim, _STATE.SENDING, _STATE.IN_DOUBT, at)
        return False
    except (SMTPException, OSError) as error:
        # It said no, or was not there: nothing was sent.
        _move(claim, _STATE.SENDING, _STATE.PREPARED, at)
        reason = f"the mail server: {type(error).__name__}"
        raise RetryLater(PAUSE_S, reason) from error
    _move(claim, _STATE.SENDING, _STATE.SENT, at)
    return True


def _move(claim: DocumentMail, before: str, after: str, at: datetime) -> bool:
    """One worker wins; committed at once, since the server cannot be rolled back."""
    rows = DocumentMail.objects.filter(pk=claim.pk, state=before)
    return bool(rows.update(state=after, moved_at=at))


def sweep(*, at: datetime) -> int:
    """Name the mails in doubt; returns how many."""
    rows = DocumentMail.objects.filter(
        state=_STATE.SENDING, moved_at__lt=at - SENDING_MAX
    )
    found = rows.update(state=_STATE.IN_DOUBT, moved_at=at)
    if found:
        log.warning("receipt_mails_in_doubt", count=found)
    return found


@transaction.atomic
def send_again(*, mail_id: int, by: str, at: datetime) -> None:
    """Have a mail in doubt sent once more: somebody asked for it.

    Raises:
        UnableToSendAgain: ``not_in_doubt``.
    """
    claim = (
        DocumentMail.objects.select_related("receipt__order").filter(pk=mail_id).first()
    )
    if claim is None or not _move(claim, _STATE.IN_DOUBT, _STATE.PREPARED, at):
        raise UnableToSendAgain("not_in_doubt", f"Mail {mail_id} is not in doubt.")
    number = claim.receipt.order.number
    publish(
        MAIL_WANTED,
        operator_id=claim.operator_id,
        key=f"receipt mail {claim.receipt_id}",
        payload={"order_number": number, "receipt_id": claim.receipt_id},
    )
    audit.record(
        operator_id=claim.operator_id,
        actor=by,
        action="receipt.mailed_again",
        object=f"receipt {claim.receipt.number} of order {number}",
        changes={},
        at=at,
    )


def _address(order: Order) -> str:
    return order.contact_email or (order.driver.email if order.driver else "")


def _message(receipt: Receipt, address: str) -> EmailMessage:
    order = receipt.order
    code = order.language or (order.driver.locale if order.driver else "") or "en"
    speech = language(code)
    title = f"{speech.words['receipt']} {receipt.number}"
    issuer = " ".join(receipt.body["operator"].split())
    domain = settings.DEFAULT_FROM_EMAIL.rpartition("@")[2].strip("> ")
    message = EmailMessage(
        f"{title} · {issuer}",
        _text(receipt, title, issuer, speech),
        to=[address],
        headers={"Message-ID": f"<receipt-{receipt.pk}@{domain}>"},
    )
    message.attach(
        f"{speech.words['receipt']}-{receipt.number}.pdf",
        receipt_pdf(receipt, language_code=code),
        "application/pdf",
    )
    for note in order.credit_notes.filter(
        cdr__isnull=False,
        receipt__in=[each for each in (receipt.corrects, receipt) if each],
    ).order_by("pk"):
        message.attach(
            f"{speech.words['credit_note']}-{note.number}.pdf",
            credit_note_pdf(note, language_code=code),
            "application/pdf",
        )
    return message


def _text(receipt: Receipt, title: str, issuer: str, speech: Language) -> str:
    words, currency = speech.words, receipt.body["currency"]
    difference_minor = receipt.body.get("difference_minor", 0)
    lines = [title]
    if receipt.corrects is not None:
        lines.append(f"{words['replaces']}: {receipt.corrects.number}")
    lines += [
        f"{words['total']}: {speech.money(receipt.body['amount_minor'], currency)}",
        f"{words['paid_to']}: {issuer}",
    ]
    if difference_minor:
        name = "difference_back" if difference_minor < 0 else "difference_due"
        lines.append(f"{words[name]}: {speech.money(abs(difference_minor), currency)}")
    if difference_minor > 0:
        lines.append(f"{words['pay_here']}: {pay_links.url_of(receipt.order.number)}")
    return "\n".join([*lines, ""])
