"""What a vehicle has of a contract, and how a station words it in OCPP."""

from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import Final

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509 import ocsp

from simulators.charge_point.facts import Token
from simulators.shapes import JsonValue
from simulators.vehicle.keys import VehicleKey

HASHES_MAX: Final = 4


@dataclass(frozen=True)
class Contract:
    """A contract certificate with its key; ``chain``: the sub-CAs, leaf's first."""

    emaid: str
    leaf: x509.Certificate
    key: ec.EllipticCurvePrivateKey
    chain: tuple[x509.Certificate, ...]
    root: x509.Certificate
    responder_url: str = ""

    @property
    def chain_pem(self) -> str:
        """Leaf and sub-CAs, PEM, without the root (``certificate`` of Authorize)."""
        return "".join(_pem(each) for each in (self.leaf, *self.chain))

    @property
    def id_token(self) -> JsonValue:
        """``idToken`` of Authorize and TransactionEvent."""
        return {"idToken": self.emaid, "type": "eMAID"}

    def hash_data(self) -> list[JsonValue]:
        """``iso15118CertificateHashData``: leaf and sub-CAs (2.0.1 C07)."""
        pairs = pairwise((self.leaf, *self.chain, self.root))
        return [
            _hash_data(certificate, issuer, self.responder_url)
            for certificate, issuer in pairs
        ][:HASHES_MAX]

    def authorize(self, *, central: bool, hashes: bool = True) -> JsonValue:
        """The payload of Authorize.

        Args:
            central: with the chain: the station could not validate it itself.
            hashes: with the hash data of the chain.
        """
        payload: JsonValue = {"idToken": self.id_token}
        if central:
            payload["certificate"] = self.chain_pem
        if hashes and self.responder_url:
            payload["iso15118CertificateHashData"] = self.hash_data()
        return payload

    def token(self, *, central: bool) -> Token:
        """What a simulated station presents; ``central`` as in ``authorize``."""
        return Token(
            self.emaid,
            "eMAID",
            certificate=self.chain_pem if central else "",
            hash_data=tuple(self.hash_data()) if self.responder_url else (),
        )

    def proof(self, *, driver_id: int, purpose: str = "enrol") -> str:
        """A JWS by the contract's key: it is used for this account."""
        key = VehicleKey(self.key)
        stamp = int(datetime.now(UTC).timestamp())
        payload = {"purpose": purpose, "driver_id": driver_id, "iat": stamp}
        return jwt.encode(payload, key.private_pem.decode(), algorithm=key.algorithm)


def _hash_data(
    certificate: x509.Certificate, issuer: x509.Certificate, url: str
) -> JsonValue:
    asked = (
        ocsp.OCSPRequestBuilder()
        .add_certificate(certificate, issuer, hashes.SHA256())
        .build()
    )
    return {
        "hashAlgorithm": "SHA256",
        "issuerNameHash": asked.issuer_name_hash.hex(),
        "issuerKeyHash": asked.issuer_key_hash.hex(),
        "serialNumber": f"{certificate.serial_number:x}",
        "responderURL": url,
    }


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()
