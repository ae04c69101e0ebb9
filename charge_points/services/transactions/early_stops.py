"""Stops that come before their starts (1.6): kept until the start is told."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from charge_points.models import EarlyStop, Transaction
from charge_points.services.facts import StopFact
from charge_points.services.id_tokens import token_key
from charge_points.services.rows import insert_unless_exists
from charge_points.services.samples import plausible_wh
from charge_points.services.transactions.lifecycle import End, finish_many

KEPT_FOR: Final = timedelta(days=2)
PER_STATION_MAX: Final = 50
REASON_CHARS_MAX: Final = 40


def keep(fact: StopFact) -> None:
    """Keep a stop without an id that fits no charge that runs."""
    mine = EarlyStop.objects.filter(charge_point_id=fact.charge_point_id)
    mine.filter(received_at__lt=fact.received_at - KEPT_FOR).delete()
    if mine.count() >= PER_STATION_MAX:
        return
    insert_unless_exists(
        EarlyStop(
            operator_id=fact.operator_id,
            charge_point_id=fact.charge_point_id,
            id_token=token_key(fact.id_token),
            ended_at=fact.ended_at,
            meter_stop_wh=plausible_wh(fact.meter_stop_wh),
            reason=fact.reason[:REASON_CHARS_MAX],
            received_at=fact.received_at,
        )
    )


def end(rows: Sequence[Transaction], *, at: datetime) -> None:
    """End charges whose stop came before them; each stop is used once.

    Only charges that began in the past can be meant. One statement where no stop
    waits.
    """
    late = [row for row in rows if row.offline]
    if not late:
        return
    waiting = list(
        EarlyStop.objects.select_for_update(no_key=True)
        .filter(
            charge_point_id__in={row.charge_point_id for row in late},
            received_at__gte=at - KEPT_FOR,
        )
        .order_by("ended_at", "pk")
    )
    ends = []
    for row in sorted(late, key=lambda row: row.started_at):
        found = next((stop for stop in waiting if _fits(stop, row)), None)
        if found is not None:
            waiting.remove(found)
            row.stop_id_token = found.id_token
            ends.append(End(row, found.ended_at, at, found.reason, found.meter_stop_wh))
            found.delete()
    finish_many(ends)


def _fits(stop: EarlyStop, row: Transaction) -> bool:
    return (
        stop.charge_point_id == row.charge_point_id
        and stop.id_token in {"", row.id_token}
        and row.started_at <= stop.ended_at <= row.started_at + KEPT_FOR
        and (stop.meter_stop_wh or Decimal(0)) >= (row.meter_start_wh or Decimal(0))
    )
