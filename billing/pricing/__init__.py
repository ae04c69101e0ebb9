"""The OCPI tariff engine: pure, exact, one cost function for every use.

No framework, no I/O, no clock; times are aware UTC, energy Wh, amounts ``Decimal``
and integer minor units.

Public doors:

* ``parse_tariff(json)`` → ``Tariff`` (OCPI 2.2.1 and 2.3.0; errors
  ``UnableToParseTariff`` name the field), ``to_ocpi(tariff, version)`` back.
* ``Session(periods, time_zone)`` of ``ChargingPeriod(state, starts_at, ends_at, …)``.
* ``rate(tariff, session)`` → ``PricedSession`` with ``PriceLine`` lines; the preview,
  the live cost, the CDR and the receipt are all this. ``ROUNDING_POLICY`` is the id
  of the rule that turns exact amounts into money.
"""

from billing.pricing.parsing import UnableToParseTariff, parse_tariff
from billing.pricing.rating import rate
from billing.pricing.result import PricedSession, PriceLine
from billing.pricing.rounding import ROUNDING_POLICY
from billing.pricing.session import ChargingPeriod, Session
from billing.pricing.tariff import Tariff
from billing.pricing.writing import to_ocpi

__all__ = [
    "ROUNDING_POLICY",
    "ChargingPeriod",
    "PriceLine",
    "PricedSession",
    "Session",
    "Tariff",
    "UnableToParseTariff",
    "parse_tariff",
    "rate",
    "to_ocpi",
]
