"""The path of a charge point's address: ``/ocpp/<id>`` or ``/ocpp/<operator>/<id>``."""

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote_to_bytes, urlsplit

PREFIX: Final = "ocpp"
IDENTITY_MAX: Final = 48
PATH_MAX: Final = 512

# identifierString (2.0.1 part 4, 3.1.1): what no URL, file or log can stumble on. The
# colon ends the user name of basic authentication; with passwords it cannot work.
_IDENTITY: Final = re.compile(r"[A-Za-z0-9*+=:|@._\-]{1,48}")
_OPERATOR: Final = re.compile(r"[a-z0-9][a-z0-9\-]{0,63}")


@dataclass(frozen=True, slots=True)
class StationAddress:
    """Who wants to connect; ``operator_code`` only on an onboarding address."""

    identity: str
    operator_code: str | None = None


def is_identity(text: str) -> bool:
    """Whether a charge point may be called so."""
    return _IDENTITY.fullmatch(text) is not None


def parse_address(target: str) -> StationAddress | None:
    """Read the request target; None when it is no charge point's address.

    Tolerated: an absolute URL in the request line, a query, a trailing slash, percent
    encoding (once).
    """
    parts = _segments(target)
    if len(parts) not in {2, 3} or parts[0] != PREFIX:
        return None
    identity = parts[-1]
    operator_code = parts[1] if len(parts) == 3 else None
    if not is_identity(identity):
        return None
    if operator_code is not None and _OPERATOR.fullmatch(operator_code) is None:
        return None
    return StationAddress(identity, operator_code)


def _segments(target: str) -> list[str]:
    """The decoded path segments; empty when the target has no readable path."""
    if len(target) > PATH_MAX:
        return []
    try:
        path = urlsplit(target).path
        root, *parts = [unquote_to_bytes(part).decode() for part in path.split("/")]
    except ValueError:
        return []
    if root != "":
        return []
    if len(parts) > 2 and parts[-1] == "":
        parts.pop()
    return parts
