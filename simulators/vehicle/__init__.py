"""A vehicle: its key, its proof, its claim.

Public: `SimulatedVehicle` (takes certificates from a station, claims them),
`VehicleKey`, `Attack`, `ClaimResult` and `simulators.vehicle.cli.run`.
"""

from simulators.vehicle.keys import VehicleKey
from simulators.vehicle.proofs import Attack, Proof
from simulators.vehicle.vehicle import ClaimResult, SimulatedVehicle

__all__ = ["Attack", "ClaimResult", "Proof", "SimulatedVehicle", "VehicleKey"]
