"""Receipts and credit notes: as PDF, by mail, with numbers that have no gap."""

import threading
from io import BytesIO

import pytest
from django.core import mail
from django.db import connection, transaction
from django.utils import timezone
from hypothesis import given, strategies as st
from pypdf import PdfReader

from billing.models import CreditNote, Order, Receipt
from billing.services import guests
from billing.services.documents import credit_notes, mailing
from billing.services.documents.credit_notes import credit_note_pdf, tax_shares
from billing.services.documents.receipt_pdf import receipt_pdf
from billing.services.documents.words import LANGUAGES, language
from cpms.outbox.subscriptions import RetryLater
from settlement.models import Payment
from settlement.services import refunds
from tests.integration.billing.world import api
from tests.outbox import drain


def text_of(pdf):
    return "\n".join(page.extract_text() for page in PdfReader(BytesIO(pdf)).pages)


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("en", ("Receipt 1", "Paid directly to", "10.000 kWh", "Tax 19 %", "5.95 EUR")),
        ("de", ("Beleg 1", "Bezahlt direkt an", "10,000 kWh", "Steuer 19", "5,95 EUR")),
        ("zh-hans", ("1", "10.000 kWh", "5.95 EUR")),
        ("xx", ("Receipt 1",)),
    ],
)
def test_a_receipt_says_everything_in_the_readers_language(world, code, says):
    order = world.closed()
    receipt = Receipt.objects.get(order=order)

    pdf = receipt_pdf(receipt, language_code=code)
    text = text_of(pdf)

    assert pdf.startswith(b"%PDF-")
    assert order.number in text
    assert world.station.identity in text
    for each in says:
        assert each in text
    # The same receipt is the same document, whenever it is asked for.
    assert receipt_pdf(receipt, language_code=code) == pdf


def test_names_in_any_script_and_with_markup_are_printed_as_they_are(world):
    order = world.closed()
    receipt = Receipt.objects.get(order=order)
    receipt.body["operator"] = "<b>Łódź & 充电</b>" + "x" * 2000
    text = text_of(receipt_pdf(receipt, language_code="zh-hans"))
    assert "<b>" in text


def test_the_receipt_comes_by_mail_in_the_drivers_language(world):
    world.driver.locale = "de"
    world.driver.save()
    world.closed()

    (message,) = [m for m in mail.outbox if m.attachments]
    assert message.to == [world.driver.email]
    assert message.subject.startswith("Beleg 1 · ")
    name, content, kind = message.attachments[0]
    assert (name, kind) == ("Beleg-1.pdf", "application/pdf")
    assert "5,95 EUR" in text_of(content)


def test_nobody_is_mailed_who_gave_no_address(world):
    world.closed()
    mail.outbox.clear()
    Order.objects.update(driver=None, contact_email="")
    assert not mailing.send_receipt(Order.objects.get().number)
    assert not mailing.send_receipt("UNKNOWN")
    assert mail.outbox == []


def test_a_driver_loads_its_own_receipt_and_nobody_elses(world):
    order = world.closed()
    path = f"/api/v1/driver/receipts/{order.number}/pdf"
    answer = api(world.person.headers).get(f"{path}?language=de")
    assert answer["Content-Type"] == "application/pdf"
    assert "Beleg 1" in text_of(answer.content)
    unknown = path.replace(order.number, "X")
    missing = api(world.person.headers).get(unknown)
    assert missing.json()["code"] == "no_receipt"
    assert api().get(path).status_code == 401


def test_the_page_has_the_pdf_behind_its_secret_address(world, client):
    order = world.closed()
    token = guests.live_token(order.number)
    answer = client.get(f"/receipt/{token}/pdf", headers={"accept-language": "de"})
    assert answer["Content-Type"] == "application/pdf"
    assert order.number in text_of(answer.content)
    assert client.get(f"/receipt/{token[:-2]}xx/pdf").status_code == 404


# -- credit notes --------------------------------------------------------------------


def refund(order, amount=None, key="a"):
    payment = Payment.objects.get(order_number=order.number)
    refunds.request_refund(
        payment_id=payment.pk,
        amount_minor=amount,
        reason="cable was broken",
        refund_application_fee=True,
        key=key,
        by="test",
        at=timezone.now(),
    )
    drain()


def test_refunds_get_credit_notes_that_add_up_to_the_receipt(world):
    order = world.closed()
    receipt = Receipt.objects.get(order=order)
    for key, amount in (("a", 100), ("b", 333), ("c", None)):
        refund(order, amount, key)

    notes = list(CreditNote.objects.order_by("number"))
    assert [note.number for note in notes] == [1, 2, 3]
    assert sum(note.amount_minor for note in notes) == 595
    taxes = sum(row["taxes_minor"] for note in notes for row in note.taxes)
    assert taxes == receipt.body["taxes"][0]["taxes_minor"]
    text = text_of(credit_note_pdf(notes[0], language_code="de"))
    for each in ("Gutschrift 1", "Zum Beleg", "1,00 EUR", "cable was broken"):
        assert each in text


def test_the_same_refund_told_twice_is_one_credit_note(world):
    order = world.closed()
    for _ in range(2):
        credit_notes.issue(
            order_number=order.number,
            refund_id=7,
            amount_minor=5,
            reason="",
            at=timezone.now(),
        )
    assert CreditNote.objects.count() == 1
    nothing = credit_notes.issue(
        order_number="X", refund_id=8, amount_minor=5, reason="", at=timezone.now()
    )
    assert nothing is None


def test_numbers_have_no_gap_when_many_write_and_some_fail(transactional_db, world):
    order = world.closed()
    start = threading.Barrier(6)

    def write(number):
        start.wait()
        with transaction.atomic():
            credit_notes.issue(
                order_number=order.number,
                refund_id=number,
                amount_minor=1,
                reason="",
                at=timezone.now(),
            )
            # Some workers fail before their commit.
            transaction.set_rollback(number % 3 == 0)
        connection.close()

    threads = [threading.Thread(target=write, args=(n,)) for n in range(1, 7)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    numbers = sorted(CreditNote.objects.values_list("number", flat=True))
    assert numbers == [1, 2, 3, 4]


amounts = st.integers(0, 100_000)


@given(
    st.lists(st.tuples(amounts, amounts), min_size=1, max_size=4),
    st.lists(st.integers(1, 1000), min_size=1, max_size=6),
)
def test_tax_shares_of_any_refunds_add_up(rows, parts):
    taxes = [
        {"tax_rate": str(n), "before_taxes_minor": before, "taxes_minor": tax}
        for n, (before, tax) in enumerate(rows)
    ]
    whole = sum(before + tax for before, tax in rows)
    done, returned = 0, []
    for part in [*parts, whole]:
        amount = min(part, whole - done)
        shares = tax_shares(taxes, credited=returned, amount_minor=amount)
        sums = [(row["before_taxes_minor"], row["taxes_minor"]) for row in shares]
        assert sum(map(sum, sums)) == amount
        assert all(before >= 0 and tax >= 0 for before, tax in sums)
        returned += shares
        done += amount
    for row in taxes:
        mine = [each for each in returned if each["tax_rate"] == row["tax_rate"]]
        assert sum(each["taxes_minor"] for each in mine) == row["taxes_minor"]


def test_a_refund_that_is_told_before_the_receipt_waits_for_it(world):
    order, _ = world.charging()
    with pytest.raises(RetryLater):
        credit_notes.issue(
            order_number=order.number,
            refund_id=7,
            amount_minor=5,
            reason="",
            at=timezone.now(),
        )


def test_signed_values_are_printed_whole(world):
    order = world.closed()
    receipt = Receipt.objects.get(order=order)
    value = "OCMF|" + "x" * 1500 + "END"
    receipt.body["signed_values"] = [value]
    printed = text_of(receipt_pdf(receipt, language_code="en")).replace("\n", "")
    assert value.replace(" ", "") in printed.replace(" ", "")


def test_every_language_says_every_word():
    english = LANGUAGES["en"]
    for each in LANGUAGES.values():
        assert each.words.keys() == english.words.keys()
        assert all(each.words.values())
    assert language("DE").code == "de"
    assert language("fr").code == "en"
