"""The vehicle's signed proof, honest or not."""

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final

import jwt

from simulators.vehicle.keys import VehicleKey

PURPOSE: Final = "charge"

CLOCK_ERROR_S: Final = 24 * 3600


class Attack(StrEnum):
    """Ways to cheat, each of which a platform must refuse.

    The two clocks are no attack but an accident: freshness is the certificate's,
    by the platform's clock, so a vehicle's wrong clock must change nothing.
    """

    NONE = "none"
    REPLAYED_PROOF = "replayed-proof"
    WRONG_STATION = "wrong-station"
    SLOW_CLOCK = "slow-clock"
    FAST_CLOCK = "fast-clock"
    FOREIGN_KEY = "foreign-key"
    WRONG_CERTIFICATE = "wrong-certificate"
    WRONG_PURPOSE = "wrong-purpose"
    NO_SIGNATURE = "no-signature"


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What a vehicle signs.

    Attributes:
        certificate_hash: the charging certificate's `jti`.
        station: the charge point's identity as the vehicle saw it.
        max_amount_minor, currency: the most that it lets be charged, if it says.
    """

    certificate_hash: str
    station: str
    max_amount_minor: int | None = None
    currency: str = ""
    purpose: str = PURPOSE
    issued_at: int = 0
    proof_id: str = ""

    def payload(self) -> dict[str, Any]:
        """Return the JWS payload; time and id are filled in where missing."""
        content: dict[str, Any] = {
            "certificate_hash": self.certificate_hash,
            "station": self.station,
            "purpose": self.purpose,
            "iat": self.issued_at or int(datetime.now(tz=UTC).timestamp()),
            "jti": self.proof_id or str(uuid.uuid4()),
        }
        if self.max_amount_minor is not None:
            content["max_amount_minor"] = self.max_amount_minor
        if self.currency:
            content["currency"] = self.currency
        return content


def sign(payload: dict[str, Any], key: VehicleKey, *, known_as: str = "") -> str:
    """Return the compact JWS; `known_as` replaces the key's own fingerprint."""
    headers = {"kid": known_as or key.fingerprint}
    return jwt.encode(payload, key.private, key.algorithm, headers=headers)


def forge(payload: dict[str, Any], key: VehicleKey, attack: Attack) -> str:
    """Return a proof that cheats in the given way."""
    content = {**payload}
    if attack is Attack.WRONG_STATION:
        content["station"] = f"{content['station']}-OTHER"
    elif attack is Attack.SLOW_CLOCK:
        content["iat"] -= CLOCK_ERROR_S
    elif attack is Attack.FAST_CLOCK:
        content["iat"] += CLOCK_ERROR_S
    elif attack is Attack.WRONG_CERTIFICATE:
        content["certificate_hash"] = "A" * 43
    elif attack is Attack.WRONG_PURPOSE:
        content["purpose"] = "login"
    elif attack is Attack.FOREIGN_KEY:
        return sign(content, VehicleKey.generate(), known_as=key.fingerprint)
    elif attack is Attack.NO_SIGNATURE:
        return jwt.encode(content, "", "none", headers={"kid": key.fingerprint})
    return sign(content, key)
