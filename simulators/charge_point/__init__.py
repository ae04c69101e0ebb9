"""A charge point of OCPP 1.6 or 2.0.1 on the `ocpp` package.

Public: `SimulatedStation` (scriptable in Python), `StationOptions`, `Battery`,
`ChargingCurve`, `CertificateOffer`, and `simulators.charge_point.cli.run`.
"""

from simulators.charge_point.battery import Battery, ChargingCurve
from simulators.charge_point.facts import CertificateOffer
from simulators.charge_point.options import StationOptions
from simulators.charge_point.station import SimulatedStation

__all__ = [
    "Battery",
    "CertificateOffer",
    "ChargingCurve",
    "SimulatedStation",
    "StationOptions",
]
