"""``manage.py register_own_key``: an account that is reached with its own key."""

import json
import sys
from pathlib import Path
from typing import Any, Final

from django.core.management.base import CommandParser
from django.utils import timezone

from cpms.accounts.models import Operator
from settlement.management.payee_command import PayeeCommand
from settlement.models import PayeeAccount
from settlement.services import own_keys
from settlement.services.payees import (
    OwnKey,
    UnableToRegisterPayee,
    register_own_key,
)

STANDARD_INPUT: Final = "-"
BY: Final = "manage.py"
KEYS_CHARS_MAX: Final = 4_096
_NAMES: Final = ("api_key", "webhook_secret")
EXAMPLE: Final = '{"api_key": "rk_...", "webhook_secret": "whsec_..."}'


class Command(PayeeCommand):
    """Take in an account with the operator's own restricted key, which is sealed."""

    help = (
        "Register an operator's own account that the platform reaches with the "
        "operator's own restricted key. The key is read from a file or standard input, "
        f"as {EXAMPLE}, never from the command line, and is kept encrypted. "
        "An account that has a key gets the new one while payments go on. "
        "Exit codes: 0 done, 1 refused, 2 usage."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Also where the key is read from."""
        super().add_arguments(parser)
        parser.add_argument(
            "--key-file",
            required=True,
            help=f"a file with {EXAMPLE}; {STANDARD_INPUT} reads standard input",
        )

    def account(self, operator: Operator, options: dict[str, Any]) -> PayeeAccount:
        """Register it, or give the account that is registered its new key."""
        own = _own_key(_text(options["key_file"]))
        name, reference = options["provider"], options["account"]
        known = PayeeAccount.objects.filter(
            operator=operator,
            provider=name,
            reference=reference,
            mode=PayeeAccount.Mode.OWN_KEY,
        )
        if not known:
            return register_own_key(
                operator_id=operator.pk,
                provider=name,
                reference=reference,
                own=own,
                by=BY,
                at=timezone.now(),
            )
        own_keys.change(
            operator_id=operator.pk,
            provider=name,
            reference=reference,
            own=own,
            by=BY,
            at=timezone.now(),
        )
        return known.get()


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
