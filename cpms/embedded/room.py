"""The folder of one embedded server: locks, state, secrets, log, and its place.

``<home>/<service>/`` belongs to whoever started the server::

    starting.lock    held while somebody starts the server
    users.lock       held shared by every process that uses the server
    supervisor.lock  held by the supervisor for as long as it lives
    state.json       what runs now: process ids, port, place (no secret)
    secrets.json     generated passwords, mode 0600
    server.log       the supervisor's and the server's words, bounded
    place/           the server's own files, owned by the server's account

When the server's account cannot enter the room (root's checkout below a folder
like ``/root``), ``place`` is a private folder with a random name elsewhere, and
the file ``place.path`` names it. Permissions of folders that existed before are
never changed.
"""

import contextlib
import json
import os
import secrets
import shutil
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cpms.embedded.accounts import Account, can_reach

STATE_LIB = Path("/var/lib/cpms-embedded")
TEMPORARY = Path("/var/tmp")  # noqa: S108 - mkdtemp makes a private folder in it
SECRET_BYTES = 24
READY, RESTARTING, FAILED = "ready", "restarting", "failed"


class UnableToUseHome(Exception):
    """The home folder cannot hold the servers' files."""


@dataclass(frozen=True)
class State:
    """What the supervisor last said.

    Attributes:
        status: ``ready``, ``restarting`` or ``failed``.
        supervisor_pid: process id of the supervisor.
        server_pid: process id of the server, 0 while it is down.
        port: TCP port on 127.0.0.1.
        place: folder of the server's own files.
        restarts: how often the server had to be started again.
    """

    status: str
    supervisor_pid: int
    server_pid: int
    port: int
    place: str
    restarts: int = 0


@dataclass(frozen=True)
class Room:
    """Paths and small files of one server of one home."""

    home: Path
    service: str

    @property
    def folder(self) -> Path:
        """Where the small files live."""
        return self.home / self.service

    @property
    def starting_lock(self) -> Path:
        """Held while somebody starts the server."""
        return self.folder / "starting.lock"

    @property
    def users_lock(self) -> Path:
        """Held shared by every user."""
        return self.folder / "users.lock"

    @property
    def supervisor_lock(self) -> Path:
        """Held by the living supervisor."""
        return self.folder / "supervisor.lock"

    @property
    def log(self) -> Path:
        """The server's and the supervisor's log."""
        return self.folder / "server.log"

    def create(self) -> None:
        """Make the folders that are missing.

        Root's folders may be passed through by the server's account (0711), not
        listed; everybody else's are private.
        """
        mode = 0o711 if os.geteuid() == 0 else 0o700
        for folder in (self.home, self.folder):
            try:
                with contextlib.suppress(FileExistsError):
                    folder.mkdir(parents=True)
                    folder.chmod(mode)
                owner = folder.stat().st_uid
            except OSError as error:
                raise UnableToUseHome(
                    f"{folder} cannot be made: {error}. "
                    "Give another home, or set DATABASE_URL and REDIS_URL."
                ) from error
            if owner != os.geteuid():
                raise UnableToUseHome(
                    f"{folder} belongs to user {owner}, this is user {os.geteuid()}: "
                    "give another home, or set DATABASE_URL and REDIS_URL."
                )

    def read_state(self) -> State | None:
        """The supervisor's last words, or None."""
        values: dict[str, Any] = self._read("state.json")
        try:
            return State(**values)
        except TypeError:  # nothing, or another version's words
            return None

    def write_state(self, state: State) -> None:
        """Replace the state in one step."""
        self._write("state.json", asdict(state))

    def clear_state(self) -> None:
        """Say that nothing runs."""
        (self.folder / "state.json").unlink(missing_ok=True)

    def secrets(self, names: tuple[str, ...]) -> dict[str, str]:
        """The generated passwords, made on first use; one for each of ``names``."""
        known = self._read("secrets.json")
        missing = [name for name in names if not known.get(name)]
        if missing:
            known |= {name: secrets.token_urlsafe(SECRET_BYTES) for name in missing}
            self._write("secrets.json", known)
        return {name: known[name] for name in names}

    def remembered_port(self) -> int | None:
        """The port used last, to keep addresses stable from start to start."""
        with contextlib.suppress(OSError, ValueError):
            return int((self.folder / "port").read_text())
        return None

    def remember_port(self, port: int) -> None:
        """Keep the port for the next start."""
        (self.folder / "port").write_text(f"{port}\n")

    def place(self, account: Account) -> Path:
        """The folder for the server's own files, owned by ``account``.

        Made on first use; a remembered place that vanished is made anew.
        """
        known = self.known_place()
        if known is not None:
            return known
        inside = self.folder / "place"
        if can_reach_through(account, self.folder):
            inside.mkdir(mode=0o700, exist_ok=True)
            os.chown(inside, account.uid, account.gid)
            return inside
        place = _private_folder(account)
        self._note.write_text(f"{place}\n")
        os.chown(place, account.uid, account.gid)
        return place

    def known_place(self) -> Path | None:
        """The place that exists already, or None."""
        inside = self.folder / "place"
        if inside.is_dir():
            return inside
        with contextlib.suppress(OSError):
            remembered = Path(self._note.read_text().strip())
            if remembered.is_dir() and not remembered.is_symlink():
                return remembered
        return None

    def discard(self) -> None:
        """Delete the room with everything the server stored."""
        place = self.known_place()
        if place is not None:
            shutil.rmtree(place)
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def _note(self) -> Path:
        return self.folder / "place.path"

    def _read(self, name: str) -> dict[str, Any]:
        try:
            values = json.loads((self.folder / name).read_text())
        except (OSError, ValueError):
            return {}
        return values if isinstance(values, dict) else {}

    def _write(self, name: str, values: dict[str, Any]) -> None:
        path = self.folder / name
        new = path.with_suffix(f".{os.getpid()}")
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump(values, file)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)


def can_reach_through(account: Account, folder: Path) -> bool:
    """Tell whether ``account`` may pass through ``folder`` and all above it."""
    probe = Path(tempfile.mkdtemp(prefix=".reach-", dir=folder))
    try:
        os.chown(probe, account.uid, account.gid)
        return can_reach(account, probe)
    finally:
        probe.rmdir()


def _private_folder(account: Account) -> Path:
    """A new private folder outside the checkout, where ``account`` can reach it.

    ``/var/lib/cpms-embedded`` first: what ages in ``/var/tmp`` may be cleaned away
    file by file, which a database does not survive.
    """
    with contextlib.suppress(OSError):
        STATE_LIB.mkdir()
        STATE_LIB.chmod(0o755)
    refusals = []
    for parent in (STATE_LIB, TEMPORARY):
        try:
            folder = Path(tempfile.mkdtemp(prefix="cpms-", dir=parent))
        except OSError as error:
            refusals.append(str(error))
            continue
        if can_reach_through(account, folder.parent):
            return folder
        folder.rmdir()
        refusals.append(f"{parent} is closed to user {account.uid}")
    raise UnableToUseHome(
        f"No folder for the servers' files: {'; '.join(refusals)}. "
        "Move the checkout where every user may pass, "
        "or set DATABASE_URL and REDIS_URL."
    )
