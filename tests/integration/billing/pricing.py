"""Facts about a charge, told by hand."""

from django.utils import timezone

from billing.services import progress
from tests.factories import tariffs

IDLE = (tariffs.component(vat=None), tariffs.component("PARKING_TIME", "6", vat=None))


def fact(order, **payload):
    content = {"transaction_id": order.transaction_id, **payload}
    return progress.Fact(content, order.operator_id, timezone.now(), timezone.now())
