"""Security events: what stations report, and what the platform notices about them."""

from collections.abc import Sequence
from typing import Final

from charge_points import events
from charge_points.models import ChargePoint
from charge_points.services.facts import SecurityRow
from charge_points.services.rows import execute_rows
from charge_points.services.security_kinds import severity_of
from cpms.outbox import publish_many

DETAIL_CHARS_MAX: Final = 255
KIND_CHARS_MAX: Final = 50

FOREIGN_START_HANDLE: Final = "ForeignStartHandle"
FOREIGN_TRANSACTION: Final = "ForeignTransaction"
NETWORK: Final = "network"
CONTRACT_REFUSED: Final = "ContractRefused"


def record_many(rows: Sequence[SecurityRow]) -> None:
    """Keep events and tell those who guard the network."""
    execute_rows(
        "INSERT INTO charge_points_securityevent (operator_id, charge_point_id, "
        "source, kind, severity, occurred_at, received_at, detail) VALUES %s",
        [
            (
                row.operator_id,
                row.charge_point_id,
                row.source,
                row.kind[:KIND_CHARS_MAX],
                severity_of(row.kind, row.source),
                row.occurred_at,
                row.received_at,
                row.detail.replace("\0", "")[:DETAIL_CHARS_MAX],
            )
            for row in rows
        ],
    )
    found = ChargePoint.objects.filter(pk__in={row.charge_point_id for row in rows})
    names = dict(found.values_list("pk", "identity"))
    publish_many(
        [
            events.security_event_raised(
                operator_id=row.operator_id,
                charge_point_id=row.charge_point_id,
                charge_point=names.get(row.charge_point_id or 0, NETWORK),
                kind=row.kind[:KIND_CHARS_MAX],
                severity=severity_of(row.kind, row.source),
                at=row.received_at,
            )
            for row in rows
        ]
    )


def record(row: SecurityRow) -> None:
    """Keep one event."""
    record_many([row])
