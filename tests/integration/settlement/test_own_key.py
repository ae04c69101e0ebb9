"""Operators with a key of their own: nothing of the platform is in between."""

import hashlib
import hmac
import io
import json
from datetime import date

import pytest
from django.core.management import call_command
from django.utils import timezone

from settlement.models import LedgerLine, PayeeAccount, Payment, PlatformInvoice
from settlement.providers.facts import ProviderPaymentMethod
from settlement.providers.registry import get_provider
from settlement.services import (
    access,
    method_choices,
    method_pages,
    methods,
    payees,
    payments,
    platform_fees,
    reconciliation,
    verification,
    webhooks,
)
from tests.factories import accounts
from tests.integration.settlement.shop import Shop, make_shop
from tests.integration.settlement.test_checkouts import browse
from tests.integration.settlement.test_reconciliation import balance
from tests.integration.settlement.world import make_operator
from tests.outbox import drain

pytestmark = pytest.mark.integration
SECRET = "whsec_of_the_operator"


def new_account(psp, operator):
    """An account at the provider and its restricted key."""
    reference = get_provider("stripe").create_account(
        country="DE",
        currency="EUR",
        email="owner@example.org",
        idempotency_key=f"own-{operator.code}",
    )
    psp.control(f"accounts/{reference}", {"onboarded": True})
    return reference, psp.control("keys", {"account": reference})["api_key"]


def register(psp, operator, **values):
    reference, key = new_account(psp, operator)
    return payees.register_own_key(
        operator_id=operator.pk,
        provider="stripe",
        reference=reference,
        own=payees.OwnKey(values.get("api_key", key), SECRET),
        by="test",
        at=timezone.now(),
    )


@pytest.fixture
def own(db, psp):
    """A shop whose operator has a key of its own, and a card saved there."""
    platform = make_shop(psp)
    operator = make_operator(f"own-{platform.operator.code}")
    account = register(psp, operator)
    at = timezone.now()
    page = method_pages.begin(
        driver_id=platform.driver.pk,
        provider="stripe",
        currency="EUR",
        success_url="https://cpms.example/cards",
        cancel_url="https://cpms.example/cards",
        locale="en",
        at=at,
        operator_account=account.reference,
    )
    assert browse(page.url, card_number="4242424242424242")[0] == 303
    method = method_pages.finish(driver_id=platform.driver.pk, page_id=page.id, at=at)
    return Shop(psp, operator, account, platform.driver, method)


def test_the_key_is_sealed_and_never_shown(own):
    row = PayeeAccount.objects.get(pk=own.account.pk)
    assert row.mode == "own_key"
    assert "rk_test" not in row.sealed_key
    assert "rk_test" not in repr(access.provider_for("stripe", row.reference))
    assert "rk_" not in repr(payees.OwnKey("rk_1", "s"))


def test_money_is_taken_without_the_platform(own, psp):
    payment = own.captured(1001)
    assert (payment.state, payment.captured_minor) == ("CAPTURED", 1001)
    assert payment.application_fee_minor == 0
    assert payment.mode == "own_key"
    intents = [
        c
        for c in psp.calls("/v1/payment_intents")
        if c["account"] == (own.account.reference)
    ]
    assert intents
    assert not any("application_fee_amount" in str(call) for call in intents)
    # 1001 at 7000/1000/1500/500 bp: the platform's 100 is owed, not taken.
    assert balance(own, "payable:platform") == -100
    assert balance(own, "platform_fees") == 100
    reconciliation.reconcile(payee_account_id=own.account.pk, at=timezone.now())
    clearing = balance(own, f"provider:stripe:{own.account.reference}")
    assert clearing == own.books()["balance_minor"]
    assert verification.prove().ok


@pytest.mark.parametrize(("fee", "owed"), [(True, 0), (False, -100)])
def test_a_full_refund_gives_the_platforms_part_back_when_so_chosen(own, fee, owed):
    payment = own.captured(1001)
    own.refund(payment, fee=fee)
    assert own.payment(payment).state == "REFUNDED"
    assert balance(own, "payable:platform") == owed
    if fee:
        assert balance(own, "payable:host") == 0
    assert verification.prove().ok


def test_a_card_saved_on_the_platform_cannot_be_used(own):
    shop = make_shop(own.psp)
    own.driver, own.method = shop.driver, shop.method
    with pytest.raises(payments.UnableToOpenPayment) as refused:
        own.open()
    assert refused.value.code == "no_payment_method_here"


def test_the_platforms_default_is_another_method(own):
    driver = own.driver.pk
    here = methods.default_for(driver, operator_account=own.account.reference)
    assert here.id == own.method.id
    assert methods.default_for(driver).id != here.id
    listed = {one.id: one for one in methods.list_for(driver)}
    assert listed[own.method.id].operator.name == own.operator.name
    assert listed[methods.default_for(driver).id].operator is None


def test_each_place_has_a_default_of_its_own_and_keeps_it(own):
    driver, account = own.driver.pk, own.account.reference
    everywhere = methods.default_for(driver)
    assert method_choices.make_default(
        driver_id=driver, payment_method_id=own.method.id
    )
    assert methods.default_for(driver).id == everywhere.id
    newer = methods.remember(
        driver_id=driver,
        provider="stripe",
        operator_account=account,
        customer_ref=own.method.customer_ref,
        card=ProviderPaymentMethod(
            ref="pm_newer",
            customer_ref=own.method.customer_ref,
            kind="card",
            brand="visa",
            last4="1111",
            expires_year=2031,
            expires_month=1,
        ),
        at=timezone.now(),
    )
    assert methods.default_for(driver, operator_account=account).id == newer.id
    assert method_choices.remove(
        driver_id=driver, payment_method_id=newer.id, at=timezone.now()
    )
    here = methods.default_for(driver, operator_account=account)
    assert here.id == own.method.id
    assert methods.default_for(driver).id == everywhere.id
    method_choices.remove(
        driver_id=driver, payment_method_id=here.id, at=timezone.now()
    )
    assert methods.default_for(driver, operator_account=account) is None
    assert [one.id for one in methods.list_for(driver)] == [everywhere.id]


def test_another_drivers_card_is_neither_chosen_nor_removed(own):
    stranger = accounts.driver().driver.pk
    assert not method_choices.make_default(
        driver_id=stranger, payment_method_id=own.method.id
    )
    method_choices.remove(
        driver_id=stranger, payment_method_id=own.method.id, at=timezone.now()
    )
    here = methods.default_for(own.driver.pk, operator_account=own.account.reference)
    assert here.id == own.method.id


def test_only_a_restricted_key_of_the_account_is_taken(psp, operator, other):
    with pytest.raises(payees.UnableToRegisterPayee) as refused:
        register(psp, operator, api_key="sk_test_everything")
    assert refused.value.code == "key_not_restricted"
    with pytest.raises(payees.UnableToRegisterPayee) as refused:
        register(psp, other, api_key="rk_test_of_nobody")
    assert refused.value.code == "payee_account_unknown"


def test_its_webhooks_are_signed_with_its_own_secret(own, client):
    now = int(timezone.now().timestamp())
    body = (
        b'{"id":"evt_own_1","object":"event","type":"charge.captured","created":%d,'
        b'"data":{"object":{"id":"ch_x","object":"charge","payment_intent":null}}}'
    ) % now
    mac = hmac.new(SECRET.encode(), b"%d." % now + body, hashlib.sha256).hexdigest()
    url = f"/webhooks/payments/stripe/{own.account.reference}/"
    headers = {"Stripe-Signature": f"t={now},v1={mac}"}
    sent = {"content_type": "application/json", "headers": headers}
    assert client.post(url, body, **sent).json() == {"new": True}
    assert client.post(url, body, **sent).json() == {"new": False}
    platform = client.post("/webhooks/payments/stripe/", body, **sent)
    assert platform.status_code == 400


def test_its_events_are_polled_with_its_key(own):
    payment = own.hold()
    assert webhooks.poll(payee_account_id=own.account.pk, at=timezone.now()) > 0
    drain()
    assert own.payment(payment).state == "AUTHORIZED"


def test_the_months_fees_are_invoiced_once_and_paid_from_the_bank(own):
    own.captured(1001)
    now = timezone.now()
    month = now.date().replace(day=1)
    assert platform_fees.issue(month_start_date=month, at=now) == 1
    assert platform_fees.issue(month_start_date=month, at=now) == 0
    invoice = PlatformInvoice.objects.get()
    assert (invoice.fee_minor, invoice.currency, invoice.charges) == (100, "EUR", 1)
    platform_fees.mark_paid(invoice_id=invoice.pk, by="clerk", at=now)
    assert balance(own, "payable:platform") == 0
    assert balance(own, "bank") == -100
    books = LedgerLine.objects.filter(operator_id=0).values_list(
        "account__code", "amount_minor"
    )
    assert sorted(books) == [
        ("application_fees", -100),
        ("platform_bank", 100),
        ("platform_receivables", -100),
        ("platform_receivables", 100),
    ]
    with pytest.raises(platform_fees.UnableToSettleInvoice):
        platform_fees.mark_paid(invoice_id=invoice.pk, by="clerk", at=now)
    assert verification.prove().ok


def test_a_month_that_owes_nothing_has_no_invoice(own):
    assert (
        platform_fees.issue(month_start_date=date(2020, 1, 1), at=timezone.now()) == 0
    )
    payment = own.captured(1001)
    own.refund(payment)
    month = timezone.now().date().replace(day=1)
    assert platform_fees.issue(month_start_date=month, at=timezone.now()) == 0
    assert Payment.objects.get(pk=payment.pk).state == "REFUNDED"


# By command


def run(capsys, operator, account, path):
    try:
        call_command(
            *("register_own_key", "--json", f"--operator={operator.code}"),
            *(f"--account={account}", f"--key-file={path}"),
        )
        status = 0
    except SystemExit as ended:
        status = ended.code
    told = capsys.readouterr()
    return status, told.out + told.err


def test_a_key_is_read_from_standard_input_and_never_shown(
    psp, other, capsys, monkeypatch
):
    reference, key = new_account(psp, other)
    text = json.dumps({"api_key": key, "webhook_secret": SECRET})
    monkeypatch.setattr("sys.stdin", io.StringIO(text))

    status, told = run(capsys, other, reference, "-")

    assert status == 0, told
    assert json.loads(told)["account"] == reference
    assert key not in told
    assert SECRET not in told


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("rk_live_secret", "key_file_invalid"),
        ('["rk_live_secret"]', "key_file_invalid"),
        ('{"api_key": "rk_live_secret"}', "key_file_invalid"),
        ('{"api_key": 7, "webhook_secret": "s"}', "key_file_invalid"),
        ('{"api_key": "rk_live_secret"' + " " * 5_000, "key_file_invalid"),
        ('{"api_key": "sk_live_secret", "webhook_secret": "s"}', "key_not_restricted"),
    ],
)
def test_a_key_file_that_is_none_is_refused_without_a_word_of_it(
    psp, other, capsys, tmp_path, text, code
):
    path = tmp_path / "key.json"
    path.write_text(text)

    status, told = run(capsys, other, "acct_x", path)

    assert (status, code in told) == (1, True), told
    assert "live_secret" not in told


def test_a_key_file_that_is_not_there_is_named(psp, other, capsys, tmp_path):
    status, told = run(capsys, other, "acct_x", tmp_path / "none.json")

    assert status == 1
    assert "key_file_unreadable" in told
    assert "none.json" in told
