"""``manage.py register_own_key``: an account that is reached with its own key."""

import json
import sys
from pathlib import Path
from typing import Any, Final

from django.core.management.base import CommandParser
from django.utils import timezone

from cpms.accounts.management.base import DomainCommand
from cpms.accounts.models import Operator
from settlement.services.payees import (
    OwnKey,
    UnableToRegisterPayee,
    register_own_key,
)

STANDARD_INPUT: Final = "-"
KEYS_CHARS_MAX: Final = 4_096
_NAMES: Final = ("api_key", "webhook_secret")
EXAMPLE: Final = '{"api_key": "rk_...", "webhook_secret": "whsec_..."}'


class Command(DomainCommand):
    """Take in an account with the operator's own restricted key, which is sealed."""

    help = (
        "Register an operator's own account that the platform reaches with the "
        "operator's own restricted key. The key is read from a file or standard input, "
        f"as {EXAMPLE}, never from the command line, and is kept encrypted. "
        "Exit codes: 0 done, 1 refused, 2 usage."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Name the operator, the account and where the key is read from."""
        super().add_arguments(parser)
        parser.add_argument("--operator", required=True, help="the operator's code")
        parser.add_argument("--provider", default="stripe")
        parser.add_argument("--account", required=True, help="such as acct_...")
        parser.add_argument(
            "--key-file",
            required=True,
            help=f"a file with {EXAMPLE}; {STANDARD_INPUT} reads standard input",
        )

    def act(self, options: dict[str, Any]) -> dict[str, Any]:
        """Register it."""
        operator = Operator.objects.filter(code=options["operator"]).first()
        if operator is None:
            raise UnableToRegisterPayee(
                "unknown_operator",
                f"There is no operator with the code {options['operator']!r}.",
            )
        account = register_own_key(
            operator_id=operator.pk,
            provider=options["provider"],
            reference=options["account"],
            own=_own_key(_text(options["key_file"])),
            by="manage.py",
            at=timezone.now(),
        )
        return {
            "id": account.pk,
            "operator": operator.code,
            "account": account.reference,
            "currency": account.currency,
            "charges_enabled": account.charges_enabled,
        }


def _text(path: str) -> str:
    if path == STANDARD_INPUT:
        return sys.stdin.read(KEYS_CHARS_MAX + 1)
    try:
        with Path(path).open(encoding="utf-8") as file:
            return file.read(KEYS_CHARS_MAX + 1)
    except (OSError, UnicodeDecodeError) as error:
        raise UnableToRegisterPayee(
            "key_file_unreadable",
            f"--key-file {path} cannot be read: {type(error).__name__}.",
        ) from error


def _own_key(text: str) -> OwnKey:
    """The two secrets; no message repeats what was read."""
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    named = [found.get(name) for name in _NAMES] if isinstance(found, dict) else []
    secrets = [value.strip() for value in named if isinstance(value, str)]
    if len(text) > KEYS_CHARS_MAX or len(secrets) != len(_NAMES):
        raise UnableToRegisterPayee(
            "key_file_invalid",
            f"--key-file must hold one JSON object such as {EXAMPLE}, of at most "
            f"{KEYS_CHARS_MAX} characters.",
        )
    return OwnKey(*secrets)
