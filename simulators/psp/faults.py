"""Faults on demand: rules that spoil requests before or after their work."""

import random
from dataclasses import dataclass, field
from typing import Final

from simulators.psp import ids
from simulators.psp.errors import Json, invalid
from simulators.psp.limits import (
    FAULT_RULES_MAX,
    LATENCY_MS_MAX,
    TIMEOUT_FAULT_S_MAX,
)

# What a rule does to the request that it hits.
KINDS: Final = {
    "error_before": "answer `status` without doing anything; nothing remembered",
    "error_stored": "do nothing, and remember `status` under the idempotency key",
    "error_after": "do the work, then answer `status` instead of the result",
    "lost_answer": "do the work, then break the connection",
    "refuse": "break the connection without doing anything",
    "timeout": "do the work, then stay silent for `seconds`",
    "timeout_before": "stay silent for `seconds`, then break the connection",
    "rate_limit": "answer 429 without doing anything; `retry_after_s` is its header",
    "latency": "wait `latency_ms` before the work",
}
BEFORE: Final = frozenset(
    {"error_before", "error_stored", "refuse", "timeout_before", "rate_limit"}
)
AFTER: Final = frozenset({"error_after", "lost_answer", "timeout"})


@dataclass(slots=True)
class FaultRule:
    """One rule; hits requests whose path ends in or contains `path`."""

    kind: str
    path: str = ""
    method: str = ""
    account: str = ""
    status: int = 500
    seconds: int = 60
    latency_ms: int = 0
    retry_after_s: int = 0
    times: int = 1
    skip: int = 0
    probability_percent: int = 100
    id: str = field(default_factory=lambda: "flt_" + ids.token(8))
    hits: int = 0

    def matches(self, method: str, path: str, account: str) -> bool:
        """Tell whether the rule looks at such a request (`times` 0: for ever)."""
        if self.times and self.hits >= self.times:
            return False
        return (
            self.path in path
            and self.method in {"", method}
            and self.account in {"", account}
        )

    def as_json(self) -> Json:
        """Return the rule's members."""
        return {name: getattr(self, name) for name in self.__slots__}


_NUMBERS: Final = {
    "status": (400, 599),
    "seconds": (0, TIMEOUT_FAULT_S_MAX),
    "latency_ms": (0, LATENCY_MS_MAX),
    "retry_after_s": (0, TIMEOUT_FAULT_S_MAX),
    "times": (0, 1_000_000),
    "skip": (0, 1_000_000),
    "probability_percent": (0, 100),
}
_TEXTS: Final = frozenset({"kind", "path", "method", "account"})


def read_rule(values: Json) -> FaultRule:
    """Read a rule from the control endpoint's JSON.

    Raises:
        ApiError: unknown member, wrong type or out of range.
    """
    for name, value in values.items():
        if name in _TEXTS:
            if not isinstance(value, str):
                raise invalid(f"{name} must be a string", param=name)
            continue
        if name not in _NUMBERS:
            raise invalid(f"Unknown member of a fault: {name}", param=name)
        low, high = _NUMBERS[name]
        if type(value) is not int or not low <= value <= high:
            raise invalid(f"{name} must be {low} to {high}", param=name)
    if values.get("kind") not in KINDS:
        raise invalid(f"kind must be one of {', '.join(KINDS)}", param="kind")
    return FaultRule(**values)


class Faults:
    """The rules in force, first match wins per phase."""

    def __init__(self, seed: int) -> None:
        """Start without rules; `seed` makes probabilities repeatable."""
        self.rules: list[FaultRule] = []
        self._random = random.Random(seed)  # noqa: S311 - not for secrets

    def add(self, rule: FaultRule) -> FaultRule:
        """Put a rule in force."""
        if len(self.rules) >= FAULT_RULES_MAX:
            raise invalid(f"At most {FAULT_RULES_MAX} fault rules; delete some.")
        self.rules.append(rule)
        return rule

    def clear(self) -> None:
        """Remove all rules."""
        self.rules.clear()

    def pick(self, method: str, path: str, account: str) -> FaultRule | None:
        """Return the rule that hits this request, counted as a hit."""
        for rule in self.rules:
            if not rule.matches(method, path, account):
                continue
            if rule.skip > 0:
                rule.skip -= 1
                continue
            if self._random.randrange(100) < rule.probability_percent:
                rule.hits += 1
                return rule
        return None
