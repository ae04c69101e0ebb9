"""The platform's own vehicle CA: one self-signed root, made at first use."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from django.db import connection

from cpms.accounts.models.authority import VehicleAuthority
from cpms.accounts.services.sealing import seal, unseal

ROOT_LIFETIME: Final = timedelta(days=20 * 365)
BACKDATE: Final = timedelta(minutes=5)
"""Vehicles' clocks lag; a certificate that begins 'now' would be refused."""

ADVISORY_LOCK: Final = 0x43504D53


@dataclass(frozen=True)
class CertificateAuthority:
    """A loaded CA: signs vehicle keys."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @classmethod
    def load(cls, *, at: datetime) -> "CertificateAuthority":
        """The stored CA, made when there is none (two makers cannot race).

        Raises:
            UnableToUnseal: its key was stored under another ``KEY_ENCRYPTION_KEY``.
        """
        row = _newest() or _first_or_newest(at)
        pem = unseal(row.private_key_encrypted)
        key = serialization.load_pem_private_key(pem.encode(), password=None)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise TypeError("The vehicle CA's key is not an elliptic curve key.")
        certificate = x509.load_pem_x509_certificate(row.certificate_pem.encode())
        return cls(certificate, key)

    def sign(
        self,
        key: ec.EllipticCurvePublicKey,
        *,
        common_name: str,
        at: datetime,
        lifetime: timedelta,
    ) -> str:
        """A client certificate for a vehicle's key, PEM."""
        usage = x509.KeyUsage(
            digital_signature=True,
            content_commitment=False,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            key_cert_sign=False,
            crl_sign=False,
            encipher_only=False,
            decipher_only=False,
        )
        builder = (
            _builder(at, lifetime)
            .subject_name(_name(common_name))
            .issuer_name(self.certificate.subject)
            .public_key(key)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), True)  # noqa: FBT003
            .add_extension(usage, critical=True)
            .add_extension(
                x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]),
                critical=False,
            )
        )
        signed = builder.sign(self.key, hashes.SHA256())
        return signed.public_bytes(serialization.Encoding.PEM).decode()


def _newest() -> VehicleAuthority | None:
    return VehicleAuthority.objects.order_by("-pk").first()


def _first_or_newest(at: datetime) -> VehicleAuthority:
    """Look again behind a lock that makers hold until they commit."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [ADVISORY_LOCK])
    return _newest() or _create(at)


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _builder(at: datetime, lifetime: timedelta) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .serial_number(x509.random_serial_number())
        .not_valid_before(at - BACKDATE)
        .not_valid_after(at + lifetime)
    )


def _create(at: datetime) -> VehicleAuthority:
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name("CPMS vehicle CA")
    certificate = (
        _builder(at, ROOT_LIFETIME)
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return VehicleAuthority.objects.create(
        certificate_pem=certificate.public_bytes(serialization.Encoding.PEM).decode(),
        private_key_encrypted=seal(pem.decode()),
        created_at=at,
    )
