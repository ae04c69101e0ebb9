from datetime import timedelta

import pytest
from django.core.management import call_command
from django.utils import timezone

from cpms.accounts.models import AuditEntry, Driver
from cpms.kernel.ids import new_secret
from cpms.outbox.models import EventRecord
from settlement import queries
from settlement.models import DriverPaymentMethod, PayeeAccount
from settlement.services import methods, payees
from settlement.services.methods import UnableToSavePaymentMethod
from settlement.services.payees import UnableToRegisterPayee, UnableToResolvePayee
from tests.factories.money import payee_account
from tests.integration.settlement.world import (
    AT,
    make_account,
    make_driver,
    make_operator,
)
from tests.outbox import drain


def refused(code, operator, currency="EUR"):
    with pytest.raises(UnableToResolvePayee) as caught:
        payees.snapshot(operator_id=operator.pk, currency=currency, at=AT)
    assert caught.value.code == code
    return caught.value


def test_the_payee_is_the_operators_own_account(operator, other):
    make_account(other, "acct_2")
    account = make_account(operator, "acct_1")

    found = payees.snapshot(operator_id=operator.pk, currency="EUR", at=AT)

    assert found == payees.PayeeSnapshot(
        account.pk, "stripe", "acct_1", "connected", "EUR"
    )


def test_an_operator_without_account_is_never_paid_on_anothers(operator, other):
    make_account(other, "acct_2")

    refused("no_payee_account", operator)


def test_an_account_of_another_currency_is_no_account(operator):
    make_account(operator, "acct_1", currency="CHF")

    assert "CHF" in refused("currency_mismatch", operator).message


def test_a_blocked_account_says_what_is_due(operator):
    make_account(
        operator,
        "acct_1",
        charges_enabled=False,
        requirements_due=["iban"],
        disabled_reason="requirements.past_due",
    )

    error = refused("payee_account_blocked", operator)
    assert "requirements.past_due" in error.message
    assert error.extra["requirements_due"] == ["iban"]


def test_an_account_that_is_not_the_default_is_not_used(operator):
    make_account(operator, "acct_1", is_default=False)

    refused("no_payee_account", operator)


def test_an_account_is_registered_after_the_provider_was_asked(psp, operator):
    account = payee_account(psp, operator)

    assert account.charges_enabled
    assert account.checked_at is not None
    assert AuditEntry.objects.filter(action="payee_account.registered").exists()
    view = queries.payee_accounts([operator.pk])[0]
    assert (view.reference, view.charges_enabled) == (account.reference, True)


def test_a_new_account_takes_the_place_of_the_default(psp, operator):
    first = payee_account(psp, operator)
    second = payee_account(psp, operator)

    first.refresh_from_db()
    assert (first.is_default, second.is_default) == (False, True)


@pytest.mark.parametrize("provider", ["stripe", "bank"])
def test_an_account_that_nobody_knows_is_refused(psp, operator, provider):
    with pytest.raises(UnableToRegisterPayee, match="payee_account_unknown"):
        payees.register(
            operator_id=operator.pk,
            provider=provider,
            reference="acct_nobody",
            by="test",
            at=AT,
        )


def test_an_account_belongs_to_one_operator(psp, operator, other):
    account = payee_account(psp, operator)

    with pytest.raises(UnableToRegisterPayee, match="payee_account_taken"):
        payees.register(
            operator_id=other.pk,
            provider="stripe",
            reference=account.reference,
            by="test",
            at=AT,
        )


def test_verifying_mirrors_the_provider_and_tells_of_changes(psp, operator):
    account = payee_account(psp, operator)
    psp.control(f"accounts/{account.reference}", {"charges_enabled": False})

    for _ in range(2):
        payees.verify(payee_account_id=account.pk, at=timezone.now())

    account.refresh_from_db()
    assert not account.charges_enabled
    told = EventRecord.objects.filter(topic="PayeeAccountChanged")
    assert [row.payload["charges_enabled"] for row in told] == [False]


def test_an_older_look_does_not_overwrite_a_newer_one(psp, operator):
    account = payee_account(psp, operator)
    psp.control(f"accounts/{account.reference}", {"charges_enabled": False})

    payees.verify(payee_account_id=account.pk, at=timezone.now() - timedelta(hours=1))

    account.refresh_from_db()
    assert account.charges_enabled


def test_an_operator_onboards_itself_and_goes_on_where_it_was(psp, db):
    operator = make_operator(f"self-{new_secret(bits=32)}"[:20].lower())
    ask = {
        "operator_id": operator.pk,
        "provider": "stripe",
        "return_url": "https://cpms.example/done",
        "by": "owner@example.org",
    }

    first = payees.onboard(at=timezone.now(), **ask)
    again = payees.onboard(at=timezone.now(), **ask)

    assert first.payee_account_id == again.payee_account_id
    assert first.url.startswith(psp.base_url)
    account = PayeeAccount.objects.get()
    assert not account.charges_enabled
    psp.control(f"accounts/{account.reference}", {"onboarded": True})
    payees.verify(payee_account_id=account.pk, at=timezone.now())
    assert payees.snapshot(operator_id=operator.pk, currency="EUR", at=AT)


def save(driver, reference="pm_card_visa", provider="stripe"):
    return methods.save(
        driver_id=driver.pk,
        provider=provider,
        payment_method_ref=reference,
        at=timezone.now(),
    )


def test_the_newest_method_is_the_default(psp, db):
    driver = make_driver()
    first, second = save(driver), save(driver, "pm_card_mastercard")

    assert methods.default_for(driver.pk) == second
    assert [m.id for m in methods.list_for(driver.pk)] == [second.id, first.id]
    assert first.customer_ref == second.customer_ref
    assert Driver.objects.get().can_pay
    assert EventRecord.objects.filter(topic="PaymentMethodSaved").count() == 2


def test_a_driver_without_method_has_no_default(psp, db):
    driver = make_driver()

    assert methods.default_for(driver.pk) is None
    assert methods.get(driver_id=driver.pk, payment_method_id=1) is None


@pytest.mark.parametrize(
    ("reference", "provider", "code"),
    [
        ("pm_nobody", "stripe", "resource_missing"),
        ("pm_card_chargeDeclined", "stripe", "payment_declined"),
        ("pm_card_visa", "bank", "unknown_provider"),
    ],
)
def test_a_method_that_the_provider_refuses_is_not_saved(
    psp, db, reference, provider, code
):
    with pytest.raises(UnableToSavePaymentMethod) as caught:
        save(make_driver(), reference, provider)

    assert caught.value.code == code
    assert not DriverPaymentMethod.objects.exists()


def test_a_provider_that_does_not_answer_is_no_refusal_of_the_card(psp, db):
    psp.fault("refuse", path="/v1/customers", times=1)

    with pytest.raises(UnableToSavePaymentMethod) as caught:
        save(make_driver())
    assert caught.value.status == 503


def test_a_driver_holds_a_limited_number_of_methods(psp, db, monkeypatch):
    monkeypatch.setattr(methods, "METHODS_PER_DRIVER_MAX", 1)
    driver = make_driver()
    save(driver)

    with pytest.raises(UnableToSavePaymentMethod, match="at most 1"):
        save(driver, "pm_card_mastercard")


def test_methods_work_under_the_webs_role(psp, db, as_role):
    driver = make_driver()
    with as_role("app"):
        view = save(driver)
        assert methods.default_for(driver.pk) == view


def test_the_command_registers_an_account(psp, operator, capsys):
    account = payee_account(psp, operator)
    PayeeAccount.objects.all().delete()

    call_command(
        "create_payee_account", "--operator", "one", "--account", account.reference
    )

    assert PayeeAccount.objects.get().reference == account.reference
    assert account.reference in capsys.readouterr().out


def test_a_suspected_account_is_looked_at_by_a_worker(psp, operator):
    account = payee_account(psp, operator)
    psp.control(f"accounts/{account.reference}", {"charges_enabled": False})
    from cpms.outbox import publish  # noqa: PLC0415

    publish(
        "PayeeAccountSuspect",
        operator_id=operator.pk,
        key="x",
        payload={"payee_account_id": account.pk},
    )
    drain()

    account.refresh_from_db()
    assert not account.charges_enabled
