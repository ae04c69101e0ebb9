"""Nothing of settlement waits in silence: every state that is not final is watched."""

from datetime import timedelta

import pytest
from django.apps import apps
from django.contrib import admin
from django.utils import timezone

from cpms.celery import _limit_by_queue, app
from cpms.outbox.queues import QUEUES, TIME_LIMITS, VISIBILITY_S, TimeLimit
from settlement import tasks
from settlement.models import Checkout, Dispute, Payment, PaymentAttempt, WebhookEvent
from settlement.services import attempts, captures, looks
from settlement.services.moves import locked
from settlement.services.watches import FINAL, WATCHES
from tests.integration.settlement.shop import settle
from tests.integration.settlement.test_checkouts import GOOD, browse, debt_of
from tests.integration.settlement.test_late_money import give_up, linked
from tests.outbox import drain

MODELS = [
    model
    for model in apps.get_app_config("settlement").get_models()
    if any(field.name == "state" for field in model._meta.fields)
]


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_every_state_is_final_or_watched(model):
    states = {str(value) for value, _ in model._meta.get_field("state").choices}
    watched = {str(state) for state in WATCHES.get(model, {})}
    final = {str(state) for state in FINAL.get(model, ())}
    assert watched | final == states, f"{model.__name__}: {states ^ (watched | final)}"
    assert watched & final == set()


def test_no_watch_is_of_a_model_that_is_gone():
    assert set(WATCHES) == set(MODELS) == set(FINAL)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_every_watch_is_in_the_schedule_or_a_list_of_the_admin(model):
    lists = {known._meta.model_name for known in admin.site._registry}
    for state, watch in WATCHES[model].items():
        assert watch.schedule or watch.work_list, f"{model.__name__} {state}"
        assert not watch.schedule or watch.schedule in tasks.BEAT_SCHEDULE
        assert not watch.work_list or watch.work_list in lists


def test_everything_in_the_schedule_is_a_task_with_a_queue_and_a_limit():
    for name, entry in app.conf.beat_schedule.items():
        assert entry["task"] in app.tasks, name
        queue = entry.get("options", {}).get("queue", "default")
        assert queue in TIME_LIMITS, name


def test_every_queue_has_limits_that_end_before_the_task_is_handed_over_again(settings):
    assert set(TIME_LIMITS) == set(QUEUES)
    options = settings.CELERY_BROKER_TRANSPORT_OPTIONS
    assert options["visibility_timeout"] == VISIBILITY_S
    for limit in TIME_LIMITS.values():
        assert 0 < limit.soft_s < limit.hard_s < VISIBILITY_S
    assert attempts.LEASE.total_seconds() >= TIME_LIMITS["payments"].hard_s


def test_a_task_takes_the_limits_of_its_queue_and_keeps_its_own():
    headers = {"timelimit": [None, None]}
    _limit_by_queue(headers=headers, routing_key="payments")
    wanted = TIME_LIMITS["payments"]
    assert headers["timelimit"] == [wanted.hard_s, wanted.soft_s]
    own = {"timelimit": [5, 4]}
    _limit_by_queue(headers=own, routing_key="payments")
    assert own["timelimit"] == [5, 4]
    unknown = {"timelimit": [None, None]}
    _limit_by_queue(headers=unknown, routing_key="celery")
    assert unknown["timelimit"] == [None, None]
    assert isinstance(wanted, TimeLimit)


def test_the_limits_travel_with_the_message(monkeypatch):
    sent = {}

    def publish(_producer, _name, message, **options):
        from celery import signals  # noqa: PLC0415

        signals.before_task_publish.send(
            sender=_name, headers=message.headers, routing_key=options["queue"]
        )
        sent.update(message.headers)

    monkeypatch.setattr(app.amqp, "send_task_message", publish)
    tasks.reconcile_account.apply_async((1,), queue="settlement")
    limit = TIME_LIMITS["settlement"]
    assert sent["timelimit"] == [limit.hard_s, limit.soft_s]


@pytest.mark.integration
def test_an_event_that_nobody_followed_is_followed_later(shop):
    payment = shop.hold()
    at = timezone.now()
    row = WebhookEvent.objects.create(
        provider="stripe",
        account=payment.account_reference,
        event_ref="evt_lost",
        type="payment_intent.canceled",
        object_type="payment_intent",
        object_ref=payment.provider_ref,
        payment_ref=payment.provider_ref,
        happened_at=at,
        received_at=at - looks.WEBHOOK_AFTER - timedelta(minutes=1),
    )
    assert looks.unheard_webhooks(at=at) == [row.pk]
    assert looks.unheard_webhooks(at=at) == [], "each is asked about in its turn"
    WebhookEvent.objects.update(looked_at=None)
    assert tasks.look_after() >= 1
    row.refresh_from_db()
    assert row.state == "done"


def forget(payment, **values):
    """Its question is lost, and time goes by."""
    long_ago = timezone.now() - timedelta(days=1)
    PaymentAttempt.objects.filter(payment=payment).exclude(state="succeeded").update(
        state="failed"
    )
    Payment.objects.filter(pk=payment.pk).update(moved_at=long_ago, **values)


@pytest.mark.integration
def test_a_capture_whose_question_was_lost_is_asked_again(shop):
    payment = shop.hold()
    row = locked(payment.pk)
    row.due_minor = 700
    captures.start(row, at=timezone.now())
    forget(payment)
    assert payment.pk in looks.forgotten(at=timezone.now())
    tasks.look_after()
    drain()
    settle()
    payment.refresh_from_db()
    assert (payment.state, payment.captured_minor) == ("CAPTURED", 700)


@pytest.mark.integration
@pytest.mark.parametrize(
    ("values", "state"),
    [({"due_minor": 700}, "CAPTURED"), ({"release_reason": "no start"}, "RELEASED")],
)
def test_a_hold_whose_next_step_was_lost_goes_on(shop, values, state):
    payment = shop.hold()
    forget(payment, **values)
    tasks.look_after()
    drain()
    settle()
    payment.refresh_from_db()
    assert payment.state == state


@pytest.mark.integration
def test_a_hold_that_was_never_asked_for_is_given_up(shop):
    payment = shop.payment(shop.open())
    forget(payment)
    tasks.look_after()
    payment.refresh_from_db()
    assert (payment.state, payment.decline_code) == ("DECLINED", looks.NO_ANSWER)


@pytest.mark.integration
def test_a_hold_that_waits_for_its_charge_is_looked_at_and_left_alone(shop):
    payment = shop.hold()
    forget(payment)
    tasks.look_after()
    payment.refresh_from_db()
    assert payment.state == "AUTHORIZED"
    assert payment.looked_at is not None
    assert payment.pk not in looks.forgotten(at=timezone.now())


@pytest.mark.integration
def test_a_page_that_was_given_up_open_is_looked_at_after_its_end(shop):
    debt = debt_of(shop)
    link = linked(shop, debt)
    assert browse(link.action_url, card_number=GOOD)[0] == 303
    give_up(link)
    at = timezone.now()
    assert looks.pages_left_open(at=at) == []
    Checkout.objects.filter(payment=link).update(expires_at=at - timedelta(hours=1))
    assert looks.pages_left_open(at=at) == [link.pk]
    tasks.look_after()
    debt.refresh_from_db()
    assert debt.state == "paid"
    assert looks.pages_left_open(at=timezone.now()) == []


@pytest.mark.integration
def test_a_dispute_that_no_webhook_ended_is_looked_at(shop, psp):
    payment = shop.captured(1000)
    reference = psp.control("disputes", {"payment_intent": payment.provider_ref})["id"]
    long_ago = timezone.now() - timedelta(days=2)
    dispute = Dispute.objects.create(
        operator=shop.operator,
        payment=payment,
        provider_ref=reference,
        opened_at=long_ago,
    )
    psp.control(f"disputes/{reference}", {"outcome": "lost"})
    assert looks.waiting_disputes(at=timezone.now()) == [dispute.pk]
    assert looks.waiting_disputes(at=timezone.now()) == []
    Dispute.objects.update(looked_at=None)
    tasks.look_after()
    dispute.refresh_from_db()
    assert dispute.state == "lost"
