"""OCPP 1.6 security whitepaper: certificates of stations."""

from typing import Any, Final

from charge_points.handlers import certificates
from charge_points.handlers.registry import Route
from charge_points.ocpp.versions import V16

ROUTES: Final = (
    Route(V16, "SignCertificate", certificates.sign_certificate, "one", "Security"),
)
OUTGOING: Final = certificates.outgoing(V16, "Security")
INTENTS: Final[dict[str, Any]] = {}
