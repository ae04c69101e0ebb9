"""Lists of charge points with their connectors, in two statements."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from charge_points.models import ChargePoint, Connector


@dataclass(frozen=True, slots=True)
class ConnectorSummary:
    """A connector in a list."""

    evse: int
    connector: int
    code: str
    type: str
    max_power_w: int
    status: str
    status_at: datetime | None
    error_code: str


@dataclass(frozen=True, slots=True)
class ChargePointSummary:
    """A charge point in a list."""

    id: int
    identity: str
    operator_id: int
    operator: str
    site_id: int
    site: str
    ocpp_version: str
    security_profile: int
    registration: str
    vendor: str
    model: str
    serial_number: str
    firmware_version: str
    online: bool
    connected_at: datetime | None
    disconnected_at: datetime | None
    last_boot_at: datetime | None
    connectors: tuple[ConnectorSummary, ...]


def charge_point_list(
    operator_ids: Sequence[int],
    *,
    identity: str | None = None,
    after_id: int = 0,
    limit: int = 100,
) -> list[ChargePointSummary]:
    """Charge points of these operators by id; ``after_id`` is the cursor."""
    rows = ChargePoint.objects.filter(operator_id__in=operator_ids, pk__gt=after_id)
    if identity is not None:
        rows = rows.filter(identity=identity)
    stations = list(rows.select_related("site", "operator").order_by("pk")[:limit])
    connectors: dict[int, list[ConnectorSummary]] = {}
    found = Connector.objects.filter(charge_point_id__in=[row.pk for row in stations])
    for row in found.order_by("charge_point_id", "evse_number", "number"):
        connectors.setdefault(row.charge_point_id, []).append(_connector(row))
    return [_station(row, tuple(connectors.get(row.pk, ()))) for row in stations]


def _connector(row: Connector) -> ConnectorSummary:
    return ConnectorSummary(
        evse=row.evse_number,
        connector=row.number,
        code=row.code,
        type=row.type,
        max_power_w=row.max_power_w,
        status=row.status,
        status_at=row.status_at,
        error_code=row.error_code,
    )


def _station(
    row: ChargePoint, connectors: tuple[ConnectorSummary, ...]
) -> ChargePointSummary:
    return ChargePointSummary(
        id=row.pk,
        identity=row.identity,
        operator_id=row.operator_id,
        operator=row.operator.code,
        site_id=row.site_id,
        site=row.site.name,
        ocpp_version=row.ocpp_version,
        security_profile=row.security_profile,
        registration=row.registration,
        vendor=row.vendor,
        model=row.model,
        serial_number=row.serial_number,
        firmware_version=row.firmware_version,
        online=row.is_online,
        connected_at=row.connected_at,
        disconnected_at=row.disconnected_at,
        last_boot_at=row.last_boot_at,
        connectors=connectors,
    )
