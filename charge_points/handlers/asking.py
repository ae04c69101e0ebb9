"""What people ask of a station, checked before it is queued: admin and API alike."""

from collections.abc import Mapping
from typing import Any

from charge_points.ocpp.schemas import MESSAGE_SETS, validate_call
from charge_points.services.selection import NAMED_MAX, named
from cpms.kernel.errors import DomainError


class UnableToAsk(DomainError):
    """The action or its payload is not one of the station's version."""

    http_status = 422


def check(version: str, action: str, payload: dict[str, Any]) -> None:
    """Validate a command before it is queued.

    Args:
        version: the station's OCPP version as last connected.
        action: the OCPP action, such as "Reset".
        payload: as the specification of this version writes it.

    Raises:
        UnableToAsk: the station has never connected, the action does not go out in
            its version, the payload breaks the schema, or an Absolute charging profile
            does not say when it begins.
    """
    if version not in MESSAGE_SETS:
        raise UnableToAsk(
            "version_unknown",
            "The charge point has never connected, so its OCPP version is unknown.",
            http_status=409,
        )
    if action not in MESSAGE_SETS[version].outgoing:
        raise UnableToAsk(
            "unknown_action",
            f"OCPP {version} has no action {action!r} from the CSMS to the station.",
        )
    violation = validate_call(version, action, payload)
    if violation is not None:
        raise UnableToAsk(
            "payload_invalid",
            f"{action} breaks the schema of OCPP {version}: {violation.description}",
            path=violation.path,
        )
    _require_starts(payload)


def check_many(
    versions: Mapping[str, str], action: str, payload: dict[str, Any]
) -> None:
    """Validate a command for many stations before any of it is queued.

    Args:
        versions: identity -> OCPP version as last connected.
        action: as ``check``.
        payload: as ``check``.

    Raises:
        UnableToAsk: some cannot take it; they are named, with the reason.
    """
    reasons: dict[str, UnableToAsk] = {}
    for version in set(versions.values()):
        try:
            check(version, action, payload)
        except UnableToAsk as error:
            reasons[version] = error
    if not reasons:
        return
    unable = sorted(name for name, version in versions.items() if version in reasons)
    words = " ".join(reasons[version].message for version in sorted(reasons))
    raise UnableToAsk(
        "charge_points_unable",
        f"{len(unable)} of {len(versions)} charge points cannot take it: "
        f"{named(unable)}. {words} Nothing was queued.",
        charge_points=[
            {"identity": name, "reason": reasons[versions[name]].code}
            for name in unable[:NAMED_MAX]
        ],
    )


def _require_starts(payload: object) -> None:
    """An Absolute profile says when it begins (1.6 3.13.2, 2.0.1 K01.FR.40).

    Without that, each station guesses another instant.
    """
    if isinstance(payload, list):
        for one in payload:
            _require_starts(one)
    if not isinstance(payload, dict):
        return
    if payload.get("chargingProfileKind") == "Absolute":
        schedules = payload.get("chargingSchedule", ())
        found = [schedules] if isinstance(schedules, dict) else schedules
        if any("startSchedule" not in schedule for schedule in found):
            raise UnableToAsk(
                "start_schedule_missing",
                "An Absolute charging profile needs startSchedule in each schedule.",
            )
    for one in payload.values():
        _require_starts(one)
