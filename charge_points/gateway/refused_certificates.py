"""Client certificates that TLS itself refuses: whose they claim to be (ADR 14).

OpenSSL checks issuer, validity and purpose, and ends the handshake before any charge
point is known; the standard library then has no certificate to show. So the next
handshake of an address whose certificate was refused is made with a context that checks
the same and also shows what the client sends. What stands in a refused certificate
proves nothing: it only names the charge point whose operator should look.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final, TypeVar

from charge_points.gateway.addresses import is_identity
from charge_points.gateway.client_certificates import names_in
from charge_points.gateway.doors import Breach, Doors
from charge_points.gateway.exchange import Clock
from charge_points.gateway.jobs import Kind
from charge_points.handlers.dispatch import run_set
from charge_points.services.security_kinds import CLIENT_CERTIFICATE_REFUSED

if TYPE_CHECKING:
    from charge_points.gateway.writer import Writer

Key = TypeVar("Key")

logger = logging.getLogger(__name__)

REFUSED_RANK: Final = 35
# Addresses whose next handshake is looked at; the oldest is forgotten.
SUSPECTS_MAX: Final = 10_000
# How long an address is looked at after its last refusal: stations back off.
SUSPECT_S: Final = 3_600.0
# Handshakes that are looked at together; each reads the TLS files.
WITNESSES_MAX: Final = 8
# The same refusal of the same charge point is told once in this time.
TOLD_AGAIN_S: Final = 600.0
TOLD_MAX: Final = 10_000


@dataclass(frozen=True, slots=True)
class Refusal:
    """A handshake that ended by the client's certificate, with the names in it."""

    names: tuple[str, ...]
    reason: str
    remote: str
    at: datetime


class RefusedCertificates:
    """Who is looked at, and the way of what was seen to the operator."""

    def __init__(self, doors: Doors, writer: "Writer", clock: Clock) -> None:
        """``doors`` name the charge points and take the events."""
        self._doors = doors
        self._writer = writer
        self._clock = clock
        self._suspects: OrderedDict[str, float] = OrderedDict()
        self._told: OrderedDict[tuple[str, str], float] = OrderedDict()
        self._witnesses = 0
        self._kind = Kind("refused certificates", self._execute, _lost, REFUSED_RANK)

    def is_suspect(self, remote: str) -> bool:
        """Whether the next handshake of an address is looked at."""
        now = asyncio.get_running_loop().time()
        since = self._suspects.get(remote)
        if since is not None and now - since > SUSPECT_S:
            del self._suspects[remote]
            return False
        return since is not None and self._witnesses < WITNESSES_MAX

    def begin(self) -> None:
        """One more handshake is looked at."""
        self._witnesses += 1

    def end(self) -> None:
        """One less."""
        self._witnesses -= 1

    def refused(self, remote: str, reason: str, leaf: bytes) -> None:
        """A certificate was refused; ``leaf`` is empty when nobody looked."""
        now = asyncio.get_running_loop().time()
        _keep(self._suspects, remote, now, SUSPECTS_MAX)
        names = tuple(name for name in names_in(leaf) if is_identity(name))
        if not names or self._was_told(names[0], reason, now):
            return
        item = Refusal(names, reason, remote, self._clock())
        self._writer.submit(self._kind, item, _nothing)

    def _was_told(self, name: str, reason: str, now: float) -> bool:
        key = (name, reason)
        before = self._told.get(key)
        if before is not None and now - before < TOLD_AGAIN_S:
            return True
        _keep(self._told, key, now, TOLD_MAX)
        return False

    def _execute(self, refusals: Sequence[Refusal]) -> list[None]:
        return run_set(self._report, refusals, _lost)

    def _report(self, refusals: Sequence[Refusal]) -> list[None]:
        names = list(dict.fromkeys(n for each in refusals for n in each.names))
        known = self._doors.find_stations(names)
        breaches = []
        for each in refusals:
            # One event a handshake: a certificate with many names raises no storm.
            found = next((known[n] for n in each.names if n in known), None)
            if found is None:
                continue
            breaches.append(
                Breach(
                    charge_point_id=found.charge_point_id,
                    operator_id=found.operator_id,
                    identity=found.identity,
                    reason=f"{each.reason} (the name in it is not proven)",
                    remote=each.remote,
                    at=each.at,
                    kind=CLIENT_CERTIFICATE_REFUSED,
                )
            )
        if breaches:
            self._doors.report_breaches(breaches)
        return [None] * len(refusals)


def _keep(held: OrderedDict[Key, float], key: Key, now: float, most: int) -> None:
    held[key] = now
    held.move_to_end(key)
    while len(held) > most:
        held.popitem(last=False)


def _lost(refusal: Refusal, error: Exception) -> None:
    logger.warning("a refused certificate was not recorded: %s, %s", refusal, error)


def _nothing(_result: object) -> None:
    """Nobody waits for this result."""
