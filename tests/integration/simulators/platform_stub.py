"""A small HTTP platform: keys, claims, and whatever a test answers."""

import json
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

from simulators.rest import RestClient

LIFETIME_S = 180


@dataclass
class Request:
    method: str
    path: str
    query: str
    headers: dict
    body: object


@dataclass
class PlatformStub:
    """Answers from `answers[(method, path)]`: (status, body); keeps what came."""

    url: str = ""
    requests: list = field(default_factory=list)
    answers: dict = field(default_factory=dict)
    vehicles: dict = field(default_factory=dict)
    used_proofs: set = field(default_factory=set)
    key: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )

    @property
    def api(self):
        return RestClient(base_url=self.url, timeout_s=5)

    def certificate(self, station="CP1", *, jti="HASH", lifetime_s=LIFETIME_S):
        now = int(datetime.now(tz=UTC).timestamp())
        content = {
            "jti": jti,
            "iss": self.url,
            "sub": station,
            "evse": 1,
            "connector": 1,
            "rid": "R",
            "iat": now,
            "exp": now + lifetime_s,
        }
        return jwt.encode(content, self.key, "ES256", headers={"kid": "K1"})

    def enrol(self, key):
        self.vehicles[key.fingerprint] = key.public_pem

    def answer(self, request):
        given = self.answers.get((request.method, request.path))
        if given is not None:
            return given
        if request.path == "/.well-known/jwks.json":
            return 200, {"keys": [self._jwk()]}
        if request.path == "/api/v1/charging-certificates/claim":
            return self._claim(request.body)
        return 404, {"code": "not_found", "detail": request.path}

    def _jwk(self):
        jwk = ECAlgorithm.to_jwk(self.key.public_key(), as_dict=True)
        return {**jwk, "kid": "K1", "use": "sig", "alg": "ES256"}

    def _claim(self, body):
        certificate = jwt.decode(
            body["certificate"], self.key.public_key(), algorithms=["ES256"]
        )
        kid = jwt.get_unverified_header(body["proof"])["kid"]
        try:
            proof = jwt.decode(body["proof"], self.vehicles[kid], algorithms=["ES256"])
        except jwt.PyJWTError:
            return 403, {"code": "proof_invalid", "detail": "bad signature"}
        if proof["jti"] in self.used_proofs:
            return 409, {"code": "proof_replayed", "detail": "used"}
        if proof["station"] != certificate["sub"]:
            return 403, {"code": "station_mismatch", "detail": "elsewhere"}
        self.used_proofs.add(proof["jti"])
        return 201, {"order": "A" * 20, "state": "CREATED", "charge_point": "CP1"}


@contextmanager
def platform_stub():
    stub = PlatformStub()

    class Handler(BaseHTTPRequestHandler):
        def work(self):
            size = int(self.headers.get("Content-Length") or 0)
            text = self.rfile.read(size)
            parts = urlsplit(self.path)
            request = Request(
                self.command,
                parts.path,
                parts.query,
                dict(self.headers),
                json.loads(text) if text else None,
            )
            stub.requests.append(request)
            status, body = stub.answer(request)
            content = body if isinstance(body, bytes) else json.dumps(body).encode()
            content = b"" if body is None else content
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_DELETE = work  # noqa: N815 - the base class's names

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(
        target=server.serve_forever, kwargs={"poll_interval": 0.01}
    )
    thread.start()
    stub.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield stub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
