"""A station's organs and connectors, made from its options."""

from simulators.charge_point.battery import MILLIJOULES_PER_WH
from simulators.charge_point.clock import StationClock
from simulators.charge_point.faults import FaultPlan
from simulators.charge_point.options import Settings, StationOptions
from simulators.charge_point.outlet import Outlet
from simulators.charge_point.parts import Errands, Parts
from simulators.journal import Journal


def build_parts(identity: str, options: StationOptions, journal: Journal) -> Parts:
    """Return the organs that need no other."""
    return Parts(
        identity=identity,
        options=options,
        settings=Settings(meter_interval_s=options.meter_interval_s),
        clock=StationClock(
            scale=options.time_scale,
            behind_s=options.behind_s,
            offset_s=options.clock_offset_s,
        ),
        journal=journal,
        faults=FaultPlan(options.faults),
        errands=Errands(journal),
    )


def build_outlets(options: StationOptions) -> dict[int, Outlet]:
    """Return the connectors, numbered through from 1."""
    addresses = [
        (evse, connector)
        for evse in range(1, options.evses + 1)
        for connector in range(1, options.connectors_per_evse + 1)
    ]
    return {
        number: Outlet(
            number=number,
            evse=evse,
            connector=connector,
            max_power_w=options.max_power_w,
            voltage_v=options.voltage_v,
            phases=options.phases,
            register_millijoules=options.register_wh * MILLIJOULES_PER_WH,
            meter_scale=options.meter_scale,
        )
        for number, (evse, connector) in enumerate(addresses, start=1)
    }
