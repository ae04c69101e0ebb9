"""TLS as the OCPP security whitepaper asks for it (edition 3, 5.2; 2.0.1 A00)."""

import logging
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography import x509

from charge_points.gateway.client_certificates import (
    Issuers,
    Trust,
    certificates_in,
    revoked_by,
    revoked_by_fetched,
)
from charge_points.gateway.witness import Witness, watch
from charge_points.services.revocation_lists import ListFacts, facts_of, lists_in

logger = logging.getLogger(__name__)

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

Stamp = tuple[tuple[int, int, int], ...]


class UnableToUseCertificate(Exception):
    """A TLS file is missing or does not fit; the message says which."""


def server_context(
    certificate: Path,
    key: Path,
    client_ca: Path | None = None,
    authorities: tuple[str, ...] = (),
) -> ssl.SSLContext:
    """Make the context of the TLS listener.

    With ``client_ca`` or ``authorities`` (PEM texts) a client certificate is asked for
    and, when one is sent, must be issued by one of these CAs; whether a charge point
    needs one is decided per charge point (security profile 3).

    Raises:
        UnableToUseCertificate: a file cannot be read or the key does not fit.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(":".join(CIPHERS))
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    context.options |= ssl.OP_CIPHER_SERVER_PREFERENCE
    # A ticket costs more than the resumption saves here, which only the process that
    # made it could grant: 450 instead of 700 µs a handshake in a storm of reconnects.
    context.num_tickets = 0
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
    if authorities:
        context.load_verify_locations(cadata="\n".join(authorities))
    if client_ca is not None or authorities:
        context.verify_mode = ssl.CERT_OPTIONAL
        # A sub-CA in the file is trusted though its root is not.
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return context


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """Paths of PEM files."""

    certificate: Path
    key: Path
    client_ca: Path | None = None
    client_crl: Path | None = None

    def stamp(self) -> Stamp:
        """What changes when a file does; a missing file has none.

        Links are followed: certificate managers swap a link to a new directory.
        """
        marks = []
        paths = (self.certificate, self.key, self.client_ca, self.client_crl)
        for path in filter(None, paths):
            try:
                found = path.stat()
            except OSError:
                continue
            marks.append((found.st_ino, found.st_mtime_ns, found.st_size))
        return tuple(marks)


class TlsKeeper:
    """The context that new connections get, and the issuers behind it.

    Connections that exist keep theirs. Files that cannot be used change nothing: the
    former certificate serves on.
    """

    def __init__(self, files: TlsFiles) -> None:
        """Read the files.

        Raises:
            UnableToUseCertificate: one of them cannot be used.
        """
        self._files = files
        self._trust = Trust()
        self._stamp = files.stamp()
        self.context, self.issuers = self._make()

    def _make(self) -> tuple[ssl.SSLContext, Issuers]:
        files, authorities = self._files, self._trust.authorities
        context = server_context(
            files.certificate, files.key, files.client_ca, authorities
        )
        own = certificates_in("\n".join(authorities).encode()) if authorities else ()
        foreign = read_issuers(files.client_ca)
        revoked = read_revoked(files.client_crl, foreign)
        revoked |= revoked_by_fetched(self._trust.lists, foreign)
        return context, Issuers(own, foreign, revoked)

    def lists(self) -> list[ListFacts]:
        """What the lists in the file say of themselves; empty without a file."""
        path = self._files.client_crl
        try:
            return (
                [facts_of(one) for one in lists_in(path.read_bytes())] if path else []
            )
        except (OSError, ValueError):
            return []  # what was read before counts; its reload was logged

    def watched_by(self, witness: Witness) -> ssl.SSLContext:
        """A context for one handshake: checks the same and shows what the client sends.

        The usual one where the files cannot be used at the moment.
        """
        files = self._files
        try:
            context = server_context(
                files.certificate, files.key, files.client_ca, self._trust.authorities
            )
        except UnableToUseCertificate:
            return self.context
        return context if watch(context, witness) else self.context

    def reload(self) -> bool:
        """Read the files again; False when they cannot be used."""
        stamp = self._files.stamp()
        try:
            self.context, self.issuers = self._make()
        except UnableToUseCertificate as error:
            logger.error("TLS files were not reloaded, the former serve on: %s", error)  # noqa: TRY400 - the message says all
            return False
        finally:
            # A bad file is tried again when it changes, not every second.
            self._stamp = stamp
        logger.info("TLS files were reloaded from %s", self._files.certificate)
        return True

    def reload_if_changed(self) -> bool:
        """As ``reload`` when a file changed since; True when it was done."""
        return self._files.stamp() != self._stamp and self.reload()

    def adopt(self, trust: Trust) -> None:
        """Trust the built-in CA, and believe the fetched lists, as they are now."""
        known = self._trust
        is_new = (trust.authorities, trust.lists) != (known.authorities, known.lists)
        self._trust = trust
        if is_new:
            self.reload()


def read_issuers(client_ca: Path | None) -> tuple[x509.Certificate, ...]:
    """The CA certificates in a file; none without one.

    Raises:
        UnableToUseCertificate: the file cannot be read.
    """
    if client_ca is None:
        return ()
    try:
        return certificates_in(client_ca.read_bytes())
    except (OSError, ValueError) as error:
        raise UnableToUseCertificate(
            f"The client CA file {client_ca} cannot be used: {error}. "
            "Give a PEM file with one or more CA certificates."
        ) from error


def read_revoked(
    client_crl: Path | None, authorities: tuple[x509.Certificate, ...]
) -> frozenset[tuple[bytes, int]]:
    """What the revocation lists in a file take back; nothing without one.

    Raises:
        UnableToUseCertificate: the file cannot be read, or a list is not signed by one
            of ``authorities``.
    """
    if client_crl is None:
        return frozenset()
    try:
        return revoked_by(client_crl.read_bytes(), authorities)
    except (OSError, ValueError) as error:
        raise UnableToUseCertificate(
            f"The revocation list {client_crl} cannot be used: {error}. "
            "Give lists (DER, or PEM one after the other) of CAs in --client-ca."
        ) from error
