"""OCPP 2.0.1, blocks A and M: certificates of stations, and of ISO 15118."""

from typing import Any, Final

from charge_points.handlers import certificates, iso15118
from charge_points.handlers.registry import Later, Request, Route
from charge_points.ocpp.versions import V201


def get_certificate_status(request: Request) -> Later:
    """GetCertificateStatus (M06): asked of the responder, outside the database."""
    return iso15118.certificate_status(request.payload["ocspRequestData"])


def get_15118_ev_certificate(request: Request) -> Later:
    """Get15118EVCertificate (M01, M02): relayed to the contract provider."""
    return iso15118.ev_certificate(request.payload)


ROUTES: Final = (
    Route(V201, "Get15118EVCertificate", get_15118_ev_certificate, "one", "M"),
    Route(V201, "GetCertificateStatus", get_certificate_status, "one", "M"),
    Route(V201, "SignCertificate", certificates.sign_certificate, "one", "A"),
)
OUTGOING: Final = certificates.outgoing(V201, "M")
INTENTS: Final[dict[str, Any]] = {}
