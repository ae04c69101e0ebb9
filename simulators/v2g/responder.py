"""An OCSP responder (RFC 6960) over HTTP for a V2G test PKI."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Final, Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509 import ocsp

from simulators.v2g.pki import CertificateAuthority, TestPki

REQUEST_BYTES_MAX: Final = 4_096
LIFE: Final = timedelta(minutes=10)
CONTENT_TYPE: Final = "application/ocsp-response"


def answer(pki: TestPki, request: bytes, *, at: datetime) -> bytes:
    """The DER answer to a DER question, signed by the certificate's issuer.

    Certificates of the test PKI are not listed: what was not revoked is good.
    """
    try:
        asked = ocsp.load_der_ocsp_request(request)
        algorithm = asked.hash_algorithm
    except (ValueError, NotImplementedError):
        return _unsuccessful(ocsp.OCSPResponseStatus.MALFORMED_REQUEST)
    for authority in pki.authorities.values():
        if _key_hash(authority, algorithm) == asked.issuer_key_hash:
            return _signed(pki, authority, asked, at)
    return _unsuccessful(ocsp.OCSPResponseStatus.UNAUTHORIZED)


def _key_hash(
    authority: CertificateAuthority, algorithm: hashes.HashAlgorithm
) -> bytes:
    certificate = authority.certificate
    builder = ocsp.OCSPRequestBuilder().add_certificate(
        certificate, certificate, algorithm
    )
    return builder.build().issuer_key_hash


def _signed(
    pki: TestPki,
    authority: CertificateAuthority,
    asked: ocsp.OCSPRequest,
    at: datetime,
) -> bytes:
    revoked_at = pki.revoked.get(asked.serial_number)
    is_revoked = revoked_at is not None
    built = ocsp.OCSPResponseBuilder().add_response_by_hash(
        issuer_name_hash=asked.issuer_name_hash,
        issuer_key_hash=asked.issuer_key_hash,
        serial_number=asked.serial_number,
        algorithm=asked.hash_algorithm,
        cert_status=(
            ocsp.OCSPCertStatus.REVOKED if is_revoked else ocsp.OCSPCertStatus.GOOD
        ),
        this_update=at - timedelta(seconds=1),
        next_update=at + LIFE,
        revocation_time=revoked_at,
        revocation_reason=x509.ReasonFlags.key_compromise if is_revoked else None,
    )
    # Who only has the hashes finds the way to the root in the answer.
    signed = (
        built.responder_id(ocsp.OCSPResponderEncoding.HASH, authority.certificate)
        .certificates([authority.certificate, *authority.chain[1:]])
        .sign(authority.key, hashes.SHA256())
    )
    return signed.public_bytes(serialization.Encoding.DER)


def _unsuccessful(status: ocsp.OCSPResponseStatus) -> bytes:
    built = ocsp.OCSPResponseBuilder.build_unsuccessful(status)
    return built.public_bytes(serialization.Encoding.DER)


class OcspResponder:
    """Answers on a port of its own thread; usable in a ``with`` statement.

    ``asked`` counts the questions. ``answer_with``, when set, makes the answers
    instead (for responders that lie or break).
    """

    def __init__(
        self, load: Callable[[], TestPki], *, host: str = "127.0.0.1", port: int = 0
    ) -> None:
        """Listen; ``load`` gives the PKI anew for each question."""
        self.asked = 0
        self.answer_with: Callable[[bytes], bytes] | None = None
        self._load = load
        self._server = ThreadingHTTPServer((host, port), self._handler())
        self._thread = Thread(target=self._server.serve_forever, daemon=True)

    @property
    def url(self) -> str:
        """Its address."""
        host, port = self._server.server_address[:2]
        return f"http://{host!s}:{port}/ocsp"

    def __enter__(self) -> Self:
        """Begin to answer."""
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        """Stop answering."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def serve_forever(self) -> None:
        """Answer until interrupted."""
        self._server.serve_forever()

    def _respond(self, request: bytes) -> bytes:
        self.asked += 1
        if self.answer_with is not None:
            return self.answer_with(request)
        return answer(self._load(), request, at=datetime.now(UTC))

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        responder = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                body = self.rfile.read(min(length, REQUEST_BYTES_MAX))
                told = responder._respond(body)
                self.send_response(200)
                self.send_header("Content-Type", CONTENT_TYPE)
                self.send_header("Content-Length", str(len(told)))
                self.end_headers()
                self.wfile.write(told)

            def log_message(self, *_arguments: object) -> None:
                """Say nothing: the simulator has its own words."""

        return Handler
