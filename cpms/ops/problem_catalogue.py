"""The stable codes of every refusal, read from the sources that raise them."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from cpms.accounts.api.problems import TITLES
from cpms.kernel.errors import DomainError

ROOT: Final = Path(__file__).resolve().parents[2]
ROOMS: Final = ("billing", "charge_points", "cpms", "settlement")
CODE: Final = re.compile(r"[a-z][a-z0-9_]*")
_OF_THE_INTERFACE: Final = {
    "validation_failed": (400, "A field is missing or wrong; `errors` names each."),
    "parse_error": (400, "The body cannot be read."),
    "bad_request": (400, "The request cannot be read."),
    "value_out_of_range": (400, "A number is too large, or a text has U+0000."),
    "not_authenticated": (401, "No token or key was given."),
    "authentication_failed": (401, "The token or key is wrong, expired or revoked."),
    "permission_denied": (
        403,
        "Neither the key's scopes nor the role allow it.",
    ),
    "not_found": (404, "There is no such thing among the caller's own."),
    "method_not_allowed": (405, "The address does not know this method."),
    "not_acceptable": (406, "Only JSON is spoken here."),
    "request_too_large": (413, "The body is too large."),
    "unsupported_media_type": (415, "Send `application/json`."),
    "throttled": (429, "Too many requests; `Retry-After` says how long to wait."),
    "internal_error": (500, "An error of ours; it is in our logs."),
    "temporarily_unavailable": (503, "Try again after `Retry-After` seconds."),
}
_HEAD: Final = """# Problems

Every refusal is `application/problem+json` (RFC 9457): `type` is
`urn:cpms:problem:<code>`, `code` the stable word of this table, `title` the status in
words, `detail` what happened and what to do, for people. Programs decide by `code`;
more members stand beside it where they help (`errors`, `pay_url`). This page is
made by `manage.py problem_catalogue` and compared with the code by a test.

"""


@dataclass(frozen=True, slots=True)
class Problem:
    """A code, the statuses it comes with, and what is refused then."""

    code: str
    statuses: tuple[int, ...]
    refused: str


def _sources() -> Iterator[tuple[str, ast.Module]]:
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*.py")):
            if {"migrations", "management", "embedded"} & set(path.parts):
                continue
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            yield name.removesuffix(".__init__"), ast.parse(path.read_text())


def _found(module: Any, expression: ast.expr) -> Any:  # noqa: ANN401 - a module's name
    """What a name or a dotted name means in the module; None where it is none."""
    thing = module
    for part in ast.unparse(expression).split("."):
        thing = getattr(thing, part, None)
    return thing


def _codes(module: Any, first: ast.expr) -> Iterator[str]:  # noqa: ANN401 - a module
    match first:
        case ast.Constant(value=str() as word):
            yield word
        case ast.IfExp(body=body, orelse=other):
            yield from _codes(module, body)
            yield from _codes(module, other)
        case ast.Name() | ast.Attribute():
            word = _found(module, first)
            if isinstance(word, str):
                yield str(word)


def _raised() -> Iterator[tuple[str, int, type[DomainError]]]:
    for name, tree in _sources():
        calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
        calls = [call for call in calls if call.args and _may_raise(call)]
        module = import_module(name) if calls else None
        for call in calls:
            kind = _found(module, call.func)
            if not (isinstance(kind, type) and issubclass(kind, DomainError)):
                continue
            status = kind.http_status
            for word in call.keywords:
                if word.arg == "http_status" and isinstance(word.value, ast.Constant):
                    status = int(str(word.value.value))
            for code in _codes(module, call.args[0]):
                if CODE.fullmatch(code):
                    yield code, status, kind


def _may_raise(call: ast.Call) -> bool:
    name = ast.unparse(call.func).rpartition(".")[2]
    return name.startswith("UnableTo") or name.endswith(("Conflict", "Refused"))


def problems() -> list[Problem]:
    """All codes, in the order of the alphabet."""
    found: dict[str, tuple[set[int], set[str]]] = {
        code: ({status}, {text}) for code, (status, text) in _OF_THE_INTERFACE.items()
    }
    for code, status, kind in _raised():
        statuses, texts = found.setdefault(code, (set(), set()))
        statuses.add(status)
        texts.add((kind.__doc__ or "").strip().partition("\n")[0])
    return [
        Problem(code, tuple(sorted(statuses)), " ".join(sorted(texts)))
        for code, (statuses, texts) in sorted(found.items())
    ]


def reference() -> str:
    """docs/reference/problems.md."""
    lines = [_HEAD, "## Statuses\n\n| status | title |\n|---|---|\n"]
    lines += [f"| {status} | {title} |\n" for status, title in sorted(TITLES.items())]
    lines.append("\n## Codes\n\n| code | status | refused |\n|---|---|---|\n")
    for row in problems():
        statuses = ", ".join(map(str, row.statuses))
        lines.append(f"| `{row.code}` | {statuses} | {row.refused} |\n")
    return "".join(lines)
