"""Charges as stations tell them: start and stop (1.6), events (2.0.1), orders.

For billing: ``attach_order`` and ``set_limits``. For handlers: ``start_many``,
``stop_many``, ``apply_events``. For the sweeps: ``close_silent``.
"""

from charge_points.services.limits import UnableToSetLimits, set_limits
from charge_points.services.transactions.journal import apply_events
from charge_points.services.transactions.orders import (
    UnableToAttachOrder,
    attach_order,
)
from charge_points.services.transactions.silence import close_silent, record_not_ongoing
from charge_points.services.transactions.starts import start, start_many
from charge_points.services.transactions.stops import stop, stop_many

__all__ = [
    "UnableToAttachOrder",
    "UnableToSetLimits",
    "apply_events",
    "attach_order",
    "close_silent",
    "record_not_ongoing",
    "set_limits",
    "start",
    "start_many",
    "stop",
    "stop_many",
]
