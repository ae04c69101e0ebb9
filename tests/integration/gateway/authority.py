"""A small certificate authority for TLS tests."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass(frozen=True)
class Wish:
    """What a certificate shall be; days are from now."""

    dns: tuple = ()
    ip: tuple = ()
    from_day: float = -1
    until_day: float = 1
    usages: tuple = ()
    ca: bool = False
    self_signed: bool = False
    key: object = None


class Authority:
    """Issues EC P-256 certificates and writes them as PEM files."""

    def __init__(self, folder, name="Test CA"):
        self.folder = folder
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = _name(name)
        builder = self._builder(self.name, self.key.public_key(), Wish())
        builder = builder.add_extension(
            x509.BasicConstraints(ca=True, path_length=None), critical=True
        )
        self.certificate = builder.sign(self.key, hashes.SHA256())
        self.path = folder / f"{name.replace(' ', '-')}.pem"
        self.path.write_bytes(self.certificate.public_bytes(PEM))

    @property
    def pem(self):
        return self.path.read_text()

    def _builder(self, subject, public_key, wish):
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject if wish.self_signed else self.name)
            .public_key(public_key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + timedelta(days=wish.from_day))
            .not_valid_after(now + timedelta(days=wish.until_day))
        )

    def write_crl(self, path, *leaves, signer=None):
        """A revocation list (PEM) of these certificate files."""
        now = datetime.now(UTC)
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self.name)
            .last_update(now)
            .next_update(now + timedelta(days=1))
        )
        for leaf in leaves:
            row = x509.RevokedCertificateBuilder().revocation_date(now)
            number = load(leaf).serial_number
            builder = builder.add_revoked_certificate(row.serial_number(number).build())
        signed = builder.sign(signer or self.key, hashes.SHA256())
        path.write_bytes(signed.public_bytes(PEM))
        return path

    def issue(self, common_name, *, dns=(), ip=()):
        """Files (certificate, key) of a leaf."""
        return self.make(common_name, Wish(dns=dns, ip=ip))

    def make(self, common_name, wish):
        """As ``issue``, of whatever kind."""
        key = wish.key or ec.generate_private_key(ec.SECP256R1())
        builder = self._builder(_name(common_name), key.public_key(), wish)
        names = [x509.DNSName(name) for name in wish.dns]
        names += [x509.IPAddress(ip_address(name)) for name in wish.ip]
        if names:
            builder = builder.add_extension(
                x509.SubjectAlternativeName(names), critical=False
            )
        if wish.usages:
            builder = builder.add_extension(
                x509.ExtendedKeyUsage(wish.usages), critical=False
            )
        if wish.ca:
            builder = builder.add_extension(
                x509.BasicConstraints(ca=True, path_length=None), critical=True
            )
        signer = key if wish.self_signed else self.key
        certificate = builder.sign(signer, hashes.SHA256())
        stem = f"{common_name}-{certificate.serial_number:x}"
        certificate_path = self.folder / f"{stem}.crt"
        key_path = self.folder / f"{stem}.key"
        certificate_path.write_bytes(certificate.public_bytes(PEM))
        key_path.write_bytes(
            key.private_bytes(
                PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        return certificate_path, key_path


PEM = serialization.Encoding.PEM


def _name(common_name):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def load(path):
    """The certificate in a file."""
    return x509.load_pem_x509_certificate(path.read_bytes())


def serial_of(path):
    """Serial number as the gateway writes it."""
    return f"{load(path).serial_number:x}"
