"""The vehicle's proof of identity (design page 1.4): checked, and used once."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import jwt
from django.db import connection

from billing.services.presence import Presence
from cpms.accounts.models import Vehicle
from cpms.accounts.services.vehicles import active_by_fingerprint
from cpms.kernel.errors import DomainError

ALGORITHMS: Final = ("ES256", "ES384", "ES512")
PROOF_CHARS_MAX: Final = 4096
JTI_CHARS_MAX: Final = 128
PURPOSE: Final = "charge"
PLUGGED_IN_S_MAX: Final = 30 * 86_400
DEGREES_MAX: Final = 180
NOWHERE: Final = Presence()
_USE: Final = (
    "INSERT INTO billing_usedproof (vehicle_id, jti, order_number, used_at) "
    "VALUES (%s, %s, %s, %s) ON CONFLICT (vehicle_id, jti) DO NOTHING"
)


class UnableToVerifyProof(DomainError):
    """The proof does not bind this vehicle to this charge."""

    http_status = 403


@dataclass(frozen=True)
class VehicleProof:
    """A proof whose signature holds."""

    vehicle: Vehicle
    certificate_hash: str
    station: str
    jti: str
    max_amount_minor: int | None
    currency: str | None
    presence: Presence = NOWHERE


def _invalid(detail: str) -> UnableToVerifyProof:
    return UnableToVerifyProof("proof_invalid", detail)


def named_key(proof: str) -> str | None:
    """The fingerprint (``kid``) that a proof names; nothing is checked yet."""
    if len(proof) > PROOF_CHARS_MAX:
        return None
    try:
        named = jwt.get_unverified_header(proof).get("kid")
    except jwt.PyJWTError:
        return None
    return named if isinstance(named, str) else None


def verify(*, proof: str, at: datetime) -> VehicleProof:
    """Check a compact JWS by the vehicle whose fingerprint is its ``kid``.

    The clock of the vehicle decides nothing: freshness comes from the certificate
    that the proof names, which lives by the server's clock.

    Raises:
        UnableToVerifyProof: proof_invalid, or vehicle_unknown.
    """
    if len(proof) > PROOF_CHARS_MAX:
        raise _invalid(f"The proof is longer than {PROOF_CHARS_MAX} characters.")
    try:
        header = jwt.get_unverified_header(proof)
    except jwt.PyJWTError as error:
        raise _invalid("The proof is not a compact JWS.") from error
    fingerprint = header.get("kid")
    vehicle = (
        active_by_fingerprint(fingerprint=fingerprint)
        if isinstance(fingerprint, str)
        else None
    )
    if vehicle is None:
        raise UnableToVerifyProof(
            "vehicle_unknown",
            "No active vehicle is enrolled with the key that the proof names (kid). "
            "Enrol it with POST /api/v1/driver/vehicles.",
        )
    expires_at = vehicle.certificate_expires_at
    if expires_at is not None and expires_at <= at:
        raise UnableToVerifyProof(
            "vehicle_certificate_expired",
            "The vehicle's certificate has expired. Renew it with POST "
            f"/api/v1/driver/vehicles/{vehicle.pk}/certificate.",
        )
    try:
        payload: dict[str, Any] = jwt.decode(
            proof,
            vehicle.public_key_pem,
            algorithms=list(ALGORITHMS),
            options={
                "require": ["jti"],
                "verify_iat": False,
                "verify_exp": False,
                "verify_nbf": False,
            },
        )
    except jwt.PyJWTError as error:
        raise _invalid(
            "The proof's signature does not hold; sign it (ES256, ES384, ES512) with "
            "the enrolled key that kid names."
        ) from error
    return _checked(vehicle, payload)


def _text(payload: dict[str, Any], name: str, chars_max: int) -> str:
    value = payload.get(name)
    if not isinstance(value, str) or not 1 <= len(value) <= chars_max:
        raise _invalid(f"The proof's {name} must be a text of 1 to {chars_max}.")
    return value


def _checked(vehicle: Vehicle, payload: dict[str, Any]) -> VehicleProof:
    if payload.get("purpose") != PURPOSE:
        raise _invalid(f"The proof's purpose must be {PURPOSE!r}.")
    amount = payload.get("max_amount_minor")
    if amount is not None and (
        not isinstance(amount, int) or isinstance(amount, bool) or amount <= 0
    ):
        raise _invalid("max_amount_minor must be a positive integer.")
    currency = payload.get("currency")
    if amount is not None and not isinstance(currency, str):
        raise _invalid("max_amount_minor needs a currency.")
    return VehicleProof(
        vehicle=vehicle,
        certificate_hash=_text(payload, "certificate_hash", 64),
        station=_text(payload, "station", 48),
        jti=_text(payload, "jti", JTI_CHARS_MAX),
        max_amount_minor=amount,
        currency=currency,
        presence=_presence(payload),
    )


def _presence(payload: dict[str, Any]) -> Presence:
    """Where and since when the vehicle stands, if it says so."""
    plugged_in_s = payload.get("plugged_in_s")
    if plugged_in_s is not None and (
        not isinstance(plugged_in_s, int)
        or isinstance(plugged_in_s, bool)
        or not 0 <= plugged_in_s <= PLUGGED_IN_S_MAX
    ):
        raise _invalid("plugged_in_s must be a whole number of seconds.")
    position = payload.get("position")
    if position is None:
        return Presence(plugged_in_s)
    if (
        not isinstance(position, list)
        or len(position) != 2
        or not all(_is_number(each) for each in position)
    ):
        raise _invalid("position must be [latitude, longitude] in degrees.")
    return Presence(plugged_in_s, float(position[0]), float(position[1]))


def _is_number(value: object) -> bool:
    known = isinstance(value, int | float) and not isinstance(value, bool)
    return known and -DEGREES_MAX <= value <= DEGREES_MAX  # type: ignore[operator]


def bind(proof: VehicleProof, *, jti: str, charge_point: str) -> None:
    """Check that the proof was made for this certificate at this station.

    Raises:
        UnableToVerifyProof: proof_invalid (another certificate) or
            station_mismatch (the vehicle stands elsewhere).
    """
    if proof.certificate_hash != jti:
        raise _invalid("The proof was made for another certificate.")
    if proof.station != charge_point:
        raise UnableToVerifyProof(
            "station_mismatch",
            "The station that the vehicle sees is not the one that issued the "
            "certificate. Nothing was started.",
        )


def use(proof: VehicleProof, *, order_number: str, at: datetime) -> None:
    """Use the proof up, in the caller's database transaction.

    Raises:
        UnableToVerifyProof: proof_replayed.
    """
    with connection.cursor() as cursor:
        cursor.execute(_USE, [proof.vehicle.pk, proof.jti, order_number, at])
        is_first = cursor.rowcount == 1
    if not is_first:
        raise UnableToVerifyProof(
            "proof_replayed",
            "This proof was used before; a vehicle signs a new one for each claim.",
            http_status=409,
        )
