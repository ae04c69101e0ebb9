"""1.6 DataTransfer ``org.openchargealliance.iso15118pnc``: 2.0.1 messages as text.

Open Charge Alliance, "Using ISO 15118 Plug & Charge with OCPP 1.6": ``data`` holds the
2.0.1 payload as JSON in a string, and so does the answer.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

import orjson

from charge_points.handlers import certificates, iso15118
from charge_points.handlers.registry import Answer, Later, Payload, Request
from charge_points.handlers.token_words import id_token_info
from charge_points.ocpp.schemas import validate_call
from charge_points.ocpp.versions import V201

VENDOR_ID: Final = "org.openchargealliance.iso15118pnc"


def _needs(asked: Mapping[str, Any], *names: str) -> bool:
    return all(isinstance(asked.get(name), str) and asked[name] for name in names)


def _status(_request: Request, asked: Mapping[str, Any]) -> Later | None:
    hashes = asked.get("ocspRequestData")
    names = ("hashAlgorithm", "issuerNameHash", "issuerKeyHash", "serialNumber")
    if not isinstance(hashes, dict) or not _needs(hashes, *names, "responderURL"):
        return None
    return iso15118.certificate_status(hashes)


def _ev_certificate(_request: Request, asked: Mapping[str, Any]) -> Later | None:
    if not _needs(asked, "iso15118SchemaVersion", "action", "exiRequest"):
        return None
    return iso15118.ev_certificate(asked)


def _sign(request: Request, asked: Mapping[str, Any]) -> Answer | None:
    if not _needs(asked, "csr"):
        return None
    inner = Request(
        peer=request.peer,
        action="SignCertificate",
        payload=dict(asked),
        message_id=request.message_id,
        received_at=request.received_at,
        quirks=request.quirks,
    )
    return certificates.sign_certificate(inner)


def _authorize(request: Request, asked: Mapping[str, Any]) -> Answer | Later | None:
    token = asked.get("idToken")
    # The whitepaper says IdToken; stations send a text or 2.0.1's idToken.
    emaid = token.get("idToken") if isinstance(token, dict) else token
    payload = {**asked, "idToken": {"idToken": emaid, "type": "eMAID"}}
    payload.pop("customData", None)
    if validate_call(V201, "Authorize", payload) is not None:
        return None
    return iso15118.authorize(request, payload, emaid=str(emaid), word=id_token_info)


_MESSAGES: Final[
    dict[str, Callable[[Request, Mapping[str, Any]], Answer | Later | None]]
] = {
    "Authorize": _authorize,
    "Get15118EVCertificate": _ev_certificate,
    "GetCertificateStatus": _status,
    "SignCertificate": _sign,
}


def data_transfer(request: Request) -> Answer | Later:
    """Answer a transfer of this vendor id."""
    message = _MESSAGES.get(request.payload.get("messageId") or "")
    if message is None:
        return {"status": "UnknownMessageId"}
    try:
        asked = orjson.loads(request.payload.get("data") or "")
    except orjson.JSONDecodeError:
        asked = None
    answer = message(request, asked) if isinstance(asked, dict) else None
    if answer is None:
        return {"status": "Rejected"}
    if isinstance(answer, Later):
        work = answer.work
        return Later(lambda: _wrapped(work()), otherwise=_wrapped(answer.otherwise))
    return answer if not isinstance(answer, dict) else _wrapped(answer)


def _wrapped(payload: Payload) -> Payload:
    return {"status": "Accepted", "data": orjson.dumps(payload).decode()}
