"""OCPP 2.0.1, block C: authorization."""

from charge_points.handlers import iso15118
from charge_points.handlers.registry import Answer, Later, Request
from charge_points.handlers.v201.words import id_token_info
from charge_points.services import authorization


def authorize(request: Request) -> Answer | Later:
    """Authorize (C01): the answer comes from the token's start policy.

    With a contract (C07, C08) also from its certificates.
    """
    sent = request.payload
    token = sent["idToken"]
    if sent.get("certificate") or sent.get("iso15118CertificateHashData"):
        return iso15118.authorize(
            request, sent, emaid=token["idToken"], word=id_token_info
        )
    decision = authorization.authorize(
        charge_point_id=request.peer.charge_point_id,
        operator_id=request.peer.operator_id,
        token=token["idToken"],
        token_type=token["type"],
        at=request.received_at,
    )
    return {"idTokenInfo": id_token_info(decision)}
