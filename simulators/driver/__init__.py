"""A driver at the REST API.

Public: `SimulatedDriver` and `simulators.driver.cli.run`.
"""

from simulators.driver.driver import SimulatedDriver

__all__ = ["SimulatedDriver"]
