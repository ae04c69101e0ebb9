"""The embedded PostgreSQL: cluster, roles, settings."""

import hashlib
import os
import shutil
import signal
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from cpms.embedded.accounts import Account, processes_in
from cpms.embedded.processes import Program, end_all, run
from cpms.embedded.programs import Programs, postgres_programs, reachable
from cpms.embedded.room import Room

SERVICE = "postgres"
DATABASE = "cpms"
SUPERUSER, OWNER, APP, SYSTEM = "postgres", "cpms_owner", "cpms_app", "cpms_system"
ROLES = (SUPERUSER, OWNER, APP, SYSTEM)
INIT_TIMEOUT_S = 120.0
# SIGINT is PostgreSQL's fast shutdown, SIGQUIT its immediate one.
STOP_LADDER = ((signal.SIGINT, 15.0), (signal.SIGQUIT, 5.0))
ORPHANS_LADDER = ((signal.SIGQUIT, 1.0),)

# Suited to development and tests, and as durable as production: what the project
# promises about acknowledged messages must hold here too.
SETTINGS = """\
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
max_connections = 200
password_encryption = 'scram-sha-256'
shared_buffers = 128MB
effective_cache_size = 1GB
random_page_cost = 1.1
max_locks_per_transaction = 256
fsync = on
full_page_writes = on
synchronous_commit = on
wal_level = replica
min_wal_size = 128MB
max_wal_size = 1GB
checkpoint_timeout = 15min
timezone = 'UTC'
log_timezone = 'UTC'
log_line_prefix = '%m [%p] %q%u@%d '
log_lock_waits = on
log_checkpoints = off
logging_collector = off
"""
HOST_RULES = "host all all 127.0.0.1/32 scram-sha-256\n"


@dataclass(frozen=True)
class PostgresUrls:
    """Addresses of the database ``cpms``, one for each role.

    Attributes:
        owner: runs migrations, may create databases; may ``SET ROLE`` to the
            other two, but does not inherit what they may do.
        app: web processes; row level security holds it.
        system: gateway and workers; passes row level security.
        superuser: for faults and backups only; nothing in the project runs as it.
    """

    owner: str
    app: str
    system: str
    superuser: str


def urls(passwords: dict[str, str], port: int) -> PostgresUrls:
    """The addresses for a server on ``port``."""

    def url(role: str) -> str:
        return f"postgresql://{role}:{passwords[role]}@127.0.0.1:{port}/{DATABASE}"

    return PostgresUrls(url(OWNER), url(APP), url(SYSTEM), url(SUPERUSER))


@dataclass(frozen=True)
class PostgresServer:
    """How the supervisor runs PostgreSQL."""

    room: Room
    account: Account

    service = SERVICE
    # The supervisor died: fast shutdown, so that nothing stays behind.
    death_signal = signal.SIGINT
    stop_ladder = STOP_LADDER

    @cached_property
    def _place(self) -> Path:
        return self.room.place(self.account)

    @cached_property
    def _programs(self) -> Programs:
        programs = postgres_programs()
        programs.check()
        return reachable(programs, self.account, self._place)

    @property
    def _data(self) -> Path:
        return self._place / "data"

    def prepare(self) -> None:
        """End what an earlier server left; make the cluster when there is none."""
        self._end_survivors()
        passwords = self.room.secrets(ROLES)
        if not self._data.exists():
            self._create_cluster(passwords)
        self._write(self._data / "cpms.conf", SETTINGS)
        self._write(self._data / "pg_hba.conf", HOST_RULES)
        if self._digest.read_text() != _digest(passwords):
            # The secrets were lost or new roles came with an update.
            self._single_user(self._data, roles_sql(passwords))
            self._write(self._digest, _digest(passwords))

    def program(self, port: int) -> Program:
        """The server on ``port``."""
        arguments = (str(self._programs.path), "-D", str(self._data), "-p", str(port))
        return Program(arguments, self._data)

    def is_ready(self, pid: int, _port: int) -> bool:
        """Whether the server says so in its pid file (as ``pg_ctl`` looks)."""
        lines = self._pid_file_lines()
        return len(lines) > 7 and lines[0] == str(pid) and lines[7].strip() == "ready"

    def _pid_file_lines(self) -> list[str]:
        """The pid file's lines; one empty line when there is none."""
        try:
            return (self._data / "postmaster.pid").read_text().splitlines() or [""]
        except OSError:
            return [""]

    @property
    def _digest(self) -> Path:
        return self._place / "roles.digest"

    def _end_survivors(self) -> None:
        if not self._data.exists():
            return
        survivors = processes_in(self.account, self._data)
        # A postmaster ends its own; what outlived its postmaster has nothing to save.
        headed = any(str(pid) == self._pid_file_lines()[0] for pid in survivors)
        end_all(
            lambda: processes_in(self.account, self._data),
            STOP_LADDER if headed else ORPHANS_LADDER,
        )
        # Its process id may be somebody else's by now, which would make the
        # server refuse to start.
        (self._data / "postmaster.pid").unlink(missing_ok=True)

    def _create_cluster(self, passwords: dict[str, str]) -> None:
        """Make cluster, roles and database aside, then put all in place at once."""
        new = self._place / "data.new"
        shutil.rmtree(new, ignore_errors=True)
        initdb = self._programs.path.with_name("initdb")
        arguments = (
            *(str(initdb), "-D", str(new), "-U", SUPERUSER),
            # The builtin provider sorts by code point, the same on every machine,
            # and needs no locale of the operating system.
            *("--encoding=UTF8", "--no-locale"),
            *("--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
            *("--auth=reject", "--no-instructions"),
        )
        run(
            Program(arguments, self._place),
            account=self.account,
            timeout_s=INIT_TIMEOUT_S,
        )
        with (new / "postgresql.conf").open("a") as file:
            file.write("include_if_exists = 'cpms.conf'\n")
        self._single_user(new, f"{roles_sql(passwords)}{database_sql()}")
        self._write(self._digest, _digest(passwords))
        new.rename(self._data)

    def _single_user(self, data: Path, sql: str) -> None:
        """Run one statement a line, without a server and without any password.

        Statements of errors are not logged: they hold passwords.
        """
        arguments = (
            *(str(self._programs.path), "--single", "-D", str(data)),
            *("-c", "exit_on_error=on", "-c", "log_min_error_statement=panic"),
            SUPERUSER,
        )
        run(
            Program(arguments, data, text=sql),
            account=self.account,
            timeout_s=INIT_TIMEOUT_S,
        )

    def _write(self, path: Path, text: str) -> None:
        path.write_text(text)
        path.chmod(0o600)
        os.chown(path, self.account.uid, self.account.gid)


def roles_sql(passwords: dict[str, str]) -> str:
    """Statements, one a line, that bring the roles to where they should be."""
    powers = {
        OWNER: "NOSUPERUSER CREATEDB NOCREATEROLE NOBYPASSRLS",
        APP: "NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS",
        SYSTEM: "NOSUPERUSER NOCREATEDB NOCREATEROLE BYPASSRLS",
    }
    lines = [f"ALTER ROLE {SUPERUSER} PASSWORD '{passwords[SUPERUSER]}';"]
    for role, power in powers.items():
        exists = f"SELECT FROM pg_roles WHERE rolname = '{role}'"
        create = f"IF NOT EXISTS ({exists}) THEN CREATE ROLE {role}; END IF;"
        lines += [
            f"DO $do$ BEGIN {create} END $do$;",
            f"ALTER ROLE {role} LOGIN {power} PASSWORD '{passwords[role]}';",
        ]
    # Tests step down from the owner; what the two may do never leaks upwards.
    lines.append(f"GRANT {APP}, {SYSTEM} TO {OWNER} WITH INHERIT FALSE, SET TRUE;")
    return "".join(f"{line}\n" for line in lines)


def database_sql() -> str:
    """Statements, one a line, that make the database; for a new cluster only."""
    return (
        f"CREATE DATABASE {DATABASE} OWNER {OWNER};\n"
        f"REVOKE ALL ON DATABASE {DATABASE} FROM PUBLIC;\n"
        f"GRANT CONNECT, TEMPORARY ON DATABASE {DATABASE} TO {APP}, {SYSTEM};\n"
    )


def _digest(passwords: dict[str, str]) -> str:
    return hashlib.sha256(roles_sql(passwords).encode()).hexdigest()
