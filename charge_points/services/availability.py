"""What connectors report of themselves, set-wise.

Rows are locked in the order of their ids before anything is written, so that the
first reports of many stations never deadlock (design page 3.6).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db import connection, transaction

from charge_points import events
from charge_points.services import deferred_changes, episodes, reservations
from charge_points.services.connectors import UnableToFindConnector, add_connector
from charge_points.services.facts import StatusReport
from charge_points.services.phases import record_status_phases
from charge_points.services.rows import execute_rows
from cpms.outbox import publish_many

PLUGGED: Final = frozenset(
    {
        "preparing",
        "occupied",
        "charging",
        "suspended_ev",
        "suspended_evse",
        "finishing",
    }
)
FREE: Final = frozenset({"available", "unavailable", "reserved"})
RESERVED: Final = "reserved"

Key = tuple[int, int, int]

_SELECT: Final = """
SELECT connector.id, connector.operator_id, connector.charge_point_id,
       connector.evse_number, connector.number, connector.status,
       connector.status_at, connector.error_code, station.identity
FROM charge_points_connector AS connector
JOIN charge_points_chargepoint AS station ON station.id = connector.charge_point_id
WHERE (connector.charge_point_id, connector.evse_number, connector.number) IN %s
ORDER BY connector.id FOR NO KEY UPDATE OF connector
"""
_UPDATE: Final = """
UPDATE charge_points_connector AS connector SET
    status = v.status, status_at = v.at, error_code = v.error_code,
    error_info = v.info, vendor_id = v.vendor_id,
    vendor_error_code = v.vendor_error_code
FROM (VALUES %s) AS v
    (id, status, at, error_code, info, vendor_id, vendor_error_code)
WHERE connector.id = v.id
"""
_UPDATE_STATIONS: Final = """
UPDATE charge_points_chargepoint AS station SET
    status = v.status, status_at = v.at, error_code = v.error_code
FROM (SELECT v.* FROM (VALUES %s) AS v (id, status, at, error_code)
      JOIN charge_points_chargepoint AS locked ON locked.id = v.id
      ORDER BY v.id FOR NO KEY UPDATE OF locked) AS v
WHERE station.id = v.id
  AND (station.status_at IS NULL OR station.status_at <= v.at)
"""


@dataclass(slots=True)
class _Known:
    """A connector's row and what becomes of it."""

    id: int
    operator_id: int
    charge_point_id: int
    evse: int
    number: int
    status: str
    status_at: datetime | None
    error_code: str
    identity: str
    report: StatusReport | None = None
    began_at: datetime | None = None
    freed_at: datetime | None = None
    told: str = ""
    before: str = ""


@transaction.atomic(savepoint=False)
def report_status(batch: Sequence[StatusReport]) -> None:
    """Take status reports of many stations.

    A report older than the last known state changes nothing and begins no episode.
    A station's clock ahead of ours is taken back to the arrival. Reports for
    connector 0 are the station's own state. Connectors nobody listed are added.

    Raises:
        UnableToFindConnector: a connector number that no station can have.
    """
    stations: dict[int, StatusReport] = {}
    reports: dict[Key, list[StatusReport]] = {}
    for report in batch:
        if report.evse == 0 or report.connector == 0:
            _newest(stations, report)
            continue
        key = (report.charge_point_id, report.evse, report.connector)
        reports.setdefault(key, []).append(report)
    _report_stations(stations)
    told = {report.charge_point_id for report in stations.values()}
    if reports:
        known = _lock(reports)
        for row in known:
            for report in sorted(
                reports[row.charge_point_id, row.evse, row.number], key=_instant
            ):
                _apply(row, report)
        _write([row for row in known if row.report is not None])
        told |= {row.charge_point_id for row in known if row.told}
    if told:
        at = max(report.received_at for report in batch)
        deferred_changes.note_states(told, at=at)


def _instant(report: StatusReport) -> datetime:
    """The station's own time, never later than the arrival."""
    return min(report.reported_at, report.received_at)


def _newest(stations: dict[int, StatusReport], report: StatusReport) -> None:
    before = stations.get(report.charge_point_id)
    if before is None or _instant(before) <= _instant(report):
        stations[report.charge_point_id] = report


def _report_stations(stations: dict[int, StatusReport]) -> None:
    execute_rows(
        _UPDATE_STATIONS,
        [
            (key, report.status, _instant(report), report.error_code[:50])
            for key, report in sorted(stations.items())
        ],
        template="(%s::bigint,%s,%s::timestamptz,%s)",
    )


def _lock(reports: dict[Key, list[StatusReport]]) -> list[_Known]:
    keys = tuple(sorted(reports))
    known = _select(keys)
    if len(known) < len(keys):
        found = {(row.charge_point_id, row.evse, row.number) for row in known}
        for key in keys:
            if key not in found:
                _add(reports[key][0])
        known = _select(keys)
    return known


def _add(report: StatusReport) -> None:
    add_connector(
        operator_id=report.operator_id,
        charge_point_id=report.charge_point_id,
        evse=report.evse,
        connector=report.connector,
    )


def _select(keys: tuple[Key, ...]) -> list[_Known]:
    with connection.cursor() as cursor:
        cursor.execute(_SELECT, [keys])
        return [_Known(*row) for row in cursor.fetchall()]


def _apply(row: _Known, report: StatusReport) -> None:
    at = _instant(report)
    if row.status_at is not None and at < row.status_at:
        return
    fresh = row.status_at is None or row.status == "unknown"
    if report.status in PLUGGED:
        if fresh or row.status not in PLUGGED:
            row.began_at = at
    elif report.status in FREE and (fresh or row.status not in FREE):
        row.began_at, row.freed_at = None, at
    if report.status != row.status:
        row.told = report.status
        row.before = row.before or row.status
    row.report = report
    row.status = report.status
    row.status_at = at


def _write(rows: list[_Known]) -> None:
    execute_rows(
        _UPDATE,
        [_values(row) for row in rows],
        template="(%s::bigint,%s,%s::timestamptz,%s,%s,%s,%s)",
    )
    episodes.unplug_many(
        {
            row.id: (row.freed_at, row.operator_id, row.identity, row.evse, row.number)
            for row in rows
            if row.freed_at is not None
        }
    )
    episodes.begin_many(
        [
            (row.operator_id, row.charge_point_id, row.id, row.began_at, "status")
            for row in rows
            if row.began_at is not None
        ]
    )
    changed = [row for row in rows if row.told and row.status_at is not None]
    reservations.note_statuses(
        [
            (row.charge_point_id, row.evse, row.before, row.told, row.status_at)
            for row in changed
            if row.status_at and RESERVED in {row.before, row.told}
        ]
    )
    record_status_phases(
        [(row.id, row.told, row.status_at) for row in changed if row.status_at]
    )
    publish_many(
        [
            events.connector_status_changed(
                operator_id=row.operator_id,
                place=events.ConnectorPlace(row.id, row.identity, row.evse, row.number),
                status=row.told,
                at=row.status_at,
            )
            for row in changed
            if row.status_at
        ]
    )


def _values(row: _Known) -> tuple[Any, ...]:
    report = row.report
    if report is None:
        raise ValueError("only reported rows are written")
    return (
        row.id,
        row.status,
        row.status_at,
        report.error_code[:50],
        report.info.replace("\0", "")[:100],
        report.vendor_id[:255],
        report.vendor_error_code[:60],
    )


__all__ = ["FREE", "PLUGGED", "UnableToFindConnector", "report_status"]
