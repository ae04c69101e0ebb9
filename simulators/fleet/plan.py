"""What a fleet is and does, from a JSON file or from flags."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Final

from simulators.errors import UnableToUnderstand

STATIONS_MAX: Final = 5_000
VERSIONS: Final = ("1.6", "2.0.1")


@dataclass(frozen=True, slots=True, kw_only=True)
class StationPlan:
    """One station of the fleet."""

    identity: str
    version: str = "1.6"
    password: str = ""
    evses: int = 1
    stock: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetPlan:
    """A fleet.

    Attributes:
        url: endpoint without the identity.
        stations: each with its own version and password.
        duration_s: real time in which vehicles arrive; charges under way end.
        arrivals_per_minute: vehicles over the whole fleet (exponential gaps).
        charges_max: no more than so many vehicles; 0: no limit.
        seed: the same seed gives the same arrivals, energies and choices.
        tokens: presented at random to start, each at one station at a time.
        vehicle_keys: key files of enrolled vehicles; one in
            `certificate_per_mille` arrivals claims with one of them at `api`.
        energy_wh_min, energy_wh_max: evenly between.
        time_scale, behind_s: see the station's clock.
        meter_interval_s: station seconds between samples.
        drops_per_mille: charges whose line is cut for a while in the middle.
        start_timeout_s, charge_timeout_s: limits of one charge, real time.
        connect_parallel: stations that connect at a time.
    """

    url: str
    stations: tuple[StationPlan, ...]
    duration_s: float = 30.0
    arrivals_per_minute: float = 60.0
    charges_max: int = 0
    seed: int = 1
    tokens: tuple[str, ...] = ()
    vehicle_keys: tuple[str, ...] = ()
    certificate_per_mille: int = 0
    api: str = ""
    energy_wh_min: int = 2_000
    energy_wh_max: int = 20_000
    time_scale: int = 600
    behind_s: int | None = None
    meter_interval_s: int = 300
    drops_per_mille: int = 0
    start_timeout_s: float = 30.0
    charge_timeout_s: float = 300.0
    connect_parallel: int = 32
    ca_file: str = ""

    def __post_init__(self) -> None:
        """Refuse plans that cannot run.

        Raises:
            UnableToUnderstand: naming the member and what it should be.
        """
        wrong = [text for ok, text in self._rules() if not ok]
        if wrong:
            msg = f"The fleet's plan cannot run: {'; '.join(wrong)}."
            raise UnableToUnderstand(msg)

    def _rules(self) -> list[tuple[bool, str]]:
        names = [station.identity for station in self.stations]
        versions = {station.version for station in self.stations}
        claims = self.certificate_per_mille > 0
        return [
            (0 < len(names) <= STATIONS_MAX, f"stations: 1 to {STATIONS_MAX}"),
            (len(set(names)) == len(names), "stations: an identity occurs twice"),
            (versions <= set(VERSIONS), f"version: one of {', '.join(VERSIONS)}"),
            (self.duration_s > 0, "duration_s: above 0"),
            (self.arrivals_per_minute > 0, "arrivals_per_minute: above 0"),
            (0 < self.energy_wh_min <= self.energy_wh_max, "energy_wh: min <= max"),
            (bool(self.tokens) or claims, "tokens or certificate_per_mille: say one"),
            (
                not claims or bool(self.vehicle_keys and self.api),
                "certificate_per_mille needs vehicle_keys and api",
            ),
            (
                self.certificate_per_mille >= 1000 or bool(self.tokens),
                "tokens: needed unless certificate_per_mille is 1000",
            ),
        ]

    def with_stations(self, stations: tuple[StationPlan, ...]) -> "FleetPlan":
        """Return the same plan for other stations."""
        return replace(self, stations=stations)

    @classmethod
    def read(cls, path: str, **overrides: Any) -> "FleetPlan":
        """Read a JSON file with this class's members; `overrides` win.

        Raises:
            UnableToUnderstand: no such file, no JSON, or an unknown member.
        """
        try:
            content = json.loads(Path(path).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            msg = f"The fleet file {path} cannot be read: {error}."
            raise UnableToUnderstand(msg) from error
        return cls.of({**content, **overrides})

    @classmethod
    def of(cls, content: Mapping[str, Any]) -> "FleetPlan":
        """Make a plan of plain JSON.

        Raises:
            UnableToUnderstand: an unknown or missing member.
        """
        unknown = sorted(set(content) - {each.name for each in fields(cls)})
        if unknown:
            msg = f"A fleet has no member {', '.join(unknown)}."
            raise UnableToUnderstand(msg)
        values = dict(content)
        try:
            values["stations"] = tuple(
                StationPlan(**station) for station in values.get("stations", ())
            )
            for name in ("tokens", "vehicle_keys"):
                values[name] = tuple(values.get(name, ()))
            return cls(**values)
        except TypeError as error:
            msg = f"The fleet's description does not fit: {error}."
            raise UnableToUnderstand(msg) from error


def numbered_stations(
    *, count: int, prefix: str, digits: int, password: str, share_201_per_mille: int
) -> tuple[StationPlan, ...]:
    """Return stations called prefix and number from 1, the first ones 2.0.1."""
    of_201 = count * share_201_per_mille // 1000
    first = StationPlan(identity="", password=password)
    return tuple(
        replace(
            first,
            identity=f"{prefix}{number:0{digits}d}",
            version="2.0.1" if number <= of_201 else "1.6",
        )
        for number in range(1, count + 1)
    )
