"""The certificate flow's DataTransfer (vendor ``org.cpms.autocharge``), both versions.

Design page 1.3: in 1.6 the data are a string with JSON inside, in 2.0.1 any JSON; the
versions' handlers unwrap and wrap, the meaning is here.
"""

from dataclasses import dataclass
from typing import Any, Final

import orjson

from charge_points.handlers.registry import Request
from charge_points.services import certificates, connectors
from cpms.kernel.errors import DomainError

VENDOR_ID: Final = "org.cpms.autocharge"
CERTIFICATE_REQUEST: Final = "ChargingCertificateRequest"
CERTIFICATE_REVOKED: Final = "ChargingCertificateRevoked"
REQUEST_ID_CHARS_MAX: Final = 64

Data = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Transfer:
    """The answer to a DataTransfer: the specification's status, and data."""

    status: str
    data: Data | None = None


def answer(
    request: Request, *, message_id: str | None, data: object, connector_field: str
) -> Transfer:
    """Answer a transfer of our vendor id.

    Args:
        request: the CALL, for peer and time.
        message_id: its ``messageId``.
        data: its data, parsed or as text.
        connector_field: "connectorId" (1.6) or "evseId" (2.0.1).
    """
    if message_id != CERTIFICATE_REQUEST:
        return Transfer("UnknownMessageId")
    asked = _parsed(data)
    number = None if asked is None else asked.get(connector_field)
    request_id = "" if asked is None else asked.get("requestId", "")
    wrong = _fault(number, request_id, connector_field)
    if wrong:
        return Transfer("Rejected", {"reason": wrong})
    assert isinstance(number, int)  # _fault refused everything else
    try:
        place = connectors.find_or_add(
            operator_id=request.peer.operator_id,
            charge_point_id=request.peer.charge_point_id,
            evse=number,
            connector=1,
        )
        issued = certificates.issue(
            connector_id=place.pk,
            request_id=str(request_id),
            at=request.received_at,
            requested_by="station",
        )
    except DomainError as error:
        return Transfer("Rejected", {"reason": error.message})
    return Transfer(
        "Accepted",
        {
            "certificate": issued.jws,
            "code": issued.code,
            "uri": issued.uri,
            "expiresAt": issued.expires_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        },
    )


def _parsed(data: object) -> Data | None:
    if isinstance(data, str):
        try:
            data = orjson.loads(data)
        except orjson.JSONDecodeError:
            return None
    return data if isinstance(data, dict) else None


def _fault(number: object, request_id: object, connector_field: str) -> str:
    if not isinstance(number, int) or isinstance(number, bool) or number < 1:
        return f"data must be a JSON object with {connector_field} >= 1"
    if not isinstance(request_id, str) or not (
        1 <= len(request_id) <= REQUEST_ID_CHARS_MAX
    ):
        return f"requestId must be a text of 1 to {REQUEST_ID_CHARS_MAX} characters"
    return ""
