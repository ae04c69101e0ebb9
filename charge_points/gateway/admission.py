"""From an HTTP request to an admitted charge point: one trip through the writer."""

import asyncio
import logging
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from http import HTTPStatus
from typing import Final, cast

from websockets.asyncio.server import ServerConnection
from websockets.datastructures import Headers
from websockets.http11 import Request as HttpRequest, Response
from websockets.typing import Subprotocol

from charge_points.gateway import metrics
from charge_points.gateway.addresses import parse_address
from charge_points.gateway.client_certificates import (
    REVOKED,
    ClientCertificate,
    forwarded_der,
    read,
)
from charge_points.gateway.credentials import parse_basic
from charge_points.gateway.doors import Breach, Doors, Opening
from charge_points.gateway.exchange import Clock
from charge_points.gateway.failures import FailureLimit
from charge_points.gateway.handshake import (
    OFFERED_MAX,
    QUIRK_NO_UPGRADE,
    TOO_MANY_FAILURES,
    UNKNOWN,
    Attempt,
    StationRecord,
    Verdict,
    decide,
)
from charge_points.gateway.jobs import Kind
from charge_points.gateway.limits import Limits
from charge_points.gateway.proxies import ProxyRules
from charge_points.gateway.refused_certificates import RefusedCertificates
from charge_points.gateway.station_socket import StationSocket
from charge_points.gateway.trusting import TrustDesk
from charge_points.gateway.writer import Writer
from charge_points.handlers.dispatch import run_set
from charge_points.handlers.registry import Peer

logger = logging.getLogger(__name__)

UNAVAILABLE: Final = Verdict(
    HTTPStatus.SERVICE_UNAVAILABLE,
    "The gateway cannot take connections at the moment; try again.\n",
    "out of service",
)
FULL: Final = Verdict(
    HTTPStatus.SERVICE_UNAVAILABLE,
    "This gateway process is full; try again.\n",
    "connection limit",
)
ADMISSION_RANK: Final = 0


@dataclass(frozen=True, slots=True)
class Candidate:
    """A handshake on its way through the writer."""

    attempt: Attempt
    connection_id: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Admission:
    """What became of a candidate; ``peer`` only when messages may follow."""

    verdict: Verdict
    peer: Peer | None = None


class AdmissionDesk:
    """Judges candidates set-wise, in the database transaction of a batch."""

    def __init__(
        self,
        doors: Doors,
        *,
        key: bytes,
        node: str,
        repeatable: frozenset[str] = frozenset(),
    ) -> None:
        """``key`` of the password digests; ``repeatable`` actions of commands."""
        self._doors = doors
        self._key = key
        self._node = node
        self._repeatable = repeatable
        self.kind = Kind(
            "admission",
            self._execute,
            self._fail,
            ADMISSION_RANK,
            _identity,
            is_apart=True,
        )

    def _execute(self, candidates: Sequence[Candidate]) -> list[Admission]:
        return run_set(self._admit, candidates, self._fail)

    @staticmethod
    def _fail(candidate: Candidate, error: Exception) -> Admission:
        identity = candidate.attempt.address.identity
        logger.error("the handshake of %s failed", identity, exc_info=error)
        return Admission(UNAVAILABLE)

    def _admit(self, candidates: Sequence[Candidate]) -> list[Admission]:
        records = self._records(candidates)
        verdicts = [
            decide(candidate.attempt, record, self._key)
            for candidate, record in zip(candidates, records, strict=True)
        ]
        judged = list(zip(candidates, records, verdicts, strict=True))
        self._doors_report(judged)
        openings = [
            self._opening(candidate, record, verdict)
            for candidate, record, verdict in judged
            if record is not None and verdict.accepted and verdict.version is not None
        ]
        generations = iter(self._doors.open_connections(openings) if openings else [])
        admissions = [
            self._admission(candidate, record, verdict, generations)
            for candidate, record, verdict in judged
        ]
        if openings:
            ids = [opening.charge_point_id for opening in openings]
            at = candidates[0].at
            self._doors.recover_commands(ids, self._repeatable, at)
        return admissions

    def _records(self, candidates: Sequence[Candidate]) -> list[StationRecord | None]:
        identities = list(dict.fromkeys(map(_identity, candidates)))
        known = dict(self._doors.find_stations(identities))
        for candidate in candidates:
            address = candidate.attempt.address
            if address.identity in known or address.operator_code is None:
                continue
            made = self._doors.onboard(
                address.operator_code, address.identity, candidate.at
            )
            if made is not None:
                known[address.identity] = made
        return [known.get(_identity(candidate)) for candidate in candidates]

    def _doors_report(
        self, judged: Sequence[tuple[Candidate, StationRecord | None, Verdict]]
    ) -> None:
        breaches = [
            Breach(
                charge_point_id=record.charge_point_id,
                operator_id=record.operator_id,
                identity=record.identity,
                reason=verdict.reason,
                remote=candidate.attempt.remote,
                at=candidate.at,
            )
            for candidate, record, verdict in judged
            if record is not None and verdict.is_breach
        ]
        if breaches:
            self._doors.report_breaches(breaches)

    def _opening(
        self, candidate: Candidate, record: StationRecord, verdict: Verdict
    ) -> Opening:
        return Opening(
            charge_point_id=record.charge_point_id,
            operator_id=record.operator_id,
            identity=record.identity,
            version=verdict.version or "",
            node=self._node,
            remote=candidate.attempt.remote,
            connection_id=candidate.connection_id,
            security_profile=verdict.security_profile,
            at=candidate.at,
            raises_profile=verdict.security_profile != record.security_profile,
            uses_new_password=verdict.uses_new_password,
        )

    @staticmethod
    def _admission(
        candidate: Candidate,
        record: StationRecord | None,
        verdict: Verdict,
        generations: Iterator[int],
    ) -> Admission:
        if record is None or not verdict.accepted or verdict.version is None:
            return Admission(verdict)
        peer = Peer(
            charge_point_id=record.charge_point_id,
            identity=record.identity,
            operator_id=record.operator_id,
            version=verdict.version,
            generation=next(generations),
            registration=record.registration,
            connection_id=candidate.connection_id,
        )
        return Admission(verdict, peer)


def _identity(candidate: Candidate) -> str:
    return candidate.attempt.address.identity


@dataclass(frozen=True, slots=True)
class Reception:
    """The gateway's side of the handshake callbacks of ``websockets``.

    ``admit(socket, admission)`` is called for an accepted charge point; it returns
    False when the process is full.
    """

    desk: AdmissionDesk
    writer: Writer
    limits: Limits
    failures: FailureLimit
    clock: Clock
    proxies: ProxyRules
    trust: TrustDesk
    refused: RefusedCertificates
    admit: Callable[[StationSocket, Admission], bool]

    async def process_request(
        self, server_connection: ServerConnection, request: HttpRequest
    ) -> Response | None:
        """Decide on a handshake; None lets it go on."""
        connection = cast("StationSocket", server_connection)
        quirks = _repair(request.headers)
        if not _is_upgrade(request.headers):
            return None
        verdict = await self._judge(connection, request, quirks)
        metrics.HANDSHAKES.labels(str(int(verdict.status))).inc()
        if verdict.accepted:
            connection.verdict = verdict
            return None
        # Who has to wait was logged often enough. Some put secrets into the query.
        level = logging.DEBUG if verdict is TOO_MANY_FAILURES else logging.INFO
        logger.log(
            level,
            "handshake refused: %s, from %s, %d: %s",
            request.path.partition("?")[0][:100],
            connection.remote_host,
            verdict.status,
            verdict.reason,
        )
        response = connection.respond(verdict.status, verdict.text)
        if verdict.status is HTTPStatus.UNAUTHORIZED:
            response.headers["WWW-Authenticate"] = 'Basic realm="OCPP"'
        return response

    async def _judge(
        self, connection: StationSocket, request: HttpRequest, quirks: tuple[str, ...]
    ) -> Verdict:
        address = parse_address(request.path)
        remote, is_tls = self._origin(connection, request.headers)
        now = asyncio.get_running_loop().time()
        if self.failures.is_blocked(remote, now):
            return TOO_MANY_FAILURES
        if address is None:
            self.failures.note(remote, now)
            return UNKNOWN
        presented = self._presented(connection, request.headers)
        if presented is not None and not self.trust.is_known:
            return UNAVAILABLE
        certificate = presented or ClientCertificate()
        attempt = Attempt(
            address=address,
            remote=remote,
            offered=_offered(request.headers),
            credentials=parse_basic(_first(request.headers, "Authorization")),
            is_tls=is_tls,
            certificate_names=certificate.names,
            certificate_fault=certificate.fault,
            quirks=quirks,
        )
        candidate = Candidate(attempt, uuid.uuid4().hex, self.clock())
        admission: Admission = await self.writer.call(self.desk.kind, candidate)
        verdict = admission.verdict
        if admission.peer is not None:
            self.failures.forgive(remote)
            connection.certificate_serial = certificate.serial_number
            connection.certificate_issuer = certificate.issuer
            return verdict if self.admit(connection, admission) else FULL
        if not verdict.accepted and verdict is not UNAVAILABLE:
            self.failures.note(remote, now)
        return verdict

    def _origin(self, connection: StationSocket, headers: Headers) -> tuple[str, bool]:
        """Who connects, and whether by TLS; a proxy's word counts only if trusted."""
        remote, is_tls = connection.remote_host, connection.is_tls
        if not self._believes_headers(connection):
            return remote, is_tls
        forwarded = _first(headers, "X-Forwarded-For") or remote
        scheme = _first(headers, "X-Forwarded-Proto") or ""
        # The last entry is the one that the trusted proxy wrote itself.
        origin = forwarded.rsplit(",", 1)[-1].strip()[:64]
        return origin, is_tls or scheme.strip().lower() in {"https", "wss"}

    def _believes_headers(self, connection: StationSocket) -> bool:
        """Behind a balancer that speaks PROXY, headers are the client's own words."""
        rules = self.proxies
        return not rules.speaks_proxy_protocol and rules.is_balancer(
            connection.remote_host
        )

    def _presented(
        self, connection: StationSocket, headers: Headers
    ) -> ClientCertificate | None:
        """The client certificate of this TLS, or of one that ended at a balancer."""
        der, is_verified = connection.client_certificate, True
        name = self.proxies.certificate_header
        if der is None and name and self._believes_headers(connection):
            der, is_verified = forwarded_der(headers.get_all(name)), False
        if der is None:
            return None
        found = read(der, self.trust.issuers, at=self.clock(), is_verified=is_verified)
        if not found.fault and self.trust.is_revoked(found.serial_number):
            return replace(found, fault=REVOKED)
        return found

    @staticmethod
    def select_subprotocol(
        connection: ServerConnection, _offered: Sequence[Subprotocol]
    ) -> Subprotocol | None:
        """Name what the verdict chose; no header when it chose nothing."""
        verdict = cast("StationSocket", connection).verdict
        if verdict is None or verdict.subprotocol is None:
            return None
        return cast("Subprotocol", verdict.subprotocol)


def _first(headers: Headers, name: str) -> str | None:
    values = headers.get_all(name)
    return values[0] if values else None


def _tokens(headers: Headers, name: str) -> list[str]:
    text = ",".join(headers.get_all(name))
    return [token.strip() for token in text.split(",") if token.strip()]


def _offered(headers: Headers) -> tuple[str, ...]:
    return tuple(_tokens(headers, "Sec-WebSocket-Protocol")[:OFFERED_MAX])


def _is_upgrade(headers: Headers) -> bool:
    """Whether this is a websocket handshake at all; if not, nothing is looked up."""
    return bool(_tokens(headers, "Upgrade")) and bool(
        _first(headers, "Sec-WebSocket-Key")
    )


def _repair(headers: Headers) -> tuple[str, ...]:
    """Some stations send ``Upgrade: websocket`` with another ``Connection``."""
    connection = [token.lower() for token in _tokens(headers, "Connection")]
    if "upgrade" in connection or not _is_upgrade(headers):
        return ()
    if connection:
        del headers["Connection"]
    headers["Connection"] = "Upgrade"
    return (QUIRK_NO_UPGRADE,)
