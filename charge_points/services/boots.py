"""BootNotifications: who the station is, and that it forgot what was plugged in."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.conf import settings
from django.db import transaction

from charge_points.models import ChargePoint
from charge_points.services import deferred_changes
from charge_points.services.episodes import end_at_boot
from charge_points.services.facts import BootFact
from charge_points.services.rows import fetch_rows
from cpms.accounts.services import audit
from cpms.kernel.errors import DomainError

TEXT_CHARS_MAX: Final = 60

_UPDATE: Final = """
UPDATE charge_points_chargepoint AS station SET
    vendor = v.vendor, model = v.model, serial_number = v.serial_number,
    firmware_version = v.firmware_version, iccid = v.iccid, imsi = v.imsi,
    meter_type = v.meter_type, meter_serial_number = v.meter_serial_number,
    boot_reason = v.reason, last_boot_at = v.at
FROM (VALUES %s) AS v (id, vendor, model, serial_number, firmware_version, iccid,
                       imsi, meter_type, meter_serial_number, reason, at)
WHERE station.id = v.id
RETURNING station.id, station.registration, station.heartbeat_interval_s,
          station.boot_retry_interval_s
"""
_TEMPLATE: Final = "(%s::bigint,%s,%s,%s,%s,%s,%s,%s,%s,%s,%s::timestamptz)"


REJECTED: Final = "rejected"
BOOT_RETRY_S: Final = 60
"""When a station that was not accepted may ask again, unless it has its own time."""
INTERVAL_S_MAX: Final = 86_400


class UnableToSetIntervals(DomainError):
    """The interval is too short or too long."""

    http_status = 422


@dataclass(frozen=True, slots=True)
class BootVerdict:
    """The answer: "accepted", "pending" or "rejected".

    ``interval_s`` is that of heartbeats for an accepted station, else when it may ask
    again (1.6 4.2, 2.0.1 B01 to B03).
    """

    registration: str
    interval_s: int


def _clean(text: str, chars_max: int = TEXT_CHARS_MAX) -> str:
    return text.replace("\0", "")[:chars_max]


@transaction.atomic(savepoint=False)
def record_many(facts: Sequence[BootFact]) -> list[BootVerdict]:
    """Record boots, in two or three statements for all of them.

    A reboot ends the plug-in episodes of the station and with them the certificates
    that were not yet used: after it, it tells anew what is plugged in.

    Returns:
        The verdict on each; one on a station that is gone is "rejected".
    """
    newest = {fact.charge_point_id: fact for fact in facts}
    found = fetch_rows(
        _UPDATE,
        [
            (
                key,
                _clean(fact.vendor),
                _clean(fact.model),
                _clean(fact.serial_number),
                _clean(fact.firmware_version),
                _clean(fact.iccid, 30),
                _clean(fact.imsi, 30),
                _clean(fact.meter_type),
                _clean(fact.meter_serial_number),
                _clean(fact.reason, 40),
                fact.received_at,
            )
            for key, fact in sorted(newest.items())
        ],
        template=_TEMPLATE,
    )
    verdicts = {row[0]: _verdict(*row[1:]) for row in found}
    booted = {key: fact.received_at for key, fact in newest.items()}
    end_at_boot(booted)
    deferred_changes.note_boots(booted)
    gone = _verdict(REJECTED, None, None)
    return [verdicts.get(fact.charge_point_id, gone) for fact in facts]


def _verdict(
    registration: str, heartbeat_s: int | None, retry_s: int | None
) -> BootVerdict:
    if registration == ChargePoint.Registration.ACCEPTED:
        interval_s = int(settings.HEARTBEAT_INTERVAL_S)
        return BootVerdict(registration, heartbeat_s or interval_s)
    return BootVerdict(registration, retry_s or BOOT_RETRY_S)


@transaction.atomic
def set_intervals(
    *,
    charge_point_id: int,
    heartbeat_s: int | None,
    boot_retry_s: int | None,
    by: str,
    at: datetime,
) -> None:
    """Give a station intervals of its own; None: the platform's. Told at its next boot.

    Raises:
        UnableToSetIntervals: not within 1 second and a day.
    """
    wanted = {
        "heartbeat_interval_s": heartbeat_s,
        "boot_retry_interval_s": boot_retry_s,
    }
    for name, value in wanted.items():
        if value is not None and not 1 <= value <= INTERVAL_S_MAX:
            raise UnableToSetIntervals(
                "interval_invalid",
                f"{name} is {value}; take 1 to {INTERVAL_S_MAX} seconds, or none.",
            )
    row = ChargePoint.objects.select_for_update().get(pk=charge_point_id)
    before = {name: getattr(row, name) for name in wanted}
    changes = {
        name: {"from": before[name], "to": value}
        for name, value in wanted.items()
        if before[name] != value
    }
    if not changes:
        return
    ChargePoint.objects.filter(pk=row.pk).update(**wanted)
    audit.record(
        operator_id=row.operator_id,
        actor=by,
        action="charge_point.intervals_changed",
        object=f"charge point {row.identity}",
        changes=changes,
        at=at,
    )
