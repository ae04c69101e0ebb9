"""Operators, drivers and payments for settlement's tests."""

from datetime import UTC, datetime, timedelta

from cpms.accounts.models import Driver, User
from cpms.accounts.services import operators
from cpms.kernel.ids import new_order_number
from settlement.models import DriverPaymentMethod, PayeeAccount
from settlement.services import payees, payments, splits

AT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
PARTIES = (
    splits.Party("operator", "Operator", "operator", 7000),
    splits.Party("platform", "Platform", "platform", 1000),
    splits.Party("host", "Site host", "site_host", 1500),
    splits.Party("supplier", "Energy supplier", "energy_supplier", 500),
)


def later(**spans):
    return AT + timedelta(**spans)


def make_operator(code, *, currency="EUR"):
    return operators.create_operator(
        code=code,
        name=code.title(),
        country="DE",
        currency=currency,
        time_zone="Europe/Berlin",
        by="test",
        at=AT,
    )


def make_driver(email="driver@example.org"):
    return Driver.objects.create(user=User.objects.create_user(email), email=email)


def make_method(driver, *, customer="cus_1", reference="pm_1", default=True):
    return DriverPaymentMethod.objects.create(
        driver=driver,
        provider="stripe",
        customer_ref=customer,
        payment_method_ref=reference,
        is_default=default,
        created_at=AT,
    )


def make_account(operator, reference, **values):
    return PayeeAccount.objects.create(
        operator=operator,
        provider="stripe",
        reference=reference,
        currency=values.pop("currency", operator.currency),
        charges_enabled=values.pop("charges_enabled", True),
        created_at=AT,
        **values,
    )


def open_payment(operator, driver, method, **values):
    """A payment over 5000 (or ``hold_minor``) of a new order."""
    at = values.pop("at", AT)
    split = splits.SplitSnapshot(None, values.pop("parties", PARTIES))
    return payments.open_payment(
        operator_id=operator.pk,
        order_number=values.pop("order_number", new_order_number()),
        currency=values.pop("currency", "EUR"),
        hold_minor=values.pop("hold_minor", 5000),
        driver_id=driver.pk,
        payment_method_id=method.id,
        payee=payees.snapshot(operator_id=operator.pk, currency="EUR", at=at),
        split=split,
        off_session=values.pop("off_session", True),
        at=at,
    )
