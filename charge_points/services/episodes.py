"""Plug-in episodes: their begin, their end, and what an unplug does to the rest."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from django.db import connection

from charge_points import events
from charge_points.models import ChargingCertificate
from charge_points.services import displays, handles
from charge_points.services.rows import execute_rows, fetch_rows
from cpms.outbox import publish_many

Begin = tuple[int, int, int, datetime, str]
"""(operator id, charge point id, connector id, at, cause)"""

_BEGIN: Final = """
INSERT INTO charge_points_pluginepisode
    (operator_id, charge_point_id, connector_id, started_at, started_by, ended_by)
VALUES %s ON CONFLICT DO NOTHING
RETURNING operator_id, charge_point_id, connector_id, started_at
"""
_END: Final = """
UPDATE charge_points_pluginepisode AS episode
SET ended_at = greatest(episode.started_at, v.at), ended_by = v.cause
FROM (VALUES %s) AS v (connector_id, at, cause)
WHERE episode.connector_id = v.connector_id AND episode.ended_at IS NULL
"""
_REVOKE: Final = """
UPDATE charge_points_chargingcertificate AS certificate SET
    state = 'revoked', ended_at = v.at, end_reason = v.cause, sealed_code = ''
FROM (VALUES %s) AS v (connector_id, at, cause)
WHERE certificate.connector_id = v.connector_id AND certificate.state = 'issued'
RETURNING certificate.connector_id, certificate.jti, certificate.requested_by, v.at
"""
_UNPLUG: Final = """
WITH pulled AS (SELECT * FROM (VALUES %s) AS v (connector_id, at)),
newest AS (
    SELECT last.id, pulled.connector_id, pulled.at
    FROM pulled CROSS JOIN LATERAL (
        SELECT id FROM charge_points_transaction
        WHERE connector_id = pulled.connector_id AND started_at <= pulled.at
        ORDER BY started_at DESC LIMIT 1
    ) AS last
)
UPDATE charge_points_transaction AS charge SET unplugged_at = newest.at
FROM newest WHERE charge.id = newest.id AND charge.unplugged_at IS NULL
RETURNING newest.connector_id, charge.id, charge.order_number
"""


def begin_many(begins: Sequence[Begin]) -> None:
    """Begin episodes; a connector that has a live one keeps it.

    Where the station can show a certificate, a worker is told of the plug-in; not
    when the station itself asks for one ("request").
    """
    begun = fetch_rows(_BEGIN, [(*begin, "") for begin in begins])
    asked = {begin[2] for begin in begins if begin[4] == "request"}
    displays.tell_plugged_in(
        (operator_id, charge_point_id, connector_id, at)
        for operator_id, charge_point_id, connector_id, at in begun
        if connector_id not in asked
    )


def end_many(ends: Mapping[int, datetime], *, cause: str) -> None:
    """End live episodes (connector id -> instant) and kill unused certificates.

    A certificate that waits for a vehicle dies with the plug or the reboot; one that
    an order has claimed fails with the plug, together with the start.
    """
    rows = [(key, at, cause) for key, at in sorted(ends.items())]
    template = "(%s::bigint,%s::timestamptz,%s)"
    execute_rows(_END, rows, template=template)
    if cause == "status":
        _fail_claimed(ends)
    word = handles.UNPLUGGED if cause == "status" else cause
    gone = fetch_rows(
        _REVOKE, [(key, at, word) for key, at, _ in rows], template=template
    )
    for connector_id, jti, requested_by, at in gone:
        if requested_by == displays.BY_DISPLAY:
            displays.clear(connector_id=connector_id, jti=jti, at=at)


def _fail_claimed(ends: Mapping[int, datetime]) -> None:
    """Handles are locked before certificates, here as everywhere."""
    claimed = ChargingCertificate.objects.filter(
        connector_id__in=list(ends), state="claimed"
    ).values_list("order_number", flat=True)
    numbers = [number for number in claimed if number]
    if not numbers:
        return
    at = max(ends.values())
    failures = [handles.Failure(number, handles.UNPLUGGED) for number in numbers]
    handles.fail_many(failures, at=at)
    handles.end_certificates(
        numbers,
        state="failed",
        reasons=dict.fromkeys(numbers, handles.UNPLUGGED),
        at=at,
    )


def unplug_many(pulled: Mapping[int, tuple[datetime, int, str, int, int]]) -> None:
    """Vehicles left: end episodes, kill unused certificates, end idle phases.

    Args:
        pulled: connector id -> (at, operator id, charge point identity, EVSE number,
            connector number).
    """
    if not pulled:
        return
    end_many({key: what[0] for key, what in pulled.items()}, cause="status")
    found = fetch_rows(
        _UNPLUG,
        [(key, what[0]) for key, what in sorted(pulled.items())],
        template="(%s::bigint,%s::timestamptz)",
    )
    publish_many(
        [
            events.unplugged(
                events.Unplug(
                    operator_id=pulled[key][1],
                    charge_point=pulled[key][2],
                    evse=pulled[key][3],
                    connector=pulled[key][4],
                    transaction_id=transaction_id,
                    order_number=order_number,
                    at=pulled[key][0],
                )
            )
            for key, transaction_id, order_number in found
        ]
    )


def end_at_boot(stations: Mapping[int, datetime]) -> None:
    """A reboot ends the episodes of a station; its next reports begin new ones.

    The last known status stays for people to see, but no longer counts as newer than
    what the station will report.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT connector_id, charge_point_id FROM charge_points_pluginepisode "
            "WHERE charge_point_id = ANY(%s) AND ended_at IS NULL",
            [list(stations)],
        )
        live = cursor.fetchall()
        cursor.execute(
            "UPDATE charge_points_connector SET status_at = NULL "
            "WHERE charge_point_id = ANY(%s) AND status_at IS NOT NULL",
            [list(stations)],
        )
        cursor.execute(
            "UPDATE charge_points_chargepoint SET status_at = NULL "
            "WHERE id = ANY(%s) AND status_at IS NOT NULL",
            [list(stations)],
        )
    if live:
        end_many(
            {connector: stations[station] for connector, station in live}, cause="boot"
        )
