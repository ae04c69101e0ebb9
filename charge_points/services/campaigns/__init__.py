"""Firmware campaigns: one file for many charge points, wave by wave.

A wave takes charge points that are online; those that are offline wait, and fill the
wave that is open when they are back. The next wave opens when this one is full and its
quota has the new firmware. Each step is one database transaction that may be repeated.
"""

from charge_points.services.campaigns.control import abort, pause, resume
from charge_points.services.campaigns.members import counts_of
from charge_points.services.campaigns.planning import (
    UnableToRunCampaign,
    Wanted,
    create,
)
from charge_points.services.campaigns.waves import advance, sweep

__all__ = [
    "UnableToRunCampaign",
    "Wanted",
    "abort",
    "advance",
    "counts_of",
    "create",
    "pause",
    "resume",
    "sweep",
]
