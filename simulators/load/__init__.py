"""A load generator of raw OCPP-J frames, much cheaper than any server.

Public: `Plan`, `run_load` (async, on a running loop), `run_plan` (own uvloop),
and `simulators.load.cli.run`.
"""

from simulators.load.plan import Plan
from simulators.load.runner import run_load, run_plan

__all__ = ["Plan", "run_load", "run_plan"]
