"""JSON → ``Session``: an OCPI CDR, or a list of segments in local time."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from billing.pricing.exact import shift
from billing.pricing.fields import Fields, UnableToParseTariff
from billing.pricing.session import ChargingPeriod, Session, State, zone_of

PERIODS_MAX: Final = 10_000
"""Periods of one CDR; more is no session."""

_US_PER_MINUTE: Final = 60_000_000
