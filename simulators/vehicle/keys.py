"""The key pair that a vehicle is known by."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from simulators.errors import UnableToUnderstand

# JWS algorithm (RFC 7518 3.4) of each curve that a vehicle may have.
ALGORITHMS: Final = {"secp256r1": "ES256", "secp384r1": "ES384", "secp521r1": "ES512"}
KEY_FILE_MODE: Final = 0o600


@dataclass(frozen=True, slots=True)
class VehicleKey:
    """An elliptic-curve key."""

    private: ec.EllipticCurvePrivateKey

    @classmethod
    def generate(cls, curve: ec.EllipticCurve | None = None) -> "VehicleKey":
        """Make a new key, P-256 unless told otherwise."""
        return cls(ec.generate_private_key(curve or ec.SECP256R1()))

    @classmethod
    def read(cls, path: str | Path) -> "VehicleKey":
        """Read a PEM file.

        Raises:
            UnableToUnderstand: no such file, or no elliptic-curve key in it.
        """
        try:
            pem = Path(path).read_bytes()
            key = serialization.load_pem_private_key(pem, password=None)
        except (OSError, ValueError, TypeError) as error:
            msg = f"{path} is no readable PEM private key: {error}."
            raise UnableToUnderstand(msg) from error
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            msg = f"{path} holds no elliptic-curve key."
            raise UnableToUnderstand(msg)
        return cls(key)

    def write(self, path: str | Path) -> None:
        """Write a PEM file that only its owner can read; never over another.

        Raises:
            UnableToUnderstand: the file exists or cannot be written.
        """
        try:
            target = Path(path)
            target.touch(mode=KEY_FILE_MODE, exist_ok=False)
            target.write_bytes(self.private_pem)
        except OSError as error:
            msg = f"The key cannot be written to {path}: {error}."
            raise UnableToUnderstand(msg) from error

    @property
    def private_pem(self) -> bytes:
        """PKCS#8 PEM, not encrypted."""
        return self.private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )

    @property
    def public_pem(self) -> str:
        """SubjectPublicKeyInfo PEM."""
        return self._public(serialization.Encoding.PEM).decode()

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the DER SubjectPublicKeyInfo, lower-case hexadecimal."""
        return hashlib.sha256(self._public(serialization.Encoding.DER)).hexdigest()

    @property
    def algorithm(self) -> str:
        """The JWS algorithm of its curve."""
        return ALGORITHMS[self.private.curve.name]

    def csr_pem(self, common_name: str) -> str:
        """Return a certificate signing request (PKCS#10) for enrolment."""
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
        builder = x509.CertificateSigningRequestBuilder().subject_name(name)
        request = builder.sign(self.private, hashes.SHA256())
        return request.public_bytes(serialization.Encoding.PEM).decode()

    def _public(self, encoding: serialization.Encoding) -> bytes:
        return self.private.public_key().public_bytes(
            encoding, serialization.PublicFormat.SubjectPublicKeyInfo
        )
