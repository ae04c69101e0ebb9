"""Facts that come late, and orders that they correct."""

from django.utils import timezone

from billing.services import progress, reviewing
from charge_points.models import Transaction
from tests.integration.billing.world import MINUTE, fresh
from tests.outbox import drain


def decide(order, energy_wh=None):
    reviewing.decide(
        number=order.number,
        energy_wh=energy_wh,
        note="looked at the meter",
        by="staff",
        at=timezone.now(),
    )
    drain()
    return fresh(order)


def ended(order, charge):
    row = Transaction.objects.get(pk=order.transaction_id)
    payload = {
        "transaction_id": row.pk,
        "energy_wh": 10_000,
        "ended_at": (charge.started_at + 30 * MINUTE).isoformat(),
    }
    now = timezone.now()
    return progress.Fact(payload, order.operator_id, now, now)
