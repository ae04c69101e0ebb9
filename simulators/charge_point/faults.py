"""Faults that a script can inject, each at a named step.

A fault is written ``kind:step[:times]``; it happens `times` times (default 1).

Steps are OCPP actions, an action with its detail (`TransactionEvent.Ended`,
`StatusNotification.Charging`), or the words `start`, `meter`, `stop`, `status`,
which mean the right message of either version.

Kinds for what the station sends:
* ``drop-before``: the line is cut instead of sending.
* ``drop-after``: sent, and the line is cut before the answer arrives.
* ``duplicate``: the same frame is sent twice.
* ``lose``: never sent, though the station believes it was.
* ``repeat`` (facts only): sent again as a new message after it was answered.
* ``late`` (facts only): held back for `StationOptions.late_stop_s`, then sent with
  its old time. Facts are start, meter, stop and status.

Kinds for what the server sends:
* ``refuse``: answered with the action's word for no.
* ``error``: answered with the CALLERROR ``InternalError``.
* ``no-answer``: never answered.
"""

from collections import Counter
from collections.abc import Iterable
from typing import Final

from simulators.errors import UnableToUnderstand

KINDS: Final = frozenset(
    {
        "drop-before",
        "drop-after",
        "duplicate",
        "repeat",
        "lose",
        "late",
        "refuse",
        "error",
        "no-answer",
    }
)
ALIASES: Final = {
    "StartTransaction": "start",
    "TransactionEvent.Started": "start",
    "MeterValues": "meter",
    "TransactionEvent.Updated": "meter",
    "StopTransaction": "stop",
    "TransactionEvent.Ended": "stop",
    "StatusNotification": "status",
}


class FaultPlan:
    """Which faults are still to happen."""

    def __init__(self, specs: Iterable[str] = ()) -> None:
        """Take the faults of the options."""
        self._left: Counter[tuple[str, str]] = Counter()
        for spec in specs:
            self.add(spec)

    def add(self, spec: str) -> None:
        """Plan one more fault.

        Raises:
            UnableToUnderstand: it is not written ``kind:step[:times]``.
        """
        kind, _, rest = spec.partition(":")
        step, _, times = rest.partition(":")
        if kind not in KINDS or not step or not (times or "1").isdigit():
            msg = (
                f"The fault {spec!r} is not kind:step[:times]"
                f" with a kind of {', '.join(sorted(KINDS))}."
            )
            raise UnableToUnderstand(msg)
        self._left[kind, ALIASES.get(step, step)] += int(times or 1)

    def take(self, kind: str, names: Iterable[str]) -> bool:
        """Use up one fault of `kind` planned for any of the step's names."""
        for name in names:
            if self._left[kind, name] > 0:
                self._left[kind, name] -= 1
                return True
        return False


def step_names(action: str, payload: object) -> tuple[str, ...]:
    """Return every name by which a fault may mean this message."""
    names = [action]
    if isinstance(payload, dict):
        detail = (
            payload.get("eventType")
            or payload.get("status")
            or payload.get("connectorStatus")
        )
        if detail:
            names.append(f"{action}.{detail}")
    names += [ALIASES[name] for name in names if name in ALIASES]
    return tuple(names)
