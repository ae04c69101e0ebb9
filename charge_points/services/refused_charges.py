"""Charges that a station let run although it was told no.

A station may be configured to go on after a refusal (1.6 StopTransactionOnInvalidId,
2.0.1 StopTxOnInvalidId, MaxEnergyOnInvalidId), or be broken. Once energy flows it is
asked to stop, its operator gets a security event, and billing hears of the charge: it
becomes an order in review that no driver's account owes.
"""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Final

from charge_points import events
from charge_points.models import ChargePoint, Transaction
from charge_points.services import limits, security
from charge_points.services.energy import HARMLESS_WH
from charge_points.services.facts import SecurityRow
from cpms.outbox import publish_many

KIND: Final = "ChargeAfterRefusal"
STARTED_BY: Final = "refused"
"""What ``TransactionStarted`` says of such a charge."""


def is_refused(row: Transaction) -> bool:
    """Whether a token was presented for the charge, and none was accepted."""
    return not row.started_by and bool(row.id_token_status)


def draws_energy(row: Transaction, energy_wh: Decimal) -> bool:
    """Whether more than a refusal's delay flowed, of which nobody was told."""
    untold = row.announced_at is None
    return untold and is_refused(row) and energy_wh > HARMLESS_WH


def stop(transaction_ids: Sequence[int], *, at: datetime) -> None:
    """Energy flows in these: ask for a stop and tell, once each."""
    if not transaction_ids:
        return
    found = Transaction.objects.select_for_update(no_key=True).filter(
        pk__in=transaction_ids, announced_at__isnull=True
    )
    rows = [row for row in found.order_by("pk") if is_refused(row)]
    for row in rows:
        limits.request_stop(row, reason="refused", at=at)
    tell(rows, at=at)


def tell(rows: Sequence[Transaction], *, at: datetime) -> None:
    """Tell the operator and billing of locked charges that drew energy."""
    if not rows:
        return
    for row in rows:
        row.announced_at = at
    Transaction.objects.filter(pk__in=[row.pk for row in rows]).update(announced_at=at)
    found = ChargePoint.objects.filter(pk__in={row.charge_point_id for row in rows})
    names = dict(found.values_list("pk", "identity"))
    security.record_many([_event(row, at) for row in rows])
    publish_many([_begun(row, names[row.charge_point_id]) for row in rows])


def _event(row: Transaction, at: datetime) -> SecurityRow:
    return SecurityRow(
        charge_point_id=row.charge_point_id,
        operator_id=row.operator_id,
        kind=KIND,
        occurred_at=at,
        received_at=at,
        detail=(
            f"EVSE {row.evse_number}, connector {row.connector_number}: energy flows "
            f"although the token was answered {row.id_token_status}; "
            f"{row} was asked to stop. Check what the station does on invalid tokens."
        ),
    )


def _begun(row: Transaction, identity: str) -> events.Fact:
    return events.transaction_started(
        events.Begun(
            transaction_id=row.pk,
            operator_id=row.operator_id,
            charge_point=identity,
            evse=row.evse_number,
            connector=row.connector_number,
            order_number=None,
            id_token=row.id_token,
            id_token_type=row.id_token_type,
            started_at=row.started_at,
            started_by=STARTED_BY,
            offline=row.offline,
            meter_start_wh=row.meter_start_wh,
        )
    )
