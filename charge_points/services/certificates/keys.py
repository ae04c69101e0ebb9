"""Signing keys: ES256 pairs that rotate; old ones stay public for a while."""

import hashlib
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from django.core.exceptions import ImproperlyConfigured
from django.db import transaction
from django.db.models import Q

from charge_points.models import CertificateKey, ChargingCertificate
from charge_points.models.states import CERTIFICATE_LIVE
from charge_points.services.rows import insert_unless_exists
from cpms.accounts.services.sealing import (
    UnableToUnseal,
    seal_bytes,
    unseal_bytes,
)
from cpms.kernel.ids import b64url
from cpms.kernel.json import canonical

COORDINATE_BYTES: Final = 32
PUBLIC_AFTER_RETIREMENT: Final = timedelta(days=1)
"""Longer than any certificate lives."""
SIGNING_FOR: Final = timedelta(days=30)
CACHED_KEYS_MAX: Final = 16
_public_jwks: dict[str, dict[str, Any]] = {}


def _public_jwk(key: ec.EllipticCurvePrivateKey) -> dict[str, str]:
    numbers = key.public_key().public_numbers()
    return {
        "kty": "EC",
        "crv": "P-256",
        "x": b64url(numbers.x.to_bytes(COORDINATE_BYTES)),
        "y": b64url(numbers.y.to_bytes(COORDINATE_BYTES)),
    }


def thumbprint(jwk: dict[str, str]) -> str:
    """SHA-256 over the members that make the key (RFC 7638), base64url."""
    return b64url(hashlib.sha256(canonical(jwk)).digest())


def _add_key(at: datetime) -> None:
    """Add a signing key, unless another process was first."""
    pair = ec.generate_private_key(ec.SECP256R1())
    jwk = _public_jwk(pair)
    pem = pair.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    insert_unless_exists(
        CertificateKey(
            kid=thumbprint(jwk),
            public_jwk=jwk,
            private_key=seal_bytes(pem),
            created_at=at,
        )
    )


@lru_cache(maxsize=CACHED_KEYS_MAX)
def _private_key(kid: str) -> ec.EllipticCurvePrivateKey:
    """Decrypt a key once per process.

    Raises:
        ImproperlyConfigured: KEY_ENCRYPTION_KEY is not the one it was encrypted with.
    """
    row = CertificateKey.objects.get(kid=kid)
    try:
        pem = unseal_bytes(bytes(row.private_key))
    except UnableToUnseal as error:
        raise ImproperlyConfigured(
            "KEY_ENCRYPTION_KEY does not fit the stored signing keys. Set the former "
            "key again, or retire the keys with the task charge_points.rotate_keys."
        ) from error
    key = load_pem_private_key(pem, password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ImproperlyConfigured(f"Certificate key {kid} is no EC key.")
    return key


def signing_key(*, at: datetime) -> tuple[str, ec.EllipticCurvePrivateKey]:
    """The key that signs now, made when there is none yet."""
    current = CertificateKey.objects.filter(retired_at__isnull=True)
    kid = current.values_list("kid", flat=True).first()
    if kid is None:
        with transaction.atomic():
            _add_key(at)
        kid = current.values_list("kid", flat=True).get()
    return kid, _private_key(kid)


def public_jwk(kid: str) -> dict[str, Any] | None:
    """The public key of this id, also a retired one; None when there is none.

    The id is the key's own hash, so that what was once read never changes.
    """
    known = _public_jwks.get(kid)
    if known is None:
        rows = CertificateKey.objects.filter(kid=kid)
        known = rows.values_list("public_jwk", flat=True).first()
        if known is not None:
            if len(_public_jwks) >= CACHED_KEYS_MAX:
                _public_jwks.clear()
            _public_jwks[kid] = known
    return known


def jwks() -> dict[str, Any]:
    """The key set at ``/.well-known/jwks.json`` (RFC 7517).

    Keys that nothing live was signed with any more are taken out by ``rotate``.
    """
    rows = CertificateKey.objects.order_by("-pk").values_list("kid", "public_jwk")
    return {
        "keys": [{**jwk, "kid": kid, "use": "sig", "alg": "ES256"} for kid, jwk in rows]
    }


@transaction.atomic
def rotate(*, at: datetime, force: bool = False) -> bool:
    """Replace a signing key that signed long enough, and drop long retired ones.

    A retired key stays public as long as a certificate lives that it signed.

    Returns:
        Whether there is a new key.
    """
    needed = ChargingCertificate.objects.filter(state__in=CERTIFICATE_LIVE)
    CertificateKey.objects.filter(retired_at__lt=at - PUBLIC_AFTER_RETIREMENT).exclude(
        kid__in=needed.values("kid")
    ).delete()
    due = Q(created_at__lte=at - SIGNING_FOR) if not force else Q()
    retired = CertificateKey.objects.filter(due, retired_at__isnull=True).update(
        retired_at=at
    )
    if not retired:
        return False
    _add_key(at)
    return True
