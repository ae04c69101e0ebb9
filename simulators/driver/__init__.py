"""A driver at the REST API.

Public: `SimulatedDriver`, `Guest` and `simulators.driver.cli.run`.
"""

from simulators.driver.driver import SimulatedDriver
from simulators.driver.guest import Guest

__all__ = ["Guest", "SimulatedDriver"]
