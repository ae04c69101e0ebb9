"""Runs a fleet: all stations online, vehicles arriving at random."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from simulators.charge_point import Battery, SimulatedStation, StationOptions
from simulators.charge_point.script import ChargeOutcome, ChargeScript, run_charge
from simulators.errors import SimulatorError, UnableToReach
from simulators.fleet.plan import FleetPlan, StationPlan
from simulators.journal import Listener
from simulators.load.report import latency_ms
from simulators.rest import RestClient
from simulators.vehicle.keys import VehicleKey
from simulators.vehicle.vehicle import SimulatedVehicle

FAILURES_SHOWN_MAX: Final = 50
PROGRESS_S: Final = 1.0
OFFLINE_S: Final = (0.2, 2.0)

Progress = Callable[["FleetSummary"], None]


@dataclass(slots=True)
class FleetSummary:
    """What the fleet did so far.

    Attributes:
        turned_away: vehicles that found no free connector.
        failures: of charges and boots, counted by kind.
        examples: the first failures in words.
        seconds: real times by phase: boot, start, charge, stop.
    """

    stations: int = 0
    online: int = 0
    arrived: int = 0
    turned_away: int = 0
    under_way: int = 0
    completed: int = 0
    energy_wh: int = 0
    by_start: Counter[str] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)
    examples: list[str] = field(default_factory=list)
    seconds: dict[str, list[float]] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether everything that began ended well."""
        return not self.failures and self.completed > 0

    def fail(self, error: Exception) -> None:
        """Count a failure."""
        self.failures[type(error).__name__] += 1
        if len(self.examples) < FAILURES_SHOWN_MAX:
            self.examples.append(str(error))

    def note(self, phase: str, seconds: float) -> None:
        """Keep a duration."""
        self.seconds.setdefault(phase, []).append(seconds)

    def as_json(self) -> dict[str, Any]:
        """Return the summary as one JSON object."""
        return {
            "ok": self.ok,
            "stations": self.stations,
            "online": self.online,
            "arrived": self.arrived,
            "turned_away": self.turned_away,
            "completed": self.completed,
            "energy_wh": self.energy_wh,
            "started_by": dict(self.by_start),
            "failures": dict(self.failures),
            "examples": self.examples,
            "latency_ms": {
                phase: latency_ms(values) for phase, values in self.seconds.items()
            },
        }


class Fleet:
    """The stations, their free connectors and the dice."""

    def __init__(self, plan: FleetPlan, listener: Listener | None = None) -> None:
        """Build everything; nothing connects yet."""
        self.plan = plan
        self.summary = FleetSummary(stations=len(plan.stations))
        # Repeatable on purpose; nothing secret comes from it.
        self._dice = random.Random(plan.seed)  # noqa: S311
        self._stations = [_station(plan, each, listener) for each in plan.stations]
        self._free: list[tuple[SimulatedStation, int]] = []
        self._keys = [VehicleKey.read(path) for path in plan.vehicle_keys]
        self._tokens = list(plan.tokens)
        self._listener = listener

    async def run(self) -> FleetSummary:
        """Connect, let vehicles arrive, wait for the last, disconnect."""
        try:
            await self._connect()
            await self._arrivals()
        finally:
            await asyncio.gather(*(station.close() for station in self._stations))
        return self.summary

    async def _connect(self) -> None:
        gate = asyncio.Semaphore(self.plan.connect_parallel)

        async def boot(station: SimulatedStation) -> None:
            async with gate:
                began_s = time.perf_counter()
                try:
                    await station.start(self.plan.start_timeout_s)
                except SimulatorError as error:
                    self.summary.fail(error)
                    return
                self.summary.note("boot", time.perf_counter() - began_s)
                self.summary.online += 1
                self._free += [(station, number) for number in station.outlets]

        await asyncio.gather(*map(boot, self._stations))
        if not self.summary.online:
            msg = f"No station of the fleet came online: {self.summary.examples[:1]}."
            raise UnableToReach(msg)
        # Booting is a race; the same seed must choose the same connectors.
        self._free.sort(key=lambda place: (place[0].identity, place[1]))

    async def _arrivals(self) -> None:
        until_s = time.monotonic() + self.plan.duration_s
        async with asyncio.TaskGroup() as charges:
            while not self.plan.charges_max or (
                self.summary.arrived < self.plan.charges_max
            ):
                gap_s = self._dice.expovariate(self.plan.arrivals_per_minute / 60)
                if time.monotonic() + gap_s > until_s:
                    break
                await asyncio.sleep(gap_s)
                self._arrive(charges)

    def _arrive(self, charges: asyncio.TaskGroup) -> None:
        self.summary.arrived += 1
        claims = self._dice.randrange(1000) < self.plan.certificate_per_mille
        free = [each for each in self._free if not (claims and each[0].options.stock)]
        # A driver is at one place at a time: so is a token, and a vehicle's key.
        if not free or not (self._keys if claims else self._tokens):
            self.summary.turned_away += 1
            return
        place = self._dice.choice(free)
        self._free.remove(place)
        script = self._script(place[1], claims=claims)
        drops = self._dice.randrange(1000) < self.plan.drops_per_mille
        charges.create_task(self._charge(place, script, drops=drops))

    def _script(self, number: int, *, claims: bool) -> ChargeScript:
        plan, dice = self.plan, self._dice
        energy_wh = dice.randint(plan.energy_wh_min, plan.energy_wh_max)
        battery = Battery(soc_permille=dice.randint(50, 300))
        vehicle = None
        if claims:
            vehicle = SimulatedVehicle(
                api=RestClient(base_url=plan.api, ca_file=plan.ca_file),
                key=self._keys.pop(dice.randrange(len(self._keys))),
                battery=battery,
                listener=self._listener,
            )
        return ChargeScript(
            connector=number,
            token="" if vehicle else self._take_token(),
            energy_wh=energy_wh,
            vehicle=vehicle,
            battery=None if vehicle else battery,
            start_timeout_s=plan.start_timeout_s,
            charge_timeout_s=plan.charge_timeout_s,
        )

    def _take_token(self) -> str:
        return self._tokens.pop(self._dice.randrange(len(self._tokens)))

    def _give_back(
        self, place: tuple[SimulatedStation, int], script: ChargeScript
    ) -> None:
        self._free.append(place)
        if isinstance(script.vehicle, SimulatedVehicle):
            self._keys.append(script.vehicle.key)
        else:
            self._tokens.append(str(script.token))

    async def _charge(
        self,
        place: tuple[SimulatedStation, int],
        script: ChargeScript,
        *,
        drops: bool,
    ) -> None:
        station, _ = place
        self.summary.under_way += 1
        try:
            if drops:
                station.spawn(self._drop_line(station))
            outcome = await run_charge(station, script)
        except SimulatorError as error:
            self.summary.fail(error)
        else:
            self._completed(script, outcome)
        finally:
            self.summary.under_way -= 1
            self._give_back(place, script)

    def _completed(self, script: ChargeScript, outcome: ChargeOutcome) -> None:
        self.summary.completed += 1
        self.summary.energy_wh += outcome.energy_wh
        self.summary.by_start["token" if script.token else "certificate"] += 1
        for phase, seconds in outcome.seconds.items():
            self.summary.note(phase, seconds)

    async def _drop_line(self, station: SimulatedStation) -> None:
        await station.wait_for(
            "energy_flows",
            after=station.journal.last_number,
            timeout_s=self.plan.start_timeout_s,
        )
        await station.go_offline()
        await asyncio.sleep(self._dice.uniform(*OFFLINE_S))
        await station.come_back(self.plan.start_timeout_s)


async def run_fleet(
    plan: FleetPlan,
    *,
    listener: Listener | None = None,
    progress: Progress | None = None,
) -> FleetSummary:
    """Run a fleet and return its summary.

    Raises:
        UnableToReach: not a single station came online.
    """
    fleet = Fleet(plan, listener)

    async def show() -> None:
        while progress is not None:
            progress(fleet.summary)
            await asyncio.sleep(PROGRESS_S)

    shower = asyncio.create_task(show())
    try:
        return await fleet.run()
    finally:
        shower.cancel()
        if progress is not None:
            progress(fleet.summary)


def _station(
    plan: FleetPlan, station: StationPlan, listener: Listener | None
) -> SimulatedStation:
    options = StationOptions(
        evses=station.evses,
        stock=station.stock,
        time_scale=plan.time_scale,
        behind_s=plan.behind_s,
        meter_interval_s=plan.meter_interval_s,
        timeout_s=plan.start_timeout_s,
        ca_file=plan.ca_file,
    )
    return SimulatedStation(
        plan.url,
        station.identity,
        station.version,
        station.password,
        options,
        listener=listener,
    )
