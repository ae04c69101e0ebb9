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
)
from charge_points.gateway.doors import Doors
from charge_points.gateway.jobs import Kind
from charge_points.gateway.limits import Limits
from charge_points.gateway.tls import TlsKeeper, read_issuers

if TYPE_CHECKING:
    from charge_points.gateway.writer import Writer

logger = logging.getLogger(__name__)

TRUST_RANK: Final = 6


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

    @property
    def is_known(self) -> bool:
        """Whether the database has said who is trusted."""
        return self._trust is not None

    @property
    def issuers(self) -> Issuers:
        """Who may issue certificates of charge points."""
        return self._keepers[0].issuers if self._keepers else self._issuers

    def is_revoked(self, serial_number: str) -> bool:
        """Whether a certificate (serial number, hexadecimal) was taken back."""
        return self._trust is not None and serial_number in self._trust.revoked

    def wake(self, _payload: str) -> None:
        """Something was revoked, or there is a new CA."""
        self._wanted.set()

    def reload(self) -> None:
        """Read the TLS files again (SIGHUP)."""
        for keeper in self._keepers:
            keeper.reload()

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
            await asyncio.sleep(self._limits.tls_files_poll_s)
            for keeper in self._keepers:
                keeper.reload_if_changed()

    async def refresh(self) -> None:
        """Ask the database once; a database that is away changes nothing."""
        trust: Trust | None = await self._writer.call(self._kind, None)
        if trust is None or trust == self._trust:
            return
        self._trust = trust
        for keeper in self._keepers:
            keeper.adopt(trust)
        own = "\n".join(trust.authorities).encode()
        self._issuers = Issuers(
            certificates_in(own) if own else (), self._issuers.foreign
        )
        self._on_change()

    def _read(self, items: Sequence[None]) -> list[Trust]:
        return [self._doors.trust()] * len(items)


def _unknown(_item: None, error: Exception) -> None:
    logger.warning("who is trusted could not be read, what was known counts: %s", error)
