"""Signed meter values: what OCMF says, who signed it, and whether it fits the charge.

``ocmf`` and ``keys`` are pure. For the rooms beside: ``keep``, ``review``,
``review_late``; ``add``, ``remove`` and ``learn`` for the keys of meters.
"""

from charge_points.services.signed_values.checking import (
    REASONS,
    SIGNED_VALUES_MAX,
    keep,
    review,
    review_late,
)
from charge_points.services.signed_values.registering import (
    UnableToAddMeterKey,
    add,
    learn,
    remove,
)

__all__ = [
    "REASONS",
    "SIGNED_VALUES_MAX",
    "UnableToAddMeterKey",
    "add",
    "keep",
    "learn",
    "remove",
    "review",
    "review_late",
]
