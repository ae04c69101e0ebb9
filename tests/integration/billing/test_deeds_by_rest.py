"""What the console does about money that stands still, done over REST."""

import pytest
from django.utils import timezone

from billing.models import DocumentMail
from cpms.accounts.models import AuditEntry
from settlement.models import Correction, Payment, Receivable
from tests.factories import accounts
from tests.integration.billing.late_facts import corrected, kept, prove
from tests.integration.billing.test_books_api import BASE, caller
from tests.integration.billing.world import payment_of
from tests.integration.charge_points.api_world import problem_of
from tests.outbox import drain

pytestmark = pytest.mark.integration


@pytest.fixture
def system(world, as_role):
    return caller(world.operator, as_role)


@pytest.fixture
def foreign(world, as_role):
    return caller(accounts.operator("foreign"), as_role)


@pytest.mark.parametrize(
    ("deed", "kept_minor"), [("retry", 476), ("settled-elsewhere", 595)]
)
def test_a_stuck_correction_ends_as_somebody_decided(
    world, system, foreign, deed, kept_minor
):
    order = world.closed()
    world.psp.fault("error_stored", path="/v1/refunds", status=400, times=1)
    order = corrected(order, 8000)
    (row,) = system.rows(f"{BASE}/corrections", state="stuck")
    assert (row["order_number"], row["difference_minor"]) == (order.number, -119)
    address = f"{BASE}/corrections/{row['id']}/{deed}"
    assert foreign.post(address).status_code == 404
    assert Correction.objects.get().state == "stuck"

    assert system.post(address).status_code == 202
    drain()

    assert Correction.objects.get().state == "done"
    assert kept(order) == kept_minor
    assert problem_of(system.post(address))[1] == "not_stuck"
    if deed == "retry":
        prove(order)


def test_a_mail_in_doubt_is_sent_again_and_no_other(world, system, foreign):
    world.closed()
    row = DocumentMail.objects.get()
    address = f"{BASE}/document-mails/{row.pk}/send-again"
    assert system.post(address).status_code in {400, 409}
    DocumentMail.objects.update(state="in_doubt", moved_at=timezone.now())
    assert foreign.post(address).status_code == 404

    assert system.post(address).status_code == 202
    drain()

    row.refresh_from_db()
    assert row.state == "sent"
    (shown,) = system.rows(f"{BASE}/document-mails")
    assert (shown["state"], shown["operator"]) == ("sent", world.operator.code)


def test_a_debt_is_collected_when_the_operator_asks(world, system, foreign):
    order = world.closed()
    paid = payment_of(order)
    debt = Receivable.objects.create(
        operator=paid.operator,
        payment=paid,
        driver=paid.driver,
        order_number=paid.order_number,
        amount_minor=100,
        currency="EUR",
        reason="test",
        opened_at=timezone.now(),
    )
    address = f"{BASE}/receivables/{debt.pk}/collect"
    assert foreign.post(address).status_code == 404

    assert system.post(address).status_code == 202
    assert problem_of(system.post(address))[1] == "collection_in_progress"
    assert Payment.objects.filter(order_number=order.number).count() == 2
    assert problem_of(system.post(f"{BASE}/receivables/0/collect"))[0] == 404


def test_deeds_about_money_need_their_scope(world, as_role):
    reader = caller(world.operator, as_role, "orders:read")
    for path in (
        "corrections/1/retry",
        "corrections/1/settled-elsewhere",
        "document-mails/1/send-again",
        "receivables/1/collect",
        "reconciliation-differences/1/resolve",
    ):
        assert reader.post(f"{BASE}/{path}").status_code == 403
    assert not AuditEntry.objects.filter(action__startswith="payment.corr").exists()
