"""Refunds on their way: asked about until the provider has a final answer."""

from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import F

from settlement.models import Refund
from settlement.services import refunds
from settlement.services.access import provider_for
from settlement.services.moves import locked

LOOK_AFTER: Final = timedelta(minutes=10)
LOOK_MAX: Final = 100


def to_look_at(*, at: datetime) -> list[int]:
    """Refunds that wait for the bank, those not looked at longest first."""
    rows = (
        Refund.objects.filter(
            state=Refund.State.PENDING, created_at__lt=at - LOOK_AFTER
        )
        .exclude(provider_ref="")
        .exclude(looked_at__gt=at - LOOK_AFTER)
    )
    order = F("looked_at").asc(nulls_first=True)
    return list(rows.order_by(order, "pk").values_list("pk", flat=True)[:LOOK_MAX])


def look_at(provider: str, account: str, refund_ref: str, *, at: datetime) -> None:
    """Look at the refund that an event names, when it is one that waits."""
    row = Refund.objects.filter(
        payment__provider=provider,
        payment__account_reference=account,
        provider_ref=refund_ref,
        state=Refund.State.PENDING,
    ).first()
    if row is not None:
        look(refund_id=row.pk, at=at)


def look(*, refund_id: int, at: datetime) -> bool:
    """Ask what became of a refund; True = it is decided.

    Asks the provider, so call it outside of a database transaction.

    Raises:
        ProviderError: the provider could not be asked.
    """
    row = Refund.objects.select_related("payment").get(pk=refund_id)
    if row.state != Refund.State.PENDING or not row.provider_ref:
        return False
    Refund.objects.filter(pk=refund_id).update(looked_at=at)
    provider = provider_for(row.payment.provider, row.payment.account_reference)
    known = provider.fetch_refund(
        account=row.payment.account_reference, refund_ref=row.provider_ref
    )
    with transaction.atomic():
        payment = locked(row.payment_id)
        refund = Refund.objects.get(pk=refund_id)
        if refund.state != Refund.State.PENDING or known.state == "pending":
            return False
        if known.state == "succeeded":
            refunds.succeeded(
                payment,
                refund,
                provider_ref=known.ref,
                fee_refunded_total_minor=known.application_fee_refunded_minor,
                at=at,
            )
            return True
        refunds.failed(
            payment,
            refund,
            code=known.state,
            message="The bank did not take the refund; pay the payer another way.",
            at=at,
        )
    return True
