"""What this room tells the others: topics and the exact payloads of their events.

Ids are integers, instants ISO 8601 in UTC, energy whole Wh (exact values come from
``queries.charging_session``). Every function returns a fact for
``cpms.outbox.publish_many``.
"""

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final

TRANSACTION_STARTED: Final = "TransactionStarted"
TRANSACTION_ORDER_ATTACHED: Final = "TransactionOrderAttached"
TRANSACTION_ENDED: Final = "TransactionEnded"
TRANSACTION_CORRECTED: Final = "TransactionCorrected"
UNPLUGGED: Final = "Unplugged"
START_FAILED: Final = "StartFailed"
START_TIMED_OUT: Final = "StartTimedOut"
CONNECTOR_STATUS_CHANGED: Final = "ConnectorStatusChanged"
CHARGE_POINT_CONNECTED: Final = "ChargePointConnected"
CHARGE_POINT_DISCONNECTED: Final = "ChargePointDisconnected"
SECURITY_EVENT_RAISED: Final = "SecurityEventRaised"
STATION_CERTIFICATE_EXPIRING: Final = "StationCertificateExpiring"
PLUGGED_IN: Final = "PluggedIn"
RESERVATION_CHANGED: Final = "ReservationChanged"
STATION_EVENT_RAISED: Final = "StationEventRaised"
FIRMWARE_STATUS_CHANGED: Final = "FirmwareStatusChanged"
LOG_STATUS_CHANGED: Final = "LogStatusChanged"
FIRMWARE_CAMPAIGN_PAUSED: Final = "FirmwareCampaignPaused"
FIRMWARE_CAMPAIGN_FINISHED: Final = "FirmwareCampaignFinished"

Fact = tuple[str, int | None, str, dict[str, Any]]


def iso(at: datetime) -> str:
    """``2026-05-01T12:00:00.250000Z``."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def whole_wh(energy_wh: Decimal) -> int:
    """Round half up to whole Wh."""
    return int(energy_wh.quantize(Decimal(1), rounding=ROUND_HALF_UP))


@dataclass(frozen=True, slots=True)
class Begun:
    """What is told of a charge that began."""

    transaction_id: int
    operator_id: int
    charge_point: str
    evse: int
    connector: int
    order_number: str | None
    id_token: str
    id_token_type: str
    started_at: datetime
    started_by: str
    offline: bool
    meter_start_wh: Decimal | None


def transaction_started(begun: Begun, *, attached: bool = False) -> Fact:
    """A charge began; ``attached``: its order came to a running transaction (2.0.1)."""
    payload = {
        "transaction_id": begun.transaction_id,
        "charge_point": begun.charge_point,
        "evse": begun.evse,
        "connector": begun.connector,
        "order_number": begun.order_number,
        "id_token": begun.id_token,
        "id_token_type": begun.id_token_type,
        "started_at": iso(begun.started_at),
        "started_by": begun.started_by,
        "offline": begun.offline,
        "meter_start_wh": whole_wh(begun.meter_start_wh or Decimal(0)),
    }
    topic = TRANSACTION_ORDER_ATTACHED if attached else TRANSACTION_STARTED
    return topic, begun.operator_id, f"transaction:{begun.transaction_id}", payload


@dataclass(frozen=True, slots=True)
class Done:
    """What is told of a charge that ended."""

    transaction_id: int
    operator_id: int
    order_number: str | None
    ended_at: datetime
    energy_wh: Decimal
    stop_reason: str
    estimated: bool
    review_reason: str
    unplugged: bool


def transaction_ended(done: Done) -> Fact:
    """A charge ended; the plug may still be in."""
    payload = {
        "transaction_id": done.transaction_id,
        "order_number": done.order_number,
        "ended_at": iso(done.ended_at),
        "energy_wh": whole_wh(done.energy_wh),
        "stop_reason": done.stop_reason,
        "estimated": done.estimated,
        "review_reason": done.review_reason or None,
        "unplugged": done.unplugged,
    }
    key = f"transaction:{done.transaction_id}"
    return TRANSACTION_ENDED, done.operator_id, key, payload


def transaction_corrected(
    *, operator_id: int, transaction_id: int, order_number: str | None
) -> Fact:
    """Facts came after the end and changed the energy."""
    payload = {"transaction_id": transaction_id, "order_number": order_number}
    key = f"transaction:{transaction_id}"
    return TRANSACTION_CORRECTED, operator_id, key, payload


@dataclass(frozen=True, slots=True)
class Unplug:
    """What is told of a plug that was pulled."""

    operator_id: int
    charge_point: str
    evse: int
    connector: int
    transaction_id: int | None
    order_number: str | None
    at: datetime


def unplugged(unplug: Unplug) -> Fact:
    """The idle phase of a charge is over."""
    payload = {
        "charge_point": unplug.charge_point,
        "evse": unplug.evse,
        "connector": unplug.connector,
        "transaction_id": unplug.transaction_id,
        "order_number": unplug.order_number,
        "at": iso(unplug.at),
    }
    if unplug.transaction_id is None:
        key = f"connector:{unplug.charge_point}/{unplug.evse}/{unplug.connector}"
    else:
        key = f"transaction:{unplug.transaction_id}"
    return UNPLUGGED, unplug.operator_id, key, payload


def start_failed(*, operator_id: int, order_number: str, reason: str) -> Fact:
    """The station refused the start, or could not be asked."""
    payload = {"order_number": order_number, "reason": reason}
    return START_FAILED, operator_id, f"order:{order_number}", payload


def start_timed_out(*, operator_id: int, order_number: str) -> Fact:
    """Nothing began within the start timeout."""
    payload = {"order_number": order_number}
    return START_TIMED_OUT, operator_id, f"order:{order_number}", payload


@dataclass(frozen=True, slots=True)
class ConnectorPlace:
    """Which connector, by our id and as people say it."""

    connector_id: int
    charge_point: str
    evse: int
    connector: int


def connector_status_changed(
    *, operator_id: int, place: ConnectorPlace, status: str, at: datetime
) -> Fact:
    """A connector says something new about itself."""
    payload = {**asdict(place), "status": status, "at": iso(at)}
    key = f"connector:{place.connector_id}"
    return CONNECTOR_STATUS_CHANGED, operator_id, key, payload


def charge_point_connected(
    *,
    operator_id: int,
    charge_point_id: int,
    charge_point: str,
    version: str,
    at: datetime,
) -> Fact:
    """A charge point is online."""
    payload = {
        "charge_point_id": charge_point_id,
        "charge_point": charge_point,
        "version": version,
        "at": iso(at),
    }
    key = f"charge_point:{charge_point_id}"
    return CHARGE_POINT_CONNECTED, operator_id, key, payload


def charge_point_disconnected(
    *, operator_id: int, charge_point_id: int, charge_point: str, at: datetime
) -> Fact:
    """A charge point is offline."""
    payload = {
        "charge_point_id": charge_point_id,
        "charge_point": charge_point,
        "at": iso(at),
    }
    key = f"charge_point:{charge_point_id}"
    return CHARGE_POINT_DISCONNECTED, operator_id, key, payload


def security_event_raised(
    *,
    operator_id: int,
    charge_point_id: int | None,
    charge_point: str,
    kind: str,
    severity: str,
    at: datetime,
) -> Fact:
    """Somebody who guards the network should look."""
    payload = {
        "charge_point_id": charge_point_id,
        "charge_point": charge_point,
        "kind": kind,
        "severity": severity,
        "at": iso(at),
    }
    key = f"charge_point:{charge_point_id}"
    if charge_point_id is None:
        key = f"operator:{operator_id}"
    return SECURITY_EVENT_RAISED, operator_id, key, payload


def station_certificate_expiring(
    *,
    operator_id: int,
    charge_point_id: int,
    charge_point: str,
    ends_at: datetime,
    at: datetime,
) -> Fact:
    """A station has not renewed its certificate, and time runs out."""
    payload = {
        "charge_point_id": charge_point_id,
        "charge_point": charge_point,
        "ends_at": iso(ends_at),
        "at": iso(at),
    }
    key = f"charge_point:{charge_point_id}"
    return STATION_CERTIFICATE_EXPIRING, operator_id, key, payload


def plugged_in(*, operator_id: int, connector_id: int, at: datetime) -> Fact:
    """A plug-in episode began at a station that has a display."""
    payload = {"connector_id": connector_id, "at": iso(at)}
    return (PLUGGED_IN, operator_id, f"connector {connector_id}", payload)


@dataclass(frozen=True, slots=True)
class Reserved:
    """What is told of a reservation; ``state`` as in ``models.states.RESERVATION``."""

    reservation_id: int
    charge_point_id: int
    evse: int
    id_token: str
    state: str
    active_from: datetime | None
    expires_at: datetime
    transaction_id: int | None


def reservation_changed(
    *, operator_id: int, reservation: Reserved, at: datetime
) -> Fact:
    """A reservation became active, or ended (used, cancelled, expired)."""
    began_at = reservation.active_from
    payload = {
        "reservation_id": reservation.reservation_id,
        "charge_point_id": reservation.charge_point_id,
        "evse": reservation.evse,
        "id_token": reservation.id_token,
        "state": reservation.state,
        "active_from": None if began_at is None else iso(began_at),
        "expires_at": iso(reservation.expires_at),
        "transaction_id": reservation.transaction_id,
        "at": iso(at),
    }
    key = f"reservation:{reservation.reservation_id}"
    return RESERVATION_CHANGED, operator_id, key, payload


@dataclass(frozen=True, slots=True)
class Noticed:
    """What is told of a station's event; ``severity`` 0 (danger) to 9 (debug)."""

    charge_point_id: int
    event_id: int
    component: str
    variable: str
    actual_value: str
    severity: int | None
    is_cleared: bool


def station_event_raised(*, operator_id: int, noticed: Noticed, at: datetime) -> Fact:
    """A monitor of a station raised an alarm, or took it back."""
    payload = {**asdict(noticed), "at": iso(at)}
    key = f"charge_point:{noticed.charge_point_id}"
    return STATION_EVENT_RAISED, operator_id, key, payload


@dataclass(frozen=True, slots=True)
class Progress:
    """What is told of an update or an upload; ``status`` is the station's word."""

    charge_point_id: int
    request_id: int
    status: str


def firmware_status_changed(
    *, operator_id: int, progress: Progress, at: datetime
) -> Fact:
    """A firmware update went on, or ended."""
    payload = {**asdict(progress), "at": iso(at)}
    key = f"charge_point:{progress.charge_point_id}"
    return FIRMWARE_STATUS_CHANGED, operator_id, key, payload


def log_status_changed(*, operator_id: int, progress: Progress, at: datetime) -> Fact:
    """A log is on its way, arrived, or will not come."""
    payload = {**asdict(progress), "at": iso(at)}
    key = f"charge_point:{progress.charge_point_id}"
    return LOG_STATUS_CHANGED, operator_id, key, payload


@dataclass(frozen=True, slots=True)
class Rollout:
    """What is told of a firmware campaign; the numbers are charge points."""

    campaign_id: int
    name: str
    firmware_version: str
    succeeded: int
    failed: int
    skipped: int
    not_reached: int


def firmware_campaign_paused(
    *, operator_id: int, rollout: Rollout, reason: str, at: datetime
) -> Fact:
    """A campaign stopped by itself; somebody must look before it goes on."""
    payload = {**asdict(rollout), "reason": reason, "at": iso(at)}
    key = f"firmware_campaign:{rollout.campaign_id}"
    return FIRMWARE_CAMPAIGN_PAUSED, operator_id, key, payload


def firmware_campaign_finished(
    *, operator_id: int, rollout: Rollout, state: str, at: datetime
) -> Fact:
    """The result of a campaign's last charge point is there."""
    payload = {**asdict(rollout), "state": state, "at": iso(at)}
    key = f"firmware_campaign:{rollout.campaign_id}"
    return FIRMWARE_CAMPAIGN_FINISHED, operator_id, key, payload
