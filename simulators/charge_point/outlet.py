"""One connector with its meter, its cable and its transaction: state only."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from simulators.charge_point.battery import MILLIJOULES_PER_WH, Battery
from simulators.charge_point.facts import (
    Authorization,
    PluggedVehicle,
    Reading,
    Status,
    Transaction,
)
from simulators.charge_point.profiles import ProfileStore

INTEGRATION_STEP_MS: Final = 10_000


@dataclass(slots=True)
class Cable:
    """A plugged-in cable and what hangs on it."""

    battery: Battery
    vehicle: PluggedVehicle | None
    plugged_at: datetime


@dataclass(slots=True, kw_only=True)
class Outlet:
    """A connector.

    Attributes:
        number: 1.6's connectorId, counted through the station.
        evse, connector: 2.0.1's address.
        register_millijoules: the meter's register (3,600,000 = 1 Wh).
        ready: a token or remote start that waits for the cable, or is in use.
        status_word: what was last reported, in the dialect's word.
        finishing: a transaction ended and the cable is still in.
    """

    number: int
    evse: int
    connector: int
    max_power_w: int
    voltage_v: int
    phases: int
    register_millijoules: int
    meter_scale: int = 1
    cable: Cable | None = None
    ready: Authorization | None = None
    transaction: Transaction | None = None
    available: bool = True
    unavailable_later: bool = False
    fault: str = ""
    reservation: int | None = None
    reserved_for: str = ""
    finishing: bool = False
    status_word: str = ""
    power_w: int = 0
    measured_at: datetime | None = None
    profiles: ProfileStore = field(default_factory=ProfileStore)

    @property
    def register_wh(self) -> int:
        """The register in whole Wh."""
        return self.register_millijoules // MILLIJOULES_PER_WH

    @property
    def status(self) -> Status:
        """The connector's state as 1.6 would name it."""
        transaction = self.transaction
        if self.fault:
            return Status.FAULTED
        if transaction is not None and transaction.authorised:
            return {
                "SuspendedEV": Status.SUSPENDED_EV,
                "SuspendedEVSE": Status.SUSPENDED_EVSE,
            }.get(transaction.charging_state, Status.CHARGING)
        if not self.available:
            return Status.UNAVAILABLE
        if self.cable is not None:
            return Status.FINISHING if self.finishing else Status.PREPARING
        return self._status_without_cable()

    def _status_without_cable(self) -> Status:
        if self.ready is not None:
            return Status.PREPARING
        return Status.AVAILABLE if self.reservation is None else Status.RESERVED

    def read(self, at: datetime, context: str) -> Reading:
        """Return what the meter shows."""
        battery = self.cable.battery if self.cable else None
        return Reading(
            at=at,
            energy_wh=self.register_wh,
            power_w=self.power_w,
            current_tenths_a=self.power_w * 10 // (self.voltage_v * self.phases),
            voltage_v=self.voltage_v,
            soc_permille=None if battery is None else battery.charge_permille,
            context=context,
        )

    def start_measuring(self, at: datetime) -> None:
        """Energy flows from now on."""
        self.measured_at = at

    def stop_measuring(self) -> None:
        """No energy flows."""
        self.measured_at = None
        self.power_w = 0

    def measure(self, until: datetime) -> None:
        """Let energy flow from the last look to `until` (station time)."""
        if self.measured_at is None or self.transaction is None or self.cable is None:
            return
        left_ms = int((until - self.measured_at).total_seconds() * 1000)
        self.measured_at = until
        while left_ms > 0:
            step_ms = min(left_ms, INTEGRATION_STEP_MS)
            left_ms -= step_ms
            self._flow(self.transaction, self.cable.battery, step_ms, until)
        self._settle_state(self.transaction, self.cable.battery, until)

    def _flow(
        self, transaction: Transaction, battery: Battery, step_ms: int, at: datetime
    ) -> None:
        self.power_w = self._power(transaction, battery, at)
        missing = transaction.wanted_millijoules - transaction.taken_millijoules
        energy = min(self.power_w * step_ms, battery.room_millijoules, missing)
        battery.take(energy)
        transaction.taken_millijoules += energy
        self.register_millijoules += energy * self.meter_scale

    def _power(self, transaction: Transaction, battery: Battery, at: datetime) -> int:
        if transaction.taken_millijoules >= transaction.wanted_millijoules:
            return 0
        offered = self.limit_w(at)
        return max(0, min(battery.power_w, offered))

    def limit_w(self, at: datetime) -> int:
        """Power that station and charging profiles allow now."""
        started_at = self.transaction.started_at if self.transaction else at
        limit = self.profiles.limit_w(
            at, started_at=started_at, watts_per_ampere=self.voltage_v * self.phases
        )
        return self.max_power_w if limit is None else min(self.max_power_w, limit)

    def _settle_state(
        self, transaction: Transaction, battery: Battery, at: datetime
    ) -> None:
        self.power_w = self._power(transaction, battery, at)
        if transaction.paused or battery.room_millijoules == 0:
            transaction.charging_state = "SuspendedEV"
        elif self.limit_w(at) <= 0:
            transaction.charging_state = "SuspendedEVSE"
        else:
            transaction.charging_state = "Charging"
