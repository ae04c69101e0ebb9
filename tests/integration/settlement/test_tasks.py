import pytest
from django.utils import timezone

from cpms.celery import app
from cpms.outbox.queues import QUEUES
from cpms.outbox.subscriptions import subscription
from settlement import tasks
from settlement.models import LedgerSeal, PaymentAttempt, ReconciliationDifference
from settlement.services import sealing
from tests.integration.settlement.shop import make_shop
from tests.outbox import drain

pytestmark = [
    pytest.mark.integration,
    # Another room's task still names its queue the old way.
    pytest.mark.filterwarnings("ignore::celery.exceptions.CDeprecationWarning"),
]


@pytest.fixture
def open_shop(transactional_db, psp):
    return make_shop(psp)


def test_every_scheduled_task_exists_and_has_a_queue():
    for entry in tasks.BEAT_SCHEDULE.values():
        assert entry["task"] in app.tasks
        assert entry["options"]["queue"] in QUEUES


@pytest.mark.parametrize("name", ["attempts", "payees", "webhooks"])
def test_what_calls_out_works_outside_of_transactions(name):
    found = subscription(f"settlement.{name}")

    assert not found.transactional
    assert found.queue in QUEUES


def test_the_sweep_wakes_and_names(shop, caplog):
    shop.open()
    PaymentAttempt.objects.update(next_try_at="2020-01-01T00:00Z")
    assert tasks.sweep() == 1
    shop.payment(shop.open()).__class__.objects.update(moved_at="2020-01-01T00:00Z")

    assert tasks.sweep() == 0


def test_looking_polling_and_verifying_go_over_every_row(shop, psp):
    shop.card("authenticate")
    payment = shop.hold(off_session=False)
    psp.control(
        f"payment_intents/{payment.provider_ref}/authenticate", {"outcome": "succeed"}
    )
    payment.__class__.objects.update(moved_at="2020-01-01T00:00Z")

    assert tasks.look() == 1
    assert shop.payment(payment).state == "AUTHORIZED"
    assert tasks.poll_events() == 1
    assert tasks.verify_payees() == 1


def test_one_that_cannot_be_asked_does_not_stop_the_others(shop, psp):
    make_shop(psp)
    psp.fault("refuse", path=shop.account.reference, times=1)

    assert tasks.verify_payees() == 1


def test_reconciling_asks_for_each_account(shop, monkeypatch):
    shop.captured(1000)
    asked = []
    monkeypatch.setattr(
        tasks.reconcile_account,
        "apply_async",
        lambda arguments, queue: asked.append((*arguments, queue)),
    )

    assert tasks.reconcile() == 1
    assert asked == [(shop.account.pk, "settlement")]
    assert tasks.reconcile_account(shop.account.pk) == 1
    assert not ReconciliationDifference.objects.exists()


def test_debts_are_collected_when_due(shop):
    assert tasks.collect_receivables() == 0


def test_books_are_sealed(open_shop, monkeypatch):
    monkeypatch.setattr(sealing, "HORIZON_WAIT_S", 120.0)
    open_shop.captured(1000)

    assert tasks.seal() == 2
    assert LedgerSeal.objects.count() == 2


def test_a_webhook_is_worked_on_by_a_worker(shop, psp):
    from settlement.services import webhooks  # noqa: PLC0415

    shop.hold()
    webhooks.poll(payee_account_id=shop.account.pk, at=timezone.now())

    assert drain() > 0
