"""The CA itself: a root and a sub-CA, made at first use, keys sealed at rest."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import (
    AuthorityInformationAccessOID,
    ExtendedKeyUsageOID,
    NameOID,
)
from django.conf import settings
from django.db import connection, transaction

from charge_points.models import StationAuthority
from charge_points.services.public_keys.csr import PublicKey
from charge_points.services.wake import wake_trust
from cpms.accounts.services import audit
from cpms.accounts.services.sealing import seal, unseal
from cpms.kernel.ids import sha256_hex

ROOT_LIFETIME: Final = timedelta(days=20 * 365)
SUB_LIFETIME: Final = timedelta(days=10 * 365)
BACKDATE: Final = timedelta(hours=1)
"""Stations' clocks lag until the first Heartbeat."""

# A dot is in none: the names of other identities have two labels.
DNS_LABEL: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?", re.ASCII)
ADVISORY_LOCK: Final = 0x43505354


@dataclass(frozen=True)
class Authority:
    """A loaded CA; ``chain`` goes from the signing certificate to the root."""

    row: StationAuthority
    key: ec.EllipticCurvePrivateKey
    chain: tuple[x509.Certificate, ...]

    @property
    def certificate(self) -> x509.Certificate:
        """The certificate whose key signs."""
        return self.chain[0]


def signing(*, at: datetime) -> Authority:
    """The sub-CA that signs now; root and sub-CA are made when there are none.

    Raises:
        UnableToUnseal: the keys were stored under another ``KEY_ENCRYPTION_KEY``.
    """
    row = _newest(StationAuthority.Role.SUB) or _make_both(at)
    return load(row)


def load(row: StationAuthority) -> Authority:
    """A CA by its row.

    Raises:
        UnableToUnseal: see ``signing``.
    """
    pem = unseal(row.private_key_encrypted)
    key = serialization.load_pem_private_key(pem.encode(), password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise TypeError("The station CA's key is not an elliptic curve key.")
    return Authority(row, key, tuple(_chain(row)))


def all_certificates() -> list[x509.Certificate]:
    """Every CA certificate that a station's certificate may lead to."""
    rows = StationAuthority.objects.order_by("pk")
    return [x509.load_pem_x509_certificate(r.certificate_pem.encode()) for r in rows]


def pem_of(certificate: x509.Certificate) -> str:
    """PEM text of a certificate."""
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def _chain(row: StationAuthority | None) -> list[x509.Certificate]:
    found = []
    while row is not None:
        found.append(x509.load_pem_x509_certificate(row.certificate_pem.encode()))
        row = row.parent
    return found


def _newest(role: str) -> StationAuthority | None:
    rows = StationAuthority.objects.select_related("parent").filter(role=role)
    return rows.order_by("-pk").first()


def _make_both(at: datetime) -> StationAuthority:
    _lock()
    return _newest(StationAuthority.Role.SUB) or _make_sub(_make_root(at), at)


def _lock() -> None:
    # Two makers would give two roots: whoever comes second finds the first's.
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [ADVISORY_LOCK])


@transaction.atomic
def rotate(*, root: bool, by: str, at: datetime) -> Authority:
    """Sign with a new sub-CA from now on; with ``root`` below a new root.

    The former CAs stay trusted, their certificates good and their revocation lists
    signed: stations come over one by one, when they renew.

    Raises:
        UnableToUnseal: see ``signing``.
    """
    _lock()
    parent = None if root else _newest(StationAuthority.Role.ROOT)
    row = _make_sub(parent or _make_root(at), at)
    audit.record(
        operator_id=None,
        actor=by,
        action="station_authority.rotated",
        object=f"authority {row.pk}",
        changes={"root": row.parent_id},
        at=at,
    )
    return load(row)


def _make_root(at: datetime) -> StationAuthority:
    root_key = ec.generate_private_key(ec.SECP256R1())
    root_name = _name("CPMS station root CA")
    root = _ca_certificate(
        root_name, root_name, root_key.public_key(), at, ROOT_LIFETIME, depth=1
    ).sign(root_key, hashes.SHA256())
    return _store(StationAuthority.Role.ROOT, root, root_key, None, at)


def _make_sub(parent: StationAuthority, at: datetime) -> StationAuthority:
    root = load(parent)
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = _ca_certificate(
        _name("CPMS station CA"),
        root.certificate.subject,
        key.public_key(),
        at,
        SUB_LIFETIME,
        depth=0,
    ).sign(root.key, hashes.SHA256())
    return _store(StationAuthority.Role.SUB, certificate, key, parent, at)


def _store(
    role: str,
    certificate: x509.Certificate,
    key: ec.EllipticCurvePrivateKey,
    parent: StationAuthority | None,
    at: datetime,
) -> StationAuthority:
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    wake_trust()
    return StationAuthority.objects.create(
        role=role,
        parent=parent,
        certificate_pem=pem_of(certificate),
        private_key_encrypted=seal(pem.decode()),
        created_at=at,
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _builder(
    subject: x509.Name, issuer: x509.Name, key: PublicKey, at: datetime, life: timedelta
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(at - BACKDATE)
        .not_valid_after(at + life)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _usage(*, ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=not ca,
        key_cert_sign=ca,
        crl_sign=ca,
        encipher_only=False,
        decipher_only=False,
    )


def _ca_certificate(
    subject: x509.Name,
    issuer: x509.Name,
    key: PublicKey,
    at: datetime,
    life: timedelta,
    *,
    depth: int,
) -> x509.CertificateBuilder:
    limits = x509.BasicConstraints(ca=True, path_length=depth)
    return (
        _builder(subject, issuer, key, at, life)
        .add_extension(limits, critical=True)
        .add_extension(_usage(ca=True), critical=True)
    )


def issue(
    authority: Authority,
    *,
    key: PublicKey,
    identity: str,
    organization: str,
    at: datetime,
    life: timedelta,
) -> x509.Certificate:
    """A client certificate for a station: its identity stands in CN and SAN."""
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.COMMON_NAME, identity),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization[:64] or "-"),
        ]
    )
    base = f"{settings.PUBLIC_BASE_URL}/pki"
    crl = x509.DistributionPoint(
        [x509.UniformResourceIdentifier(f"{base}/{authority.row.pk}.crl")],
        None,
        None,
        None,
    )
    ocsp = x509.AccessDescription(
        AuthorityInformationAccessOID.OCSP,
        x509.UniformResourceIdentifier(f"{base}/ocsp"),
    )
    issuer_key = authority.certificate.public_key()
    assert isinstance(issuer_key, ec.EllipticCurvePublicKey)
    return (
        _builder(subject, authority.certificate.subject, key, at, life)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(ca=False), critical=True)
        .add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False
        )
        .add_extension(
            x509.SubjectAlternativeName([x509.DNSName(_dns(identity))]), critical=False
        )
        .add_extension(x509.CRLDistributionPoints([crl]), critical=False)
        .add_extension(x509.AuthorityInformationAccess([ocsp]), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key),
            critical=False,
        )
        .sign(authority.key, hashes.SHA256())
    )


def _dns(identity: str) -> str:
    """An identity as DNS name; two identities never have the same.

    DNS knows no case and few characters: what is no lower case label is written as one,
    with a second label that tells it from others that look the same.
    """
    if DNS_LABEL.fullmatch(identity):
        return identity
    label = "".join(char if char.isalnum() else "-" for char in identity.lower())
    return f"{label.strip('-') or 'x'}.{sha256_hex(identity)[:16]}"
