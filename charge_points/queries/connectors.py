"""A connector as billing and the driver's pages see it."""

from dataclasses import dataclass, replace
from datetime import datetime

from django.db.models import Q, QuerySet

from charge_points.models import (
    ChargePointOwnership,
    Connector,
    PlugInEpisode,
    Site,
)


@dataclass(frozen=True, slots=True)
class ConnectorView:
    """Where a charge could happen. ``max_power_w`` 0: nobody said."""

    connector_id: int
    code: str
    operator_id: int
    operator: str
    site_id: int
    site: str
    time_zone: str
    charge_point: str
    charge_point_id: int
    evse: int
    connector: int
    connector_type: str
    max_power_w: int
    status: str
    plugged_in: bool
    online: bool
    site_address: str = ""
    site_position: tuple[float, float] | None = None


def connector_by_code(code: str) -> ConnectorView | None:
    """By the code of its printed label; letter case does not matter."""
    return _first(Q(code=code.strip().upper()))


def connector_view(identity: str, evse: int, connector: int) -> ConnectorView | None:
    """By the station's identity and numbers; connector 0 is the EVSE's first."""
    place = Q(charge_point__identity=identity, evse_number=evse)
    if connector:
        place &= Q(number=connector)
    return _first(place)


def connector_view_at(
    identity: str, evse: int, connector: int, *, at: datetime
) -> ConnectorView | None:
    """The connector as its owner at an instant has it (design B2).

    The view keeps the station's own identity, whatever the former owner's row is
    called today.
    """
    owned = (
        ChargePointOwnership.objects.filter(identity=identity, owned_until__gt=at)
        .select_related("charge_point")
        .order_by("owned_until")
        .first()
    )
    if owned is None:
        return connector_view(identity, evse, connector)
    view = connector_view(owned.charge_point.identity, evse, connector)
    return None if view is None else replace(view, charge_point=identity)


def _rows() -> QuerySet[Connector]:
    return Connector.objects.select_related(
        "charge_point", "charge_point__site", "charge_point__operator"
    )


def _first(condition: Q) -> ConnectorView | None:
    row = _rows().filter(condition).order_by("number").first()
    if row is None:
        return None
    live = PlugInEpisode.objects.filter(connector_id=row.pk, ended_at__isnull=True)
    station = row.charge_point
    return ConnectorView(
        connector_id=row.pk,
        code=row.code,
        operator_id=row.operator_id,
        operator=station.operator.name,
        site_id=station.site_id,
        site=station.site.name,
        time_zone=station.site.time_zone,
        charge_point=station.identity,
        charge_point_id=station.pk,
        evse=row.evse_number,
        connector=row.number,
        connector_type=row.type,
        max_power_w=row.max_power_w,
        status=row.status,
        plugged_in=live.exists(),
        online=station.is_online,
        site_address=_address(station.site),
        site_position=_position(station.site),
    )


def _position(site: Site) -> tuple[float, float] | None:
    """Latitude and longitude in degrees."""
    if site.latitude is None or site.longitude is None:
        return None
    return float(site.latitude), float(site.longitude)


def _address(site: Site) -> str:
    """One line; what is not known is left out, and a country alone is no address."""
    town = f"{site.postal_code} {site.city}".strip()
    known = [part for part in (site.address, town) if part]
    return ", ".join([*known, site.country] if known and site.country else known)
