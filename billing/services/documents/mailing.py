"""The receipt by mail, as Django's mail settings say."""

from smtplib import SMTPException
from typing import Final

from django.conf import settings
from django.core.mail import EmailMessage

from billing.models import Receipt
from billing.services.documents.receipt_pdf import receipt_pdf
from billing.services.documents.words import language
from cpms.outbox.subscriptions import RetryLater

PAUSE_S: Final = 300.0


def send_receipt(order_number: str) -> bool:
    """Mail the receipt of an order; False when there is nobody or nothing to send to.

    A worker that dies between sending and noting it sends once more, with the same
    Message-ID, which mail programs show once.

    Raises:
        RetryLater: the mail server did not take it.
    """
    receipt = (
        Receipt.objects.select_related("order__driver")
        .filter(order__number=order_number)
        .first()
    )
    if receipt is None:
        return False
    order = receipt.order
    address = order.contact_email or (order.driver.email if order.driver else "")
    if not address:
        return False
    code = order.language or (order.driver.locale if order.driver else "") or "en"
    speech = language(code)
    title = f"{speech.words['receipt']} {receipt.number}"
    issuer = " ".join(receipt.body["operator"].split())
    total = speech.money(receipt.body["amount_minor"], receipt.body["currency"])
    domain = settings.DEFAULT_FROM_EMAIL.rpartition("@")[2].strip("> ")
    message = EmailMessage(
        f"{title} · {issuer}",
        f"{title}\n{speech.words['total']}: {total}\n"
        f"{speech.words['paid_to']}: {issuer}\n",
        to=[address],
        headers={"Message-ID": f"<receipt-{receipt.pk}@{domain}>"},
    )
    name = f"{speech.words['receipt']}-{receipt.number}.pdf"
    pdf = receipt_pdf(receipt, language_code=code)
    message.attach(name, pdf, "application/pdf")
    try:
        message.send()
    except (SMTPException, OSError) as error:
        reason = f"the mail server: {type(error).__name__}"
        raise RetryLater(PAUSE_S, reason) from error
    return True
