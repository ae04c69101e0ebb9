"""BootNotifications: who the station is, and that it forgot what was plugged in."""

from collections.abc import Sequence
from typing import Final

from django.db import transaction

from charge_points.services.episodes import end_at_boot
from charge_points.services.facts import BootFact
from charge_points.services.rows import fetch_rows

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
RETURNING station.id, station.registration
"""
_TEMPLATE: Final = "(%s::bigint,%s,%s,%s,%s,%s,%s,%s,%s,%s,%s::timestamptz)"


def _clean(text: str, chars_max: int = TEXT_CHARS_MAX) -> str:
    return text.replace("\0", "")[:chars_max]


@transaction.atomic(savepoint=False)
def record_many(facts: Sequence[BootFact]) -> list[str]:
    """Record boots, in two or three statements for all of them.

    A reboot ends the plug-in episodes of the station and with them the certificates
    that were not yet used: after it, it tells anew what is plugged in.

    Returns:
        The registration of each: "accepted", "pending" or "rejected".
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
    registrations: dict[int, str] = dict(found)
    end_at_boot({key: fact.received_at for key, fact in newest.items()})
    return [registrations.get(fact.charge_point_id, "rejected") for fact in facts]
