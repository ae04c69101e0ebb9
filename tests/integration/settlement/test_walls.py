"""Operators and drivers are apart, by PostgreSQL and not only by queries."""

import pytest
from django.db import IntegrityError, ProgrammingError, connection, transaction
from django.utils import timezone

from cpms.accounts.tenancy import acting_as_driver, acting_as_platform, acting_for
from settlement import queries
from settlement.models import (
    DriverPaymentMethod,
    PayeeAccount,
    Payment,
    PaymentAttempt,
    PaymentMove,
    Receivable,
    Refund,
    SplitAgreement,
    SplitLine,
    SplitParty,
)
from settlement.services import payments, splits
from settlement.services.moves import UnableToFindPayment
from tests.integration.settlement.shop import make_shop

pytestmark = pytest.mark.integration

OWNED = [
    PayeeAccount,
    Payment,
    PaymentAttempt,
    PaymentMove,
    Receivable,
    Refund,
    SplitAgreement,
    SplitLine,
    SplitParty,
]


@pytest.fixture
def two(shop, psp):
    """Two shops with rows in every table."""
    shops = [shop, make_shop(psp)]
    for each in shops:
        splits.agree(
            splits.Agreement(
                operator_id=each.operator.pk,
                site_id=None,
                name="agreed",
                parties=each.parties,
                valid_from=timezone.now(),
            ),
            by="owner",
            at=timezone.now(),
        )
        payment = each.captured(1500, hold_minor=1000)
        each.refund(payment, 100)
    return shops


@pytest.mark.parametrize("model", OWNED)
def test_an_operator_sees_its_own_rows_only(two, as_role, model):
    assert set(model.objects.values_list("operator_id", flat=True)) == {
        each.operator.pk for each in two
    }
    with as_role("app"):
        assert not model.objects.exists()
        for each in two:
            with acting_for([each.operator.pk]):
                ids = set(model.objects.values_list("operator_id", flat=True))
                assert ids == {each.operator.pk}


def test_a_driver_sees_its_own_payments_only(two, as_role):
    with as_role("app"), acting_as_driver(two[0].driver.pk):
        assert set(Payment.objects.values_list("driver_id", flat=True)) == {
            two[0].driver.pk
        }
        assert Receivable.objects.count() == 1
        assert Refund.objects.count() == 1
        assert not PayeeAccount.objects.exists()
        assert not SplitLine.objects.exists()
        methods = DriverPaymentMethod.objects.values_list("driver_id", flat=True)
        assert set(methods) == {two[0].driver.pk}


def test_an_operator_sees_no_drivers_payment_methods(two, as_role):
    with as_role("app"), acting_for([two[0].operator.pk]):
        assert not DriverPaymentMethod.objects.exists()


def test_an_operator_cannot_touch_anothers_payment(two, as_role):
    theirs = Payment.objects.get(operator=two[1].operator)
    with as_role("app"), acting_for([two[0].operator.pk]):
        with pytest.raises(UnableToFindPayment):
            payments.request_refund(
                payment_id=theirs.pk,
                amount_minor=1,
                reason="x",
                refund_application_fee=True,
                key="steal",
                by="x",
                at=timezone.now(),
            )
        assert Payment.objects.filter(pk=theirs.pk).update(state="RELEASED") == 0
        assert queries.payment_view(theirs.pk) is None
        assert queries.ledger_lines(theirs.order_number) == []
        assert queries.split_lines(theirs.order_number) == []


def test_a_driver_cannot_change_its_payments(two, as_role):
    mine = Payment.objects.get(operator=two[0].operator)
    with as_role("app"), acting_as_driver(two[0].driver.pk):
        assert Payment.objects.filter(pk=mine.pk).update(captured_minor=1) == 0


def test_an_operator_refunds_under_the_webs_role(two, as_role):
    mine = Payment.objects.get(operator=two[0].operator)
    with as_role("app"), acting_for([two[0].operator.pk]):
        view = payments.request_refund(
            payment_id=mine.pk,
            amount_minor=100,
            reason="kind",
            refund_application_fee=True,
            key="web",
            by="owner",
            at=timezone.now(),
        )
    assert view.state == "pending"


def test_a_driver_pays_under_the_webs_role(shop, as_role):
    with as_role("app"), acting_as_platform("a claim"):
        view = shop.open()
        payments.request_release(payment_id=view.id, reason="x", at=timezone.now())
        assert queries.payment_view(view.id).state == "RELEASED"


def test_an_operator_opens_payments_in_its_own_name_under_the_webs_role(shop, as_role):
    with as_role("app"), acting_for([shop.operator.pk]):
        assert shop.open().state == "AUTHORIZING"


def test_rows_never_point_at_another_operators_rows(two):
    mine, theirs = (Payment.objects.get(operator=each.operator) for each in two)

    def point():
        Payment.objects.filter(pk=mine.pk).update(payee_account=theirs.payee_account)
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")

    with pytest.raises(IntegrityError, match="tenant_fk"), transaction.atomic():
        point()


@pytest.mark.parametrize("sql", ["UPDATE", "DELETE"])
def test_the_inbox_is_written_by_the_web_and_changed_by_workers_only(db, as_role, sql):
    text = {
        "UPDATE": "UPDATE settlement_webhookevent SET state = 'done'",
        "DELETE": "DELETE FROM settlement_webhookevent",
    }[sql]
    with (
        as_role("app"),
        pytest.raises(ProgrammingError, match="permission denied"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(text)
