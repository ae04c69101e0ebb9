"""Network connection profiles of stations (2.0.1 B09): kept without passwords."""

from dataclasses import asdict, dataclass
from datetime import datetime

from django.db import transaction

from charge_points.models import NetworkProfile


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileFact:
    """What a configuration slot holds."""

    csms_url: str
    ocpp_version: str
    ocpp_transport: str
    ocpp_interface: str
    security_profile: int
    message_timeout_s: int
    apn: str = ""
    vpn_server: str = ""
    vpn_type: str = ""


@transaction.atomic
def record_set(
    *,
    charge_point_id: int,
    operator_id: int,
    slot: int,
    fact: ProfileFact,
    at: datetime,
) -> None:
    """A station accepted a profile; it replaces what the slot held."""
    NetworkProfile.objects.update_or_create(
        charge_point_id=charge_point_id,
        slot=slot,
        defaults={"operator_id": operator_id, "set_at": at, **asdict(fact)},
    )
