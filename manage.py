#!/usr/bin/env python
"""Django's command line for CPMS."""

import os
import sys

OWNER_COMMANDS = frozenset({"migrate", "makemigrations", "sqlmigrate", "test"})


def main() -> None:
    """Run a command under the database role that it needs (design: roles)."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cpms.settings.dev")
    command = sys.argv[1] if len(sys.argv) > 1 else ""
    role = "owner" if command in OWNER_COMMANDS else "system"
    os.environ.setdefault("CPMS_DATABASE_ROLE", role)
    from django.core.management import (  # noqa: PLC0415 - after the environment
        execute_from_command_line,
    )

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
