"""What could not be delivered is replayed in the console, and who did it is kept."""

import pytest
from django.urls import reverse
from django.utils import timezone

from cpms.accounts.models import AuditEntry
from cpms.outbox.models import Delivery, EventRecord
from tests.factories import accounts
from tests.integration.charge_points.admin_world import make_staff

pytestmark = pytest.mark.integration
LIST = "admin:outbox_delivery_changelist"


@pytest.fixture(autouse=True)
def _web(settings):
    settings.WHITENOISE_AUTOREFRESH = True


def delivery(operator, key, state):
    event = EventRecord.objects.create(
        topic="PaymentCaptured", key=key, operator_id=operator.pk, payload={}
    )
    return Delivery.objects.create(
        event=event,
        subscriber="billing.payments",
        state=state,
        attempts=12,
        due_at=timezone.now(),
        last_error="RuntimeError: cannot",
    )


def replay(client, *rows):
    asked = {"action": "replay_selected", "_selected_action": [r.pk for r in rows]}
    return client.post(reverse(LIST), asked, follow=True)


def test_a_replay_makes_dead_ones_due_and_names_who_did_it(db, client):
    operator = accounts.operator()
    dead, done = delivery(operator, "A1", "dead"), delivery(operator, "B2", "done")
    client.force_login(make_staff("root@example.org", is_superuser=True))

    page = replay(client, dead, done).content.decode()

    assert "1 deliveries are due again." in page
    dead.refresh_from_db()
    done.refresh_from_db()
    assert (dead.state, dead.attempts, done.state) == ("pending", 0, "done")
    kept = AuditEntry.objects.get(action="delivery.replayed")
    assert (kept.operator_id, kept.object) == (operator.pk, "PaymentCaptured A1")
    assert kept.actor == "root@example.org"
    assert kept.changes == {"subscriber": "billing.payments", "attempts": 12}


def test_an_operators_staff_replays_nothing(db, client):
    operator = accounts.operator()
    dead = delivery(operator, "A1", "dead")
    client.force_login(make_staff("owner@example.org", operator.pk))

    assert replay(client, dead).status_code == 403
    dead.refresh_from_db()
    assert dead.state == "dead"
    assert not AuditEntry.objects.filter(action="delivery.replayed").exists()
