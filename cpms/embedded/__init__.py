"""PostgreSQL and Valkey from pip wheels, for machines that have neither.

``ensure_postgres(home)`` and ``ensure_valkey(home)`` start the servers of a
checkout unless they run, and give their addresses. The servers belong to the
checkout, not to the process that started them: they stay as long as any process
that asked for them lives, and a minute more. Every process that ends, even by
SIGKILL, gives its lease back; a killed supervisor takes its server along, and the
next ``ensure`` puts everything right.

    python -m cpms.embedded start|stop|status|urls|erase [--home .cpms] [--json]

This package imports nothing of the rest of the project: Django's settings use it.
"""

from cpms.embedded.doors import (
    EmbeddedPostgres,
    EmbeddedValkey,
    PostgresUrls,
    UnableToStart,
    UnableToStop,
    ensure_postgres,
    ensure_valkey,
)
from cpms.embedded.room import UnableToUseHome

__all__ = [
    "EmbeddedPostgres",
    "EmbeddedValkey",
    "PostgresUrls",
    "UnableToStart",
    "UnableToStop",
    "UnableToUseHome",
    "ensure_postgres",
    "ensure_valkey",
]
