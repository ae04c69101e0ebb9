"""Certificate authorities of a V2G test PKI, in memory or in a folder.

Two trees, as ISO 15118-2 annex F draws them: below the V2G root the charge point
operator's sub-CAs, below the mobility operator's root those that sign contracts.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import (
    AuthorityInformationAccessOID,
    ExtendedKeyUsageOID,
    NameOID,
)

from simulators.errors import UnableToUnderstand
from simulators.v2g.contracts import Contract

ROOT_LIFE: Final = timedelta(days=40 * 365)
SUB_LIFE: Final = timedelta(days=4 * 365)
CONTRACT_LIFE: Final = timedelta(days=2 * 365)
STATION_LIFE: Final = timedelta(days=90)
KEY_FILE_MODE: Final = 0o600
NAMES: Final = {
    "v2g-root": "V2G test root",
    "cpo-sub1": "CPO test sub-CA 1",
    "cpo-sub2": "CPO test sub-CA 2",
    "mo-root": "MO test root",
    "mo-sub1": "MO test sub-CA 1",
    "mo-sub2": "MO test sub-CA 2",
}
_ISSUER: Final = {
    "v2g-root": "",
    "cpo-sub1": "v2g-root",
    "cpo-sub2": "cpo-sub1",
    "mo-root": "",
    "mo-sub1": "mo-root",
    "mo-sub2": "mo-sub1",
}
_PATH_LENGTH: Final = {"root": None, "sub1": 1, "sub2": 0}


@dataclass(frozen=True)
class CertificateAuthority:
    """A CA with its key; ``issuer`` is None for a root."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey
    issuer: "CertificateAuthority | None" = None

    @property
    def chain(self) -> tuple[x509.Certificate, ...]:
        """From this CA to the last one below the root; empty for a root."""
        if self.issuer is None:
            return ()
        return (self.certificate, *self.issuer.chain)

    @property
    def root(self) -> x509.Certificate:
        """The root above."""
        return self.certificate if self.issuer is None else self.issuer.root


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


@dataclass
class TestPki:
    """All CAs by short name ("mo-root", "mo-sub2" …).

    ``responder_url`` is written into contracts and sub-CAs (authority information
    access) when it is not empty.
    """

    __test__ = False  # not a case of pytest

    authorities: dict[str, CertificateAuthority]
    responder_url: str = ""
    revoked: dict[int, datetime] = field(default_factory=dict)

    @classmethod
    def new(cls, *, at: datetime | None = None, responder_url: str = "") -> "TestPki":
        """Make all CAs; valid since a day before ``at`` (now when left out)."""
        pki = cls({}, responder_url)
        for name in NAMES:
            pki.authorities[name] = pki._authority(name, at or _now())
        return pki

    def _authority(self, name: str, at: datetime) -> CertificateAuthority:
        issuer = self.authorities.get(_ISSUER[name])
        key = ec.generate_private_key(ec.SECP256R1())
        subject = _name(NAMES[name], "V2G")
        life = ROOT_LIFE if issuer is None else SUB_LIFE
        builder = _builder(subject, issuer, key, (at - timedelta(days=1), at + life))
        length = _PATH_LENGTH[name.partition("-")[2]]
        builder = builder.add_extension(
            x509.BasicConstraints(ca=True, path_length=length), critical=True
        ).add_extension(_usage(ca=True), critical=True)
        if issuer is not None:
            builder = self._with_responder(builder)
        signer = key if issuer is None else issuer.key
        return CertificateAuthority(builder.sign(signer, hashes.SHA256()), key, issuer)

    def _with_responder(
        self, builder: x509.CertificateBuilder
    ) -> x509.CertificateBuilder:
        if not self.responder_url:
            return builder
        access = x509.AccessDescription(
            AuthorityInformationAccessOID.OCSP,
            x509.UniformResourceIdentifier(self.responder_url),
        )
        return builder.add_extension(
            x509.AuthorityInformationAccess([access]), critical=False
        )

    def contract(
        self,
        emaid: str,
        *,
        at: datetime | None = None,
        life: timedelta = CONTRACT_LIFE,
        key: ec.EllipticCurvePrivateKey | None = None,
        issuer: str = "mo-sub2",
    ) -> Contract:
        """A contract certificate: its common name is the eMAID.

        Args:
            emaid: of the contract.
            at: a day after the certificate's validity begins; now when left out.
            life: after ``at``; negative for a certificate that expired.
            key: the vehicle's; a new one when left out.
            issuer: short name of the CA.
        """
        at = at or _now()
        signer = self.authorities[issuer]
        key = key or ec.generate_private_key(ec.SECP256R1())
        begins = min(at, at + life) - timedelta(days=1)
        builder = _builder(_name(emaid, "MO"), signer, key, (begins, at + life))
        builder = self._with_responder(
            builder.add_extension(
                x509.BasicConstraints(ca=False, path_length=None), critical=True
            ).add_extension(_usage(ca=False), critical=True)
        )
        leaf = builder.sign(signer.key, hashes.SHA256())
        return Contract(emaid, leaf, key, signer.chain, signer.root, self.responder_url)

    def station(
        self, name: str, *, at: datetime | None = None
    ) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
        """A station's certificate for the vehicle's TLS connection (SECC leaf)."""
        at = at or _now()
        signer, key = (
            self.authorities["cpo-sub2"],
            ec.generate_private_key(ec.SECP256R1()),
        )
        times = (at - timedelta(days=1), at + STATION_LIFE)
        builder = (
            _builder(_name(name, "CPO"), signer, key, times)
            .add_extension(_usage(ca=False), critical=True)
            .add_extension(
                x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False
            )
        )
        return builder.sign(signer.key, hashes.SHA256()), key

    def revoke(
        self, certificate: x509.Certificate, *, at: datetime | None = None
    ) -> None:
        """From now on the responder says revoked."""
        self.revoked[certificate.serial_number] = at or _now()

    def write(self, folder: Path) -> None:
        """Certificates and keys of all CAs, as PEM files that must not exist yet.

        Raises:
            UnableToUnderstand: the folder cannot be written, or holds a PKI.
        """
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for name, each in self.authorities.items():
                write_key(folder / f"{name}.key", each.key)
                (folder / f"{name}.pem").write_bytes(_pem(each.certificate))
            (folder / "responder.url").write_text(self.responder_url)
        except OSError as error:
            msg = f"The PKI cannot be written to {folder}: {error}."
            raise UnableToUnderstand(msg) from error

    @classmethod
    def read(cls, folder: Path) -> "TestPki":
        """What ``write`` wrote, with the revocations of ``note_revoked``.

        Raises:
            UnableToUnderstand: the folder holds no PKI.
        """
        try:
            pki = cls({}, (folder / "responder.url").read_text().strip())
            for name in NAMES:
                certificate = x509.load_pem_x509_certificate(
                    (folder / f"{name}.pem").read_bytes()
                )
                key = read_key(folder / f"{name}.key")
                issuer = pki.authorities.get(_ISSUER[name])
                pki.authorities[name] = CertificateAuthority(certificate, key, issuer)
            listed = folder / "revoked.txt"
            for line in listed.read_text().splitlines() if listed.exists() else ():
                serial, _, at = line.partition(" ")
                pki.revoked[int(serial, 16)] = datetime.fromisoformat(at)
        except (OSError, ValueError, TypeError) as error:
            msg = f"{folder} holds no V2G test PKI: {error}. Make one with v2g new."
            raise UnableToUnderstand(msg) from error
        return pki


def note_revoked(folder: Path, certificate: x509.Certificate) -> None:
    """Write a revocation down for responders that read the folder."""
    with (folder / "revoked.txt").open("a") as listed:
        listed.write(f"{certificate.serial_number:x} {_now().isoformat()}\n")


def write_key(path: Path, key: ec.EllipticCurvePrivateKey) -> None:
    """A PEM file that only its owner can read; never over another.

    Raises:
        OSError: the file exists or cannot be written.
    """
    path.touch(mode=KEY_FILE_MODE, exist_ok=False)
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )


def read_key(path: Path) -> ec.EllipticCurvePrivateKey:
    """A key of ``write_key``.

    Raises:
        ValueError: not an elliptic curve key; OSError: no such file.
    """
    key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        msg = f"{path} holds no elliptic curve key"
        raise ValueError(msg)  # noqa: TRY004 - as the loader's own refusals
    return key


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _name(common_name: str, component: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "CPMS simulators"),
            x509.NameAttribute(NameOID.DOMAIN_COMPONENT, component),
        ]
    )


def _builder(
    subject: x509.Name,
    issuer: CertificateAuthority | None,
    key: ec.EllipticCurvePrivateKey,
    times: tuple[datetime, datetime],
) -> x509.CertificateBuilder:
    above = subject if issuer is None else issuer.certificate.subject
    signer = key if issuer is None else issuer.key
    public = key.public_key()
    identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key())
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(above)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(times[0])
        .not_valid_after(times[1])
        .add_extension(
            x509.SubjectKeyIdentifier.from_public_key(public), critical=False
        )
        .add_extension(identifier, critical=False)
    )


def _usage(*, ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not ca,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=not ca,
        key_cert_sign=ca,
        crl_sign=ca,
        encipher_only=False,
        decipher_only=False,
    )
