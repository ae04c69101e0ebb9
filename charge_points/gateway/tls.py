"""TLS as the OCPP security whitepaper asks for it (edition 3, 5.2; 2.0.1 A00)."""

import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

# The four suites of the whitepaper and their forward secret RSA counterparts. The two
# without forward secrecy stand last: stations of 1.6 that know nothing else exist.
CIPHERS: Final = (
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES256-GCM-SHA384",
    "AES128-GCM-SHA256",
    "AES256-GCM-SHA384",
)


class UnableToUseCertificate(Exception):
    """A TLS file is missing or does not fit; the message says which."""


def server_context(
    certificate: Path, key: Path, client_ca: Path | None = None
) -> ssl.SSLContext:
    """Make the context of the TLS listener.

    With ``client_ca`` a client certificate is asked for and, when one is sent, must be
    issued by one of these CAs; whether a charge point needs one is decided per charge
    point (security profile 3).

    Raises:
        UnableToUseCertificate: a file cannot be read or the key does not fit.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(":".join(CIPHERS))
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    context.options |= ssl.OP_CIPHER_SERVER_PREFERENCE
    try:
        context.load_cert_chain(certificate, key)
    except OSError as error:
        raise UnableToUseCertificate(
            f"TLS certificate {certificate} with key {key} cannot be used: {error}. "
            "Give PEM files that belong together."
        ) from error
    if client_ca is not None:
        try:
            context.load_verify_locations(client_ca)
        except OSError as error:
            raise UnableToUseCertificate(
                f"The client CA file {client_ca} cannot be used: {error}. "
                "Give a PEM file with one or more CA certificates."
            ) from error
        context.verify_mode = ssl.CERT_OPTIONAL
    return context


def names_of(certificate: Mapping[str, Any]) -> tuple[str, ...]:
    """Common names and DNS names of a certificate as ``getpeercert`` gives it."""
    names = [
        value
        for attributes in certificate.get("subject", ())
        for name, value in attributes
        if name == "commonName"
    ]
    alternatives = certificate.get("subjectAltName", ())
    names += [value for kind, value in alternatives if kind == "DNS"]
    return tuple(dict.fromkeys(names))
