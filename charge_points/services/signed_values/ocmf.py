"""Open Charge Metering Format: what a meter signed, read without changing it.

``OCMF|<payload>|<signature>`` with JSON in both sections (OCMF 1.x, "JSON based OCMF
Format"). What was signed are the bytes of the payload section as they stand, so the
text is cut and never written anew. Stations wrap the text: in Base64 (2.0.1
``signedMeterData``), in hexadecimal digits (1.6 ``SignedData``), or not at all.
"""

import base64
import binascii
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, Final

HEAD: Final = "OCMF|"
TEXT_CHARS_MAX: Final = 32_768
"""A record has some hundred characters; a whole charge in one some thousand."""
READINGS_MAX: Final = 1_000
DEFAULT_ALGORITHM: Final = "ECDSA-secp256r1-SHA256"

# Table 7, TX: the reasons of a reading that ends the charge.
ENDS: Final = frozenset("ELRAP")
BEGIN: Final = "B"
EXCEPTION: Final = "X"
GOOD: Final = "G"
ENERGY_ERROR: Final = "E"
_WH: Final = {"wh": Decimal(1), "kwh": Decimal(1000), "mwh": Decimal(1_000_000)}
_PAGE: Final = re.compile(r"([TF])([0-9]{1,18})")
DIGITS_MAX: Final = 15
_NUMBER: Final = re.compile(r"-?\d{1,15}(\.\d{1,9})?", re.ASCII)
_SECTIONS: Final = 3
# Left out in a reading: as in the one before (OCMF, "Readings").
_INHERITED: Final = ("TM", "TX", "RI", "RU", "RT", "EF", "ST")


class UnableToReadOcmf(ValueError):
    """The text is no OCMF record; the message says why."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One reading of a record; fields that it leaves out are filled in.

    Attributes:
        at: The meter's own time with its quality, as it stands ("… S").
        reason: TX: B, C, X, E, L, R, A, P, S, T, or empty outside of transactions.
        obis: RI: what was read.
        value_wh: In Wh, exact; None for a resistance or a reading without value.
        is_good: The meter was well, and its energy may be billed (ST, EF).
    """

    at: str
    reason: str
    obis: str
    value_wh: Decimal | None
    is_good: bool


@dataclass(frozen=True, slots=True)
class Record:
    """A record that could be read.

    Attributes:
        payload: What was signed, byte for byte.
        page: PG as it stands, such as "T12345".
        serial: Of what signs: the meter's, or the gateway's (MS, else GS).
        readings: In the order of the record.
        algorithm: SA, such as "ECDSA-secp256r1-SHA256".
        signature: The bytes of SD.
    """

    payload: bytes
    page: str
    serial: str
    readings: tuple[Reading, ...]
    algorithm: str
    signature: bytes

    @property
    def page_number(self) -> int | None:
        """The number within the context of transactions, None outside of it."""
        match = _PAGE.fullmatch(self.page)
        return int(match[2]) if match and match[1] == "T" else None


def unwrap(data: str) -> str:
    """Take off what the transport put around an OCMF text.

    Args:
        data: As a station sent it.

    Raises:
        UnableToReadOcmf: there is no OCMF inside, or far too much of it.
    """
    text = data.strip()
    if len(text) > TEXT_CHARS_MAX * 2:
        raise UnableToReadOcmf(f"longer than {TEXT_CHARS_MAX} characters")
    if text.startswith(HEAD):
        return text
    for decode in (bytes.fromhex, _base64):
        try:
            inner = decode(text).decode().strip()
        except ValueError:
            continue
        if inner.startswith(HEAD):
            return inner
    raise UnableToReadOcmf("does not begin with OCMF|")


def _base64(text: str) -> bytes:
    return base64.b64decode("".join(text.split()), validate=True)


def read(data: str) -> Record:
    """Read a record.

    Args:
        data: As a station sent it, wrapped or not.

    Raises:
        UnableToReadOcmf: a section or a field is missing or has no meaning.
    """
    sections = unwrap(data).split("|")
    if len(sections) != _SECTIONS:
        raise UnableToReadOcmf(f"{len(sections)} sections instead of {_SECTIONS}")
    payload = _object(sections[1], "payload")
    signature = _object(sections[2], "signature")
    algorithm = signature.get("SA", DEFAULT_ALGORITHM)
    if not isinstance(algorithm, str):
        raise UnableToReadOcmf("SA is no text")
    try:
        signed = sections[1].encode()
    except UnicodeEncodeError as error:  # half of a surrogate pair
        raise UnableToReadOcmf("the payload is no UTF-8") from error
    return Record(
        payload=signed,
        page=_text(payload, "PG"),
        serial=_text(payload, "MS") or _text(payload, "GS"),
        readings=tuple(_readings(payload.get("RD"))),
        algorithm=algorithm,
        signature=_signature(signature),
    )


def _object(text: str, name: str) -> dict[str, Any]:
    try:
        found = json.loads(
            text, parse_float=Decimal, object_pairs_hook=_once, parse_constant=_refuse
        )
    except (ValueError, RecursionError, InvalidOperation) as error:
        raise UnableToReadOcmf(f"the {name} section is no JSON") from error
    if not isinstance(found, dict):
        raise UnableToReadOcmf(f"the {name} section is no object")
    return found


def _once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """An object without repeated names: two readers would see two things in it."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice")
    return found


def _refuse(word: str) -> None:
    raise ValueError(f"{word} is no JSON number")


def _text(payload: Mapping[str, Any], name: str) -> str:
    value = payload.get(name, "")
    return value if isinstance(value, str) else ""


def _signature(section: Mapping[str, Any]) -> bytes:
    data, encoding = section.get("SD"), section.get("SE", "hex")
    if not isinstance(data, str) or not data:
        raise UnableToReadOcmf("SD is missing")
    decode = {"hex": bytes.fromhex, "base64": _base64}.get(encoding)
    if decode is None:
        raise UnableToReadOcmf("SE is neither hex nor base64")
    try:
        return decode(data)
    except (ValueError, binascii.Error) as error:
        raise UnableToReadOcmf(f"SD is not {encoding}") from error


def _readings(entries: object) -> Iterable[Reading]:
    if not isinstance(entries, list) or not entries:
        raise UnableToReadOcmf("RD is missing")
    if len(entries) > READINGS_MAX:
        raise UnableToReadOcmf(f"more than {READINGS_MAX} readings")
    before: dict[str, Any] = {}
    for entry in entries:
        if not isinstance(entry, dict):
            raise UnableToReadOcmf("a reading is no object")
        whole = {**{k: before[k] for k in _INHERITED if k in before}, **entry}
        yield _reading(whole)
        before = whole


def _reading(entry: Mapping[str, Any]) -> Reading:
    errors = _text(entry, "EF")
    reason = _text(entry, "TX")
    return Reading(
        at=_text(entry, "TM"),
        reason=reason,
        obis=_text(entry, "RI"),
        value_wh=_value_wh(entry),
        is_good=(
            _text(entry, "ST") == GOOD
            and ENERGY_ERROR not in errors
            and reason != EXCEPTION
        ),
    )


def _number(value: object) -> Decimal | None:
    """A register as it stands; what no meter can show is none."""
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        value = Decimal(value)
    if isinstance(value, int):
        value = Decimal(value)
    if not isinstance(value, Decimal) or not value.is_finite():
        return None
    return value if abs(value.adjusted()) <= DIGITS_MAX or value == 0 else None


def _value_wh(entry: Mapping[str, Any]) -> Decimal | None:
    factor = _WH.get(_text(entry, "RU").lower())
    value = entry.get("RV")
    if factor is None or isinstance(value, bool):
        return None
    number = _number(value)
    return None if number is None else number * factor


@dataclass(frozen=True, slots=True)
class SignedCharge:
    """What the signed records of one charge say together.

    ``energy_wh`` is None when begin or end is not among them. ``gap`` says that pages
    are missing between them, ``mixed`` that they come from several meters, ``faulty``
    that the meter marked a reading as not to be billed.
    """

    begin_wh: Decimal | None
    end_wh: Decimal | None
    gap: bool
    mixed: bool
    faulty: bool

    @property
    def energy_wh(self) -> Decimal | None:
        """Between the signed begin and the signed end."""
        if self.begin_wh is None or self.end_wh is None:
            return None
        return self.end_wh - self.begin_wh


def join(records: Sequence[Record]) -> SignedCharge:
    """Put the records of a charge together (OCMF, "Signing and Verification Process").

    Args:
        records: Verified or not, each page once or more often, in any order.
    """
    pages = {
        record.page_number: record
        for record in records
        if record.page_number is not None
    }
    ordered = [pages[number] for number in sorted(pages)]
    ordered += [record for record in records if record.page_number is None]
    readings = [reading for record in ordered for reading in record.readings]
    begins = [r for r in readings if r.reason == BEGIN and r.value_wh is not None]
    obis = begins[0].obis if begins else None
    ends = [
        r
        for r in readings
        if r.reason in ENDS and r.value_wh is not None and obis in {None, r.obis}
    ]
    return SignedCharge(
        begin_wh=begins[0].value_wh if begins else None,
        end_wh=ends[-1].value_wh if ends else None,
        gap=bool(pages) and max(pages) - min(pages) + 1 != len(pages),
        mixed=len({record.serial for record in records}) > 1,
        faulty=not all(reading.is_good for reading in readings),
    )
