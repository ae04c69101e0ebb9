"""ISO 15118 questions whose answer comes from elsewhere: worded here, asked later."""

from collections.abc import Mapping
from typing import Any, Final

from charge_points.handlers.certificates import hash_data
from charge_points.handlers.registry import Later, Payload
from charge_points.services import plug_and_charge
from charge_points.services.plug_and_charge import UnableToAskProvider
from cpms.kernel.errors import DomainError

REASON_CHARS: Final = 20
INFO_CHARS: Final = 512


def _failed(reason: str, info: str = "") -> Payload:
    status: Payload = {"reasonCode": reason[:REASON_CHARS]}
    if info:
        status["additionalInfo"] = info[:INFO_CHARS]
    return {"status": "Failed", "statusInfo": status}


def certificate_status(asked: Mapping[str, Any]) -> Later:
    """An OCSP answer in Base64, or Failed."""

    def work() -> Payload:
        try:
            result = plug_and_charge.certificate_status(
                hash_data(asked), responder_url=asked["responderURL"]
            )
        except DomainError as error:
            return _failed("OcspFailed", error.message)
        return {"status": "Accepted", "ocspResult": result}

    return Later(work, otherwise=_failed("Timeout"))


def ev_certificate(asked: Mapping[str, Any]) -> Later:
    """The provider's EXI answer; the protocol has no empty one, so Failed has "-"."""

    def work() -> Payload:
        try:
            answer = plug_and_charge.ev_certificate(
                schema_version=asked["iso15118SchemaVersion"],
                action=asked["action"],
                exi_request=asked["exiRequest"],
            )
        except UnableToAskProvider as error:
            return {**_failed("NoProvider", error.message), "exiResponse": "-"}
        return {"status": "Accepted", "exiResponse": answer}

    return Later(work, otherwise={**_failed("Timeout"), "exiResponse": "-"})
