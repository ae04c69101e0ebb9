"""Certificates of stations: the messages that both versions word alike.

1.6: security whitepaper. 2.0.1: blocks A and M. ``CertificateSigned`` and its relatives
differ in two fields; the versions' tables take their handlers here.
"""

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Any, Final

from charge_points.handlers.registry import (
    Answer,
    Outgoing,
    Payload,
    Request,
    SentCommand,
)
from charge_points.services import contract_roots, public_keys
from charge_points.services.progress import NO_ANSWER
from charge_points.services.public_keys import CertificateHash, Reported

V2G: Final = "V2GCertificate"


def sign_certificate(request: Request) -> Answer:
    """SignCertificate: checked and signed; the chain follows as CertificateSigned."""
    sent, peer = request.payload, request.peer
    if sent.get("certificateType") == V2G:
        # A V2G certificate comes from a V2G PKI; this CA is for the link only.
        return {"status": "Rejected"}
    try:
        quirks = public_keys.request_signature(
            charge_point_id=peer.charge_point_id,
            csr=sent["csr"],
            at=request.received_at,
        )
    except public_keys.UnableToSign as error:
        public_keys.note_refused(
            charge_point_id=peer.charge_point_id,
            operator_id=peer.operator_id,
            error=error,
            at=request.received_at,
        )
        return {"status": "Rejected"}
    request.quirks.extend(quirks)
    return {"status": "Accepted"}


def on_signed(command: SentCommand, answer: Payload, at: datetime) -> None:
    """The station took the chain, or did not."""
    public_keys.record_signed(
        charge_point_id=command.charge_point_id,
        certificate_chain=command.payload["certificateChain"],
        accepted=answer["status"] == "Accepted",
        at=at,
    )


def on_signed_error(
    command: SentCommand, code: str, description: str, at: datetime
) -> None:
    """A station that refuses to read the chain asks anew; without answer it may act."""
    del description
    if code not in NO_ANSWER:
        public_keys.record_signed(
            charge_point_id=command.charge_point_id,
            certificate_chain=command.payload["certificateChain"],
            accepted=False,
            at=at,
        )


def on_installed(command: SentCommand, answer: Payload, at: datetime) -> None:
    """An accepted root is on the station."""
    if answer["status"] == "Accepted":
        public_keys.record_installed(
            charge_point_id=command.charge_point_id,
            operator_id=command.operator_id,
            use=command.payload["certificateType"],
            pem=command.payload["certificate"],
            at=at,
        )
        contract_roots.note_installed(
            use=command.payload["certificateType"],
            pem=command.payload["certificate"],
            operator_id=command.operator_id,
            at=at,
        )


def hash_data(data: Mapping[str, Any]) -> CertificateHash:
    """``CertificateHashDataType``."""
    return CertificateHash(
        data["hashAlgorithm"],
        data["issuerNameHash"],
        data["issuerKeyHash"],
        data["serialNumber"],
    )


def on_deleted(command: SentCommand, answer: Payload, at: datetime) -> None:
    """Accepted, or NotFound: it is not there any more."""
    del at
    if answer["status"] in {"Accepted", "NotFound"}:
        public_keys.record_deleted(
            charge_point_id=command.charge_point_id,
            gone=hash_data(command.payload["certificateHashData"]),
        )


def on_listed_v16(command: SentCommand, answer: Payload, at: datetime) -> None:
    """The station's list of one use."""
    use = command.payload["certificateType"]
    reported = [
        Reported(use, hash_data(one)) for one in answer.get("certificateHashData", ())
    ]
    _record(command, [use], reported, at)


def on_listed_v201(command: SentCommand, answer: Payload, at: datetime) -> None:
    """The station's list of the uses that were asked for; of all when none was."""
    reported = [
        Reported(
            one["certificateType"],
            hash_data(one["certificateHashData"]),
            one.get("childCertificateHashData", ()),
        )
        for one in answer.get("certificateHashDataChain", ())
    ]
    _record(command, command.payload.get("certificateType", []), reported, at)


def _record(
    command: SentCommand, uses: list[str], reported: list[Reported], at: datetime
) -> None:
    public_keys.record_list(
        charge_point_id=command.charge_point_id,
        operator_id=command.operator_id,
        uses=uses,
        reported=reported,
        at=at,
    )


def outgoing(version: str, block: str) -> tuple[Outgoing, ...]:
    """What the CSMS sends, for a version's table.

    A station may need a certificate before it is accepted, so none of these waits.
    """
    out = partial(Outgoing, version, block=block, repeatable=True, while_pending=True)
    listed = on_listed_v16 if version == "1.6" else on_listed_v201
    return (
        out("CertificateSigned", on_result=on_signed, on_error=on_signed_error),
        out("DeleteCertificate", on_result=on_deleted),
        out("GetInstalledCertificateIds", on_result=listed),
        out("InstallCertificate", on_result=on_installed),
    )
