"""A vehicle that takes certificates from stations and claims them."""

import asyncio
import base64
import hashlib
import time
import uuid
from dataclasses import dataclass, field
from typing import Any, Final

import jwt

from simulators.charge_point.battery import Battery
from simulators.charge_point.facts import CertificateOffer
from simulators.errors import ExitCode, SimulatorError
from simulators.journal import Journal, Listener
from simulators.rest import ApiRefusal, Json, RestClient
from simulators.vehicle.keys import VehicleKey
from simulators.vehicle.proofs import Attack, Proof, forge, sign

CLAIM_PATH: Final = "/api/v1/charging-certificates/claim"
ENROL_PATH: Final = "/api/v1/driver/vehicles"
JWKS_PATH: Final = "/.well-known/jwks.json"
JWS_DOTS: Final = 2
CLOCK_LEEWAY_S: Final = 60
STATION_ALGORITHM: Final = "ES256"

# What a certificate must say (the flow's section 1.3).
REQUIRED_MEMBERS: Final = ["jti", "iss", "sub", "evse", "connector", "iat", "exp"]


class UnableToTrust(SimulatorError):
    """The station's certificate is not one of this platform."""

    exit_code = ExitCode.REFUSED


@dataclass(frozen=True, slots=True)
class ClaimResult:
    """What the platform answered to a claim.

    Attributes:
        certificate: the certificate that was claimed.
        answer: the order, or None where it was refused.
        refusal: why it was refused.
    """

    certificate: str
    answer: Json | None = None
    refusal: ApiRefusal | None = None

    @property
    def order(self) -> str:
        """The order number; empty where the claim was refused."""
        return str(self.answer["order"]) if self.answer else ""


@dataclass(slots=True, kw_only=True)
class SimulatedVehicle:
    """A vehicle with a key and a battery.

    Attributes:
        api: the platform; no credentials are needed to claim.
        key: the enrolled key.
        label: what its owner calls it.
        max_amount_minor, currency: the most that one charge may cost.
        attack: how it cheats, for tests.
        delay_s: real seconds that it waits with a certificate before it claims.
        verifies: whether it checks the station's certificate before the claim.
    """

    api: RestClient
    key: VehicleKey = field(default_factory=VehicleKey.generate)
    label: str = "vehicle"
    battery: Battery = field(default_factory=Battery)
    max_amount_minor: int | None = None
    currency: str = ""
    attack: Attack = Attack.NONE
    delay_s: float = 0.0
    verifies: bool = True
    listener: Listener | None = None
    results: list[ClaimResult] = field(default_factory=list)
    journal: Journal = field(init=False)
    last_proof: str = ""

    def __post_init__(self) -> None:
        """Open the journal."""
        self.journal = Journal(self.label, self.listener)

    # -- enrolment -------------------------------------------------------------

    def enrol(self, driver_token: str, *, by_csr: bool = False) -> Json:
        """Register the key with a driver's account.

        Raises:
            ApiRefusal: the platform refused.
        """
        body: Json = {"label": self.label}
        if by_csr:
            body["csr_pem"] = self.key.csr_pem(self.label)
        else:
            body["public_key_pem"] = self.key.public_pem
        answer: Json = self.api.as_driver(driver_token).post(ENROL_PATH, body)
        self.journal.add("enrolled", fingerprint=self.key.fingerprint)
        return answer

    # -- certificates ----------------------------------------------------------

    def read_certificate(self, certificate: str) -> dict[str, Any]:
        """Check a certificate's signature and times; return its payload.

        Raises:
            UnableToTrust: it is not signed by a key of this platform, or expired.
        """
        keys = jwt.PyJWKSet.from_dict(self.api.get(JWKS_PATH))
        try:
            kid = jwt.get_unverified_header(certificate).get("kid", "")
            return jwt.decode(
                certificate,
                keys[kid].key,
                algorithms=[STATION_ALGORITHM],
                options={"require": REQUIRED_MEMBERS, "verify_aud": False},
                leeway=CLOCK_LEEWAY_S,
            )
        except (jwt.PyJWTError, KeyError) as error:
            msg = f"The station's certificate is not to be trusted: {error!r}."
            raise UnableToTrust(msg) from error

    async def offered(self, offer: CertificateOffer) -> None:
        """Take a certificate from a station and claim it."""
        self.journal.add("offered", station=offer.station, code=offer.code)
        result = await asyncio.to_thread(
            self.claim, offer.certificate, station=offer.station
        )
        self.results.append(result)

    def claim(
        self, certificate: str, *, station: str = "", idempotency_key: str = ""
    ) -> ClaimResult:
        """Bring a certificate to the platform, with a signed proof.

        Args:
            certificate: the JWS, or the short code or address from a QR code.
            station: the station as the vehicle sees it; the certificate's own
                word where nobody says another.
            idempotency_key: the same key for a retry of the same claim.

        Raises:
            UnableToTrust: the certificate is none of this platform.
            UnableToReach: no answer.
        """
        content = self._payload_of(certificate)
        if station and self.verifies and content["sub"] not in {"", station}:
            msg = f"The certificate is of {content['sub']}, this station is {station}."
            raise UnableToTrust(msg)
        time.sleep(self.delay_s)
        proof = Proof(
            certificate_hash=str(content["jti"]),
            station=station or str(content["sub"]),
            max_amount_minor=self.max_amount_minor,
            currency=self.currency,
        )
        body = {"certificate": certificate, "proof": self._sign(proof)}
        result = self._send(body, idempotency_key or str(uuid.uuid4()))
        if self.attack is Attack.REPLAYED_PROOF:
            # The same words again as if they were new.
            result = self._send(body, str(uuid.uuid4()))
        return result

    def _payload_of(self, certificate: str) -> dict[str, Any]:
        if certificate.count(".") != JWS_DOTS or "/" in certificate:
            # A short code (or its address): the hash is all that it tells.
            code = certificate.rpartition("/")[2]
            digest = hashlib.sha256(code.encode()).digest()
            jti = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
            return {"jti": jti, "sub": ""}
        if self.verifies:
            return self.read_certificate(certificate)
        try:
            return jwt.decode(certificate, options={"verify_signature": False})
        except jwt.PyJWTError as error:
            msg = f"The certificate cannot be read: {error!r}."
            raise UnableToTrust(msg) from error

    def _sign(self, proof: Proof) -> str:
        payload = proof.payload()
        if self.attack is Attack.NONE:
            self.last_proof = sign(payload, self.key)
        else:
            self.last_proof = forge(payload, self.key, self.attack)
        return self.last_proof

    def _send(self, body: Json, idempotency_key: str) -> ClaimResult:
        certificate = str(body["certificate"])
        try:
            answer = self.api.post(CLAIM_PATH, body, idempotency_key=idempotency_key)
        except ApiRefusal as refusal:
            self.journal.add("claim_refused", status=refusal.status, code=refusal.code)
            return ClaimResult(certificate, refusal=refusal)
        self.journal.add("claimed", order=answer["order"], state=answer.get("state"))
        return ClaimResult(certificate, answer=answer)

    async def wait_for_order(self, timeout_s: float = 15.0) -> str:
        """Wait until a claim was accepted and return its order number.

        Raises:
            WaitedTooLong: none was accepted in time.
        """
        event = await self.journal.wait_for("claimed", timeout_s=timeout_s)
        return str(event.data["order"])
