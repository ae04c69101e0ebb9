"""Who may issue certificates and which count no more: in memory, refreshed."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from charge_points.gateway.client_certificates import (
    Issuers,
    Trust,
    certificates_in,
    revoked_by_fetched,
)
from charge_points.gateway.doors import Doors
from charge_points.gateway.jobs import Kind
from charge_points.gateway.limits import Limits
from charge_points.gateway.tls import TlsKeeper, read_issuers
from charge_points.services.revocation_lists import ListFacts

if TYPE_CHECKING:
    from charge_points.gateway.writer import Writer

logger = logging.getLogger(__name__)

TRUST_RANK: Final = 6
LISTS_RANK: Final = 36
# How often the age of the lists in files is told when nothing changed.
LISTS_REPORT_S: Final = 3_600.0


class TrustDesk:
    """Keeps ``Trust`` as young as the poll interval, younger by wake-ups.

    ``on_change`` is called when something was revoked. Until the first answer of the
    database nothing is known, and no certificate is accepted.
    """

    def __init__(
        self,
        doors: Doors,
        writer: "Writer",
        limits: Limits,
        *,
        keepers: Iterable[TlsKeeper],
        client_ca: Path | None,
        on_change: Callable[[], None],
    ) -> None:
        """``keepers``: the TLS contexts that trust the built-in CA.

        ``client_ca`` counts where TLS ends at a balancer and there is no keeper.
        """
        self._doors = doors
        self._writer = writer
        self._limits = limits
        self._keepers = list(dict.fromkeys(keepers))
        self._client_ca = client_ca
        self._issuers = Issuers((), read_issuers(client_ca))
        self._on_change = on_change
        self._trust: Trust | None = None
        self._wanted = asyncio.Event()
        self._kind = Kind("read trust", self._read, _unknown, TRUST_RANK)
        self._lists_kind = Kind("report lists", self._tell, _untold, LISTS_RANK)
        self._reported: list[ListFacts] = []
        self._report_at = 0.0

    @property
    def is_known(self) -> bool:
        """Whether the database has said who is trusted."""
        return self._trust is not None

    @property
    def issuers(self) -> Issuers:
        """Who may issue certificates of charge points."""
        return self._keepers[0].issuers if self._keepers else self._issuers

    def is_revoked(self, serial_number: str, issuer: bytes = b"") -> bool:
        """Whether a certificate (serial number, hexadecimal) was taken back.

        ``issuer``: its name (DER), for lists of other CAs than the built-in one.
        """
        if self._trust is not None and serial_number in self._trust.revoked:
            return True
        return (issuer, int(serial_number or "0", 16)) in self.issuers.revoked

    def wake(self, _payload: str) -> None:
        """Something was revoked, or there is a new CA."""
        self._wanted.set()

    def reload(self) -> None:
        """Read the TLS files again (SIGHUP)."""
        for keeper in self._keepers:
            keeper.reload()
        self._on_change()

    async def run(self) -> None:
        """Refresh for ever; wake-ups only make it earlier."""
        while True:
            self._wanted.clear()
            await self.refresh()
            pause_s = self._limits.trust_poll_s if self.is_known else 1.0
            try:
                async with asyncio.timeout(pause_s):
                    await self._wanted.wait()
            except TimeoutError:
                continue

    async def watch_files(self) -> None:
        """Reload TLS files when they change."""
        while True:
            self._report_lists()
            await asyncio.sleep(self._limits.tls_files_poll_s)
            changed = [keeper.reload_if_changed() for keeper in self._keepers]
            if any(changed):
                self._on_change()

    def _report_lists(self) -> None:
        """Tell how old the lists in files are: when they change, and each hour."""
        lists = [found for keeper in self._keepers for found in keeper.lists()]
        now = asyncio.get_running_loop().time()
        if (not lists and not self._reported) or (
            lists == self._reported and now < self._report_at
        ):
            return
        self._reported, self._report_at = lists, now + LISTS_REPORT_S
        self._writer.submit(self._lists_kind, lists, _nothing)

    def _tell(self, items: Sequence[list[ListFacts]]) -> list[None]:
        self._doors.report_lists(items[-1])
        return [None] * len(items)

    async def refresh(self) -> None:
        """Ask the database once; a database that is away changes nothing."""
        trust: Trust | None = await self._writer.call(self._kind, None)
        if trust is None or trust == self._trust:
            return
        self._trust = trust
        for keeper in self._keepers:
            keeper.adopt(trust)
        own = "\n".join(trust.authorities).encode()
        foreign = self._issuers.foreign
        self._issuers = Issuers(
            certificates_in(own) if own else (),
            foreign,
            revoked_by_fetched(trust.lists, foreign),
        )
        self._on_change()

    def _read(self, items: Sequence[None]) -> list[Trust]:
        return [self._doors.trust()] * len(items)


def _unknown(_item: None, error: Exception) -> None:
    logger.warning("who is trusted could not be read, what was known counts: %s", error)


def _untold(_lists: list[ListFacts], error: Exception) -> None:
    logger.warning("how old the revocation lists are was not told: %s", error)


def _nothing(_result: object) -> None:
    """Nobody waits for this result."""
