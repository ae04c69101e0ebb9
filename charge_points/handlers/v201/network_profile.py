"""OCPP 2.0.1, block B: network connection profiles (B09)."""

from datetime import datetime
from typing import Final

from charge_points.handlers.registry import Outgoing, Payload, Route, SentCommand
from charge_points.ocpp.versions import V201
from charge_points.services import network_profiles
from charge_points.services.network_profiles import ProfileFact


def on_set(command: SentCommand, answer: Payload, at: datetime) -> None:
    """SetNetworkProfile (B09): an accepted profile is in its slot."""
    if answer["status"] != "Accepted":
        return
    sent = command.payload["connectionData"]
    vpn = sent.get("vpn", {})
    network_profiles.record_set(
        charge_point_id=command.charge_point_id,
        operator_id=command.operator_id,
        slot=command.payload["configurationSlot"],
        fact=ProfileFact(
            csms_url=sent["ocppCsmsUrl"],
            ocpp_version=sent["ocppVersion"],
            ocpp_transport=sent["ocppTransport"],
            ocpp_interface=sent["ocppInterface"],
            security_profile=sent["securityProfile"],
            message_timeout_s=sent["messageTimeout"],
            apn=sent.get("apn", {}).get("apn", ""),
            vpn_server=vpn.get("server", ""),
            vpn_type=vpn.get("type", ""),
        ),
        at=at,
    )


ROUTES: Final[tuple[Route, ...]] = ()
# Not repeatable: its passwords are masked in the row once it was sent.
OUTGOING: Final = (
    Outgoing(V201, "SetNetworkProfile", "B", on_set, while_pending=True),
)
