"""Reading JSON with the path of every field at hand, so that errors can name it.

Numbers are exact: JSON numbers parsed as ``Decimal`` or ``int``, texts, and floats
by their shortest text (0.1 is one tenth).
"""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any, ClassVar, Final, TypeVar

from cpms.kernel.errors import DomainError

NUMBER_DIGITS_MAX: Final = 24
"""Digits of a number before and after its point: more is no price and no meter."""

_TIME: Final = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")

E = TypeVar("E", bound=StrEnum)
T = TypeVar("T")


class UnableToParse(DomainError):
    """The JSON does not mean what it should; ``extra["path"]`` names the field."""

    http_status: ClassVar[int] = 422
    subject: ClassVar[str] = "document"

    def __init__(self, path: str, message: str) -> None:
        """Say where and what to do.

        Args:
            path: the bad field, e.g. ``elements[0].price_components[1].price``.
            message: what is wrong with it and what it must be.
        """
        super().__init__(f"{self.subject}_invalid", f"{path}: {message}", path=path)
        self.path = path


class UnableToParseTariff(UnableToParse):
    """The JSON is no tariff that can be priced."""

    subject: ClassVar[str] = "tariff"


class UnableToParseSession(UnableToParse):
    """The JSON is no session that can be priced."""

    subject: ClassVar[str] = "session"


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


class Fields:
    """A JSON object and where it stands.

    Args:
        value: what should be the object.
        error: what is raised for a bad field.
        path: its path in the document, empty for the document itself.

    Raises:
        UnableToParse: as ``error``: it is no object.
    """

    def __init__(
        self, value: object, error: type[UnableToParse], path: str = ""
    ) -> None:
        """Refuse everything but an object."""
        if not isinstance(value, Mapping):
            raise error(
                path or "(document)", f"must be a JSON object, not {_shown(value)}."
            )
        self._value: Mapping[str, Any] = value
        self._error = error
        self._path = path

    def inner(self, name: str) -> "Fields":
        """An object within this one."""
        return Fields(self._value.get(name), self._error, self.path(name))

    def objects(self, name: str, *, most: int) -> list["Fields"]:
        """A list of 1 to ``most`` objects."""
        self.required(name)
        items = self.items(name)
        if not 1 <= len(items) <= most:
            raise self.fail(
                name, f"has {len(items)} entries; it must have 1 to {most}."
            )
        return [
            Fields(item, self._error, f"{self.path(name)}[{index}]")
            for index, item in enumerate(items)
        ]

    def path(self, name: str) -> str:
        """The path of a field of this object."""
        return f"{self._path}.{name}" if self._path else name

    def fail(self, name: str, message: str) -> UnableToParse:
        """The error for a field of this object, ready to be raised."""
        return self._error(self.path(name), message)

    def has(self, name: str) -> bool:
        """Whether the field is there; null counts as absent, as OCPI says."""
        return self._value.get(name) is not None

    def raw(self, name: str) -> Any:  # noqa: ANN401 - JSON has no narrower type
        """The field as it came; absent is None."""
        return self._value.get(name)

    def required(self, name: str) -> Any:  # noqa: ANN401 - JSON has no narrower type
        """The field as it came; absent is an error."""
        if not self.has(name):
            raise self.fail(name, "is missing; OCPI requires it.")
        return self._value[name]

    def items(self, name: str) -> Sequence[Any]:
        """A list; absent is empty."""
        value = self._value.get(name)
        if value is None:
            return ()
        if not isinstance(value, list | tuple):
            raise self.fail(name, f"must be a list, not {_shown(value)}.")
        return value

    def text(self, name: str, *, max_length: int) -> str | None:
        """A text of 1 to ``max_length`` characters; absent is None."""
        value = self._value.get(name)
        if value is None:
            return None
        if not isinstance(value, str) or not value.strip():
            raise self.fail(name, f"must be a text, not {_shown(value)}.")
        if len(value) > max_length:
            raise self.fail(
                name, f"has {len(value)} characters; at most {max_length} fit."
            )
        return value

    def required_text(self, name: str, *, max_length: int) -> str:
        """A text; absent is an error."""
        self.required(name)
        return self.text(name, max_length=max_length) or ""

    def required_number(self, name: str) -> Decimal:
        """A number; absent is an error."""
        self.required(name)
        return self.number(name) or Decimal(0)

    def number(
        self, name: str, *, least: Decimal = Decimal(0), most: Decimal | None = None
    ) -> Decimal | None:
        """An exact number; absent is None."""
        value = self._value.get(name)
        if value is None:
            return None
        number = _decimal(value)
        if number is None:
            raise self.fail(name, f"must be a number, not {_shown(value)}.")
        if number < least or (most is not None and number > most):
            span = f"{least} or more" if most is None else f"{least} to {most}"
            raise self.fail(name, f"is {_shown(value)}; it must be {span}.")
        return number

    def integer(
        self, name: str, *, least: int = 0, most: Decimal | None = None
    ) -> int | None:
        """A whole number; absent is None."""
        number = self.number(name, least=Decimal(least), most=most)
        if number is None:
            return None
        if number != int(number):
            raise self.fail(name, f"is {_shown(number)}; it must be a whole number.")
        return int(number)

    def one_of(self, name: str, words: type[E]) -> E | None:
        """A word of an enumeration; absent is None."""
        value = self._value.get(name)
        return None if value is None else self.word(name, value, words)

    def word(self, name: str, value: Any, words: type[E]) -> E:  # noqa: ANN401 - JSON
        """The member of an enumeration that the value names."""
        try:
            return words(value)
        except ValueError:
            known = ", ".join(words)
            raise self.fail(
                name, f"is {_shown(value)}; it must be one of {known}."
            ) from None

    def clock(self, name: str) -> time | None:
        """A time of day ``HH:MM``; absent is None."""
        return self._pattern(name, _TIME, "a time HH:MM", time.fromisoformat)

    def day(self, name: str) -> date | None:
        """A date ``YYYY-MM-DD``; absent is None."""
        return self._pattern(name, _DATE, "a date YYYY-MM-DD", date.fromisoformat)

    def instant(self, name: str) -> datetime | None:
        """An instant in UTC; a text without an offset is UTC (OCPI, DateTime)."""
        value = self._value.get(name)
        if value is None:
            return None
        try:
            instant = datetime.fromisoformat(value)
        except (TypeError, ValueError):
            raise self.fail(
                name,
                f"is {_shown(value)}; it must be an RFC 3339 date and time in UTC.",
            ) from None
        if instant.tzinfo is None:
            return instant.replace(tzinfo=UTC)
        return instant.astimezone(UTC)

    def _pattern(
        self,
        name: str,
        pattern: re.Pattern[str],
        what: str,
        read: Callable[[str], T],
    ) -> T | None:
        value = self._value.get(name)
        if value is None:
            return None
        if isinstance(value, str) and pattern.fullmatch(value):
            try:
                return read(value)
            except ValueError:
                pass
        raise self.fail(name, f"is {_shown(value)}; it must be {what}.")


def _decimal(value: object) -> Decimal | None:
    """The exact number that a JSON value states, or None."""
    if isinstance(value, bool) or not isinstance(value, Decimal | int | str | float):
        return None
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    if not number.is_finite():
        return None
    return number if _fits(number) else None


def _fits(number: Decimal) -> bool:
    """Whether all digits lie within the limit, so that no step can explode."""
    exponent = number.as_tuple().exponent
    assert isinstance(exponent, int), "finite numbers have an exponent"
    return exponent >= -NUMBER_DIGITS_MAX and number.adjusted() <= NUMBER_DIGITS_MAX
