"""ISO 15118 questions whose answer comes from elsewhere: worded here, asked later."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from charge_points.handlers.certificates import hash_data
from charge_points.handlers.registry import Answer, Later, Payload, Request
from charge_points.services import contracts, plug_and_charge
from charge_points.services.contract_chains import OcspQuestion
from charge_points.services.contracts import Decision, Presented
from charge_points.services.facts import Authorization
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


def authorize(
    request: Request,
    asked: Mapping[str, Any],
    *,
    emaid: str,
    word: Callable[[Authorization], Payload],
) -> Answer | Later:
    """Authorize with a contract (2.0.1 C07, C08).

    Args:
        request: whose.
        asked: with ``certificate`` or ``iso15118CertificateHashData``.
        emaid: of the contract.
        word: ``idTokenInfo`` of an answer.

    Returns:
        The answer at once, or after the responders were asked.
    """
    hashes = asked.get("iso15118CertificateHashData") or ()
    presented = Presented(
        charge_point_id=request.peer.charge_point_id,
        operator_id=request.peer.operator_id,
        emaid=emaid,
        certificate=asked.get("certificate") or "",
        questions=tuple(
            OcspQuestion(hash_data(one), one["responderURL"]) for one in hashes
        ),
        at=request.received_at,
    )

    def told(decision: Decision) -> Payload:
        payload: Payload = {"idTokenInfo": word(decision.authorization)}
        if decision.certificate_status:
            payload["certificateStatus"] = decision.certificate_status
        return payload

    decision = contracts.decide(presented)
    if not decision.questions:
        return told(decision)

    def work() -> Payload:
        return told(contracts.ask(decision, at=presented.at))

    return Later(work, otherwise=told(decision.unconfirmed))


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
