"""Many stations with many drivers, at random but repeatable.

Public: `FleetPlan`, `run_fleet` and `simulators.fleet.cli.run`.
"""

from simulators.fleet.plan import FleetPlan, StationPlan
from simulators.fleet.run import FleetSummary, run_fleet

__all__ = ["FleetPlan", "FleetSummary", "StationPlan", "run_fleet"]
