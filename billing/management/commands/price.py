"""``manage.py price``: what a session costs by a tariff, from OCPI files."""

import json
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from django.core.management.base import CommandParser

from billing.pricing import (
    PricedSession,
    Session,
    Tariff,
    parse_tariff,
    rate,
    session_from_cdr,
    session_from_segments,
    to_ocpi,
)
from billing.services.cdr_json import exact_text, lines_json, taxes_json
from cpms.accounts.management.base import DomainCommand
from cpms.kernel.errors import DomainError
from cpms.kernel.money import format_minor

FILE_BYTES_MAX: Final = 5_000_000
VERSIONS: Final = ("2.2.1", "2.3.0")
ENERGY_KWH_TOLERANCE: Final = Decimal("0.001")
"""Periods and totals of a CDR are rounded one by one; less than this is no note."""

_PRICES: Final = frozenset(
    {
        "total_cost",
        "total_fixed_cost",
        "total_energy_cost",
        "total_time_cost",
        "total_parking_cost",
        "total_reservation_cost",
    }
)
"""What a CDR was priced at before: all of it is said anew, or not at all."""


class UnableToReadFile(DomainError):
    """A file is missing, too large, or no JSON object."""


class Command(DomainCommand):
    """Price a session or a CDR; asks no database."""

    help = (
        "Price a session (segments in local time) or an OCPI CDR by an OCPI tariff "
        "(2.2.1 or 2.3.0), and show every line. Amounts are exact decimals."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Tariff, and what it is to price."""
        super().add_arguments(parser)
        parser.add_argument(
            "--tariff", required=True, type=Path, help="OCPI tariff (JSON file)"
        )
        what = parser.add_mutually_exclusive_group(required=True)
        what.add_argument(
            "--session",
            type=Path,
            help="start_local, time_zone and segments (JSON file)",
        )
        what.add_argument("--cdr", type=Path, help="OCPI CDR (JSON file)")
        parser.add_argument(
            "--time-zone",
            default="",
            help="of the CDR's location, IANA name (a CDR does not carry it; UTC when "
            "neither this nor cdr_location.time_zone says)",
        )
        parser.add_argument(
            "--ocpi",
            choices=VERSIONS,
            default="2.3.0",
            help="version of the priced CDR",
        )

    def act(self, options: dict[str, Any]) -> dict[str, Any]:
        """Read, price, show."""
        tariff = parse_tariff(_read(options["tariff"]))
        if options["session"] is not None:
            session = session_from_segments(_read(options["session"]))
            notes = _validity(tariff, session)
            return _answer(rate(tariff, session), options) | _said(notes)
        cdr = _read(options["cdr"])
        session = _session(cdr, options["time_zone"])
        priced = rate(tariff, session)
        document = {
            **{name: cdr[name] for name in cdr if name not in _PRICES},
            "tariffs": [to_ocpi(tariff, options["ocpi"])],
            **priced.to_ocpi(options["ocpi"]),
        }
        if not document["total_energy"] and "total_energy" in cdr:
            # Periods need not say the energy; what was measured stays.
            document["total_energy"] = cdr["total_energy"]
        notes = [*_validity(tariff, session), *_energy(cdr, priced)]
        return _answer(priced, options) | _said(notes) | {"cdr": _numbers(document)}


def _answer(priced: PricedSession, options: Mapping[str, Any]) -> dict[str, Any]:
    if not options["json"]:
        return _words(priced)
    return {
        "currency": priced.currency,
        "before_taxes": exact_text(priced.before_taxes),
        "after_taxes": exact_text(priced.after_taxes),
        "total_minor": priced.total_minor,
        "lines": lines_json(priced),
        "taxes": taxes_json(priced),
        "rounding_policy": priced.rounding_policy,
    }


def _said(notes: list[str]) -> dict[str, Any]:
    return {"notes": notes} if notes else {}


def _validity(tariff: Tariff, session: Session) -> list[str]:
    """A tariff that was not valid at the start prices all the same, and says so."""
    at, notes = session.periods[0].starts_at, []
    if tariff.start_at is not None and at < tariff.start_at:
        notes.append(f"The tariff is valid only from {tariff.start_at.isoformat()}.")
    if tariff.end_at is not None and tariff.end_at <= at:
        notes.append(f"The tariff expired {tariff.end_at.isoformat()}.")
    return notes


def _energy(cdr: Mapping[str, Any], priced: PricedSession) -> list[str]:
    """Only periods say when energy flowed; a total beside them prices nothing."""
    stated, found = cdr.get("total_energy"), priced.usage.energy_kwh
    if isinstance(stated, bool) or not isinstance(stated, int | Decimal):
        return []
    if abs(stated - found) <= ENERGY_KWH_TOLERANCE:
        return []
    note = (
        f"total_energy of the CDR is {stated} kWh, its charging_periods add up to "
        f"{exact_text(found)} kWh; priced is what the periods say."
    )
    return [note]


def _words(priced: PricedSession) -> dict[str, Any]:
    """The same for a person: one line of the price a line."""
    found: dict[str, Any] = {}
    for line in priced.lines:
        tax = "no tax" if line.tax_rate is None else f"{line.tax_rate} % tax"
        name = f"{len(found) + 1}. {line.dimension}"
        found[name] = (
            f"{line.billed_volume} x {line.unit_price} = {line.before_taxes}, "
            f"{tax}: {line.after_taxes}"
        )
    currency = priced.currency
    found["before taxes"] = f"{priced.before_taxes} {currency}"
    found["after taxes"] = f"{priced.after_taxes} {currency}"
    found["to be paid"] = format_minor(priced.total_minor, currency)
    return found


def _numbers(value: Any) -> Any:  # noqa: ANN401 - JSON
    """OCPI has numbers: those of the price have four decimals, which floats hold."""
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, Mapping):
        return {name: _numbers(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_numbers(item) for item in value]
    return value


def _session(cdr: Mapping[str, Any], time_zone: str) -> Session:
    location = cdr.get("cdr_location")
    told = location.get("time_zone") if isinstance(location, Mapping) else None
    return session_from_cdr(cdr, time_zone or str(told or "UTC"))


def _read(path: Path) -> dict[str, Any]:
    """A JSON object with exact numbers.

    Raises:
        UnableToReadFile: says which file and why.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(FILE_BYTES_MAX + 1)
        value = json.loads(raw[:FILE_BYTES_MAX], parse_float=Decimal)
    except (OSError, ValueError, RecursionError) as error:
        raise _unreadable(path, str(error)) from error
    if len(raw) > FILE_BYTES_MAX:
        raise _unreadable(path, f"more than {FILE_BYTES_MAX} bytes")
    if not isinstance(value, dict):
        raise _unreadable(path, "not a JSON object")
    return value


def _unreadable(path: Path, why: str) -> UnableToReadFile:
    return UnableToReadFile("file_unreadable", f"{path}: {why}")
