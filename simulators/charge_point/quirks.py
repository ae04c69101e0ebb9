"""Ways in which real chargers write frames that the specification does not allow.

Each is a function of one outgoing CALL ``[2, id, action, payload]``.
"""

import re
from collections.abc import Callable, Iterable
from typing import Any, Final

from simulators.errors import UnableToUnderstand
from simulators.shapes import JsonValue

Frame = list[Any]
Quirk = Callable[[Frame], Frame]
Change = Callable[[str, JsonValue], JsonValue]

_STAMP: Final = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")


def _walk(content: JsonValue, change: Change, key: str = "") -> JsonValue:
    if isinstance(content, dict):
        return {name: _walk(value, change, name) for name, value in content.items()}
    if isinstance(content, list):
        return [_walk(value, change, key) for value in content]
    return change(key, content)


def _change(change: Change) -> Quirk:
    return lambda frame: [*frame[:3], _walk(frame[3], change)]


def _stamps(rewrite: Callable[[str], str]) -> Quirk:
    def change(_: str, value: JsonValue) -> JsonValue:
        if isinstance(value, str) and _STAMP.match(value):
            return rewrite(value)
        return value

    return _change(change)


def _renamed(old: str, new: str) -> Quirk:
    return _change(lambda _, value: new if value == old else value)


def _on(action: str, **fields: Any) -> Quirk:
    def apply(frame: Frame) -> Frame:
        if frame[2] != action:
            return frame
        return [*frame[:3], {**frame[3], **fields}]

    return apply


def _sample_as_number(key: str, value: JsonValue) -> JsonValue:
    if key == "value" and isinstance(value, str):
        return float(value)
    return value


def _decimal_comma(key: str, value: JsonValue) -> JsonValue:
    return value.replace(".", ",") if key == "value" and "." in str(value) else value


def _same_id(frame: Frame) -> Frame:
    return [frame[0], "1", *frame[2:]]


QUIRKS: Final[dict[str, Quirk]] = {
    "time-without-zone": _stamps(lambda text: text.removesuffix("Z")),
    "time-with-space": _stamps(lambda text: text.replace("T", " ")),
    "time-short-offset": _stamps(lambda text: text.removesuffix("Z") + "+00"),
    "time-nine-digits": _stamps(lambda text: text.replace("Z", "000000Z")),
    "time-1970": _stamps(lambda text: "1970-01-01" + text[10:]),
    "same-message-id": _same_id,
    "empty-boot-strings": _on("BootNotification", iccid="", imsi=""),
    "long-serial": _on("BootNotification", chargePointSerialNumber="S" * 33),
    "null-info": _on("StatusNotification", info=None),
    "wrong-error-code": _on("StatusNotification", errorCode="Error"),
    "zero-reservation": _on("StartTransaction", reservationId=0),
    "minus-one-stop": _on("StopTransaction", meterStop=-1),
    "zero-transaction": _on("MeterValues", transactionId=0),
    "samples-as-numbers": _change(_sample_as_number),
    "decimal-comma": _change(_decimal_comma),
    "kwh-as-wh": _renamed("Wh", "kWh"),
    "unknown-field": _on("Heartbeat", firmware="1.0"),
}


class QuirkSet:
    """The quirks of one station."""

    def __init__(self, names: Iterable[str] = ()) -> None:
        """Take quirks by name.

        Raises:
            UnableToUnderstand: a name is unknown.
        """
        names = tuple(names)
        unknown = sorted(set(names) - set(QUIRKS))
        if unknown:
            msg = f"No quirk is called {unknown}; there are {', '.join(QUIRKS)}."
            raise UnableToUnderstand(msg)
        self._quirks = [QUIRKS[name] for name in names]
        self.rewrites_ids = "same-message-id" in names

    def __bool__(self) -> bool:
        """Whether frames change at all."""
        return bool(self._quirks)

    def apply(self, frame: Frame) -> Frame:
        """Return the frame as this station writes it."""
        for quirk in self._quirks:
            frame = quirk(frame)
        return frame
