"""Documents of corrected bills; mails with documents, each at most once."""

from datetime import timedelta
from smtplib import SMTPRecipientsRefused, SMTPServerDisconnected

import pytest
from django.core import mail
from django.utils import timezone

from billing.models import DocumentMail, Receipt
from billing.services import guests
from billing.services.documents import mailing
from billing.tasks import sweep_mails
from cpms.accounts.models import AuditEntry
from cpms.outbox.subscriptions import RetryLater
from tests.factories.accounts import driver_with_card
from tests.integration.billing.late_facts import corrected, refund
from tests.integration.billing.test_documents import text_of
from tests.integration.billing.world import api
from tests.outbox import drain


def test_a_corrected_bill_is_mailed_with_its_credit_note_and_what_to_pay(world):
    world.driver.locale = "de"
    world.driver.save()
    order = world.closed()
    mail.outbox.clear()
    order = corrected(order, 8000)
    (message,) = [m for m in mail.outbox if m.attachments]
    assert [name for name, _, _ in message.attachments] == [
        "Beleg-2.pdf",
        "Gutschrift-1.pdf",
    ]
    for each in ("Ersetzt Beleg: 1", "4,76 EUR", "Geht an Sie zurück: 1,19 EUR"):
        assert each in message.body
    receipt, note = (text_of(content) for _, content, _ in message.attachments)
    assert "Ersetzt Beleg" in receipt
    for each in ("Zum Beleg", "5,95 EUR", "später eingetroffene Messwerte"):
        assert each in note
    mail.outbox.clear()
    corrected(order, 12_000)
    (message,) = [m for m in mail.outbox if m.attachments]
    assert "Noch zu zahlen: 2,38 EUR" in message.body
    assert "Hier bezahlen: " in message.body
    assert "/pay/" in message.body


def test_a_driver_sees_all_documents_of_a_charge_in_their_order(world, client):
    order = world.closed()
    refund(order, 200)
    order = corrected(order, 8000)
    path = f"/api/v1/driver/receipts/{order.number}"
    driver = api(world.person.headers)
    found = driver.get(f"{path}/documents").json()
    assert [
        (row["kind"], row["number"], row["amount_minor"], row["of_receipt"])
        for row in found
    ] == [
        ("receipt", 1, 595, None),
        ("credit_note", 1, 200, 1),
        ("credit_note", 2, 395, 1),
        ("receipt", 2, 476, 1),
        ("credit_note", 3, 81, 2),
    ]
    assert [row["holds"] for row in found] == [False, False, False, True, False]
    # The one receipt is the one that holds; the list has both, the newest first.
    assert (driver.get(path).json()["number"], driver.get(path).json()["corrects"]) == (
        2,
        1,
    )
    listed = driver.get("/api/v1/driver/receipts").json()["results"]
    assert [(row["number"], row["corrects"]) for row in listed] == [(2, 1), (1, None)]
    for kind, number, says in (
        ("receipt", 1, "5.95 EUR"),
        ("credit_note", 3, "refunded before the correction"),
    ):
        answer = driver.get(f"{path}/documents/{kind}/{number}/pdf")
        assert says in text_of(answer.content)
    assert driver.get(f"{path}/documents/invoice/1/pdf").status_code == 404
    assert driver.get(f"{path}/documents/receipt/9/pdf").status_code == 404
    stranger = api(driver_with_card().headers)
    assert stranger.get(f"{path}/documents").status_code == 404
    assert stranger.get(f"{path}/documents/receipt/1/pdf").status_code == 404

    token = guests.live_token(order.number)
    page = client.get(f"/receipt/{token}").content.decode()
    for each in ("Receipt 1", "Receipt 2", "Credit note 2 for receipt 1"):
        assert each in page
    answer = client.get(f"/receipt/{token}/credit_note/2/pdf")
    assert "3.95 EUR" in text_of(answer.content)
    assert client.get(f"/receipt/{token}/receipt/9/pdf").status_code == 302
    assert client.get(f"/receipt/{token[:-2]}xx/receipt/1/pdf").status_code == 404


# -- mails, each at most once ----------------------------------------------------------


class Server:
    """A mail server that does what it is told."""

    def __init__(self, monkeypatch, *deeds):
        self.deeds, self.sent = list(deeds), []
        server = self

        def send(message, fail_silently=False):  # noqa: FBT002 - Django's own
            deed = server.deeds.pop(0) if server.deeds else None
            if deed is not None:
                raise deed
            server.sent.append(message)
            return 1

        monkeypatch.setattr(mailing.EmailMessage, "send", send)


@pytest.fixture
def unsent(world):
    order = world.closed()
    DocumentMail.objects.all().delete()
    return order


def test_a_mail_is_sent_once_however_often_it_is_told(unsent, monkeypatch):
    server = Server(monkeypatch)
    assert mailing.send_receipt(unsent.number)
    assert not mailing.send_receipt(unsent.number)
    assert len(server.sent) == 1
    assert DocumentMail.objects.get().state == "sent"


@pytest.mark.parametrize("error", [SMTPRecipientsRefused({}), ConnectionRefusedError()])
def test_a_mail_that_was_refused_is_sent_later(unsent, monkeypatch, error):
    server = Server(monkeypatch, error)
    with pytest.raises(RetryLater):
        mailing.send_receipt(unsent.number)
    assert DocumentMail.objects.get().state == "prepared"
    assert mailing.send_receipt(unsent.number)
    assert len(server.sent) == 1


def test_a_mail_of_which_nobody_knows_is_not_sent_again_by_itself(unsent, monkeypatch):
    server = Server(monkeypatch, KeyboardInterrupt("killed"))
    with pytest.raises(KeyboardInterrupt):
        mailing.send_receipt(unsent.number)
    row = DocumentMail.objects.get()
    assert row.state == "sending"
    assert not mailing.send_receipt(unsent.number)
    assert server.sent == []
    assert sweep_mails() == 0
    DocumentMail.objects.update(moved_at=timezone.now() - timedelta(minutes=11))
    assert sweep_mails() == 1
    assert not mailing.send_receipt(unsent.number)
    # Somebody asks for it: it goes out with the Message-ID of the first.
    at = timezone.now()
    mailing.send_again(mail_id=row.pk, by="support", at=at)
    with pytest.raises(mailing.UnableToSendAgain):
        mailing.send_again(mail_id=row.pk, by="support", at=at)
    drain()
    (message,) = server.sent
    assert message.extra_headers["Message-ID"].startswith(f"<receipt-{row.receipt_id}@")
    assert AuditEntry.objects.get(actor="support").action == "receipt.mailed_again"


def test_a_server_that_breaks_off_leaves_a_mail_in_doubt(unsent, monkeypatch):
    Server(monkeypatch, SMTPServerDisconnected("after the last byte"))
    assert not mailing.send_receipt(unsent.number)
    assert DocumentMail.objects.get().state == "in_doubt"


def test_a_worker_that_died_before_the_server_was_asked_sent_nothing(
    unsent, monkeypatch
):
    server = Server(monkeypatch)
    receipt = Receipt.objects.get()
    DocumentMail.objects.create(
        operator_id=receipt.operator_id, receipt=receipt, moved_at=timezone.now()
    )
    assert mailing.send_receipt(unsent.number)
    assert len(server.sent) == 1
