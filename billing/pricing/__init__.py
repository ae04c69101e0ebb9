"""The OCPI tariff engine: pure, exact, one cost function for every use.

No framework, no I/O, no clock; times are aware UTC, energy Wh, amounts ``Decimal``
and integer minor units.

Public doors:

* ``parse_tariff(json)`` → ``Tariff`` (OCPI 2.2.1 and 2.3.0; ``UnableToParseTariff``
  names the bad field), ``to_ocpi(tariff, version)`` back; ``validity_of(json)`` →
  ``Validity``, when and for whom it may be sold; ``tariff_text(tariff,
  language)`` and ``describe`` in words of each of ``LANGUAGES``.
* ``Session(periods, time_zone)`` of ``ChargingPeriod(state, starts_at, ends_at, …)``;
  ``session_from_cdr`` and ``session_from_segments`` read one from JSON;
  ``UnableToBuildSession`` and ``UnableToParseSession`` say what is wrong with it.
* ``rate(tariff, session)`` → ``PricedSession`` with ``PriceLine`` lines: preview, live
  cost, CDR and receipt are all this. ``ROUNDING_POLICY`` is the id of the rule that
  turns exact amounts into money; ``UnableToRound`` when an id is unknown.
* ``energy_for_amount`` → Wh that an amount surely buys; ``limits_for_amount`` with
  an ``Outlook`` → ``ChargeLimits`` of energy and time; ``UnableToLimitCharge``.
"""

from billing.pricing.fields import UnableToParseSession, UnableToParseTariff
from billing.pricing.limits import (
    ChargeLimits,
    Outlook,
    UnableToLimitCharge,
    energy_for_amount,
    limits_for_amount,
)
from billing.pricing.parsing import parse_tariff, validity_of
from billing.pricing.rating import rate
from billing.pricing.reading import session_from_cdr, session_from_segments
from billing.pricing.result import PricedSession, PriceLine
from billing.pricing.rounding import ROUNDING_POLICY, UnableToRound
from billing.pricing.session import (
    ChargingPeriod,
    Session,
    State,
    UnableToBuildSession,
)
from billing.pricing.tariff import Tariff, TariffType, Validity
from billing.pricing.vocabulary import LANGUAGES, language_of
from billing.pricing.words import (
    PriceRow,
    TariffText,
    describe,
    tariff_text,
    total_words,
)
from billing.pricing.writing import UnableToWriteTariff, to_ocpi

__all__ = [
    "LANGUAGES",
    "ROUNDING_POLICY",
    "ChargeLimits",
    "ChargingPeriod",
    "Outlook",
    "PriceLine",
    "PriceRow",
    "PricedSession",
    "Session",
    "State",
    "Tariff",
    "TariffText",
    "TariffType",
    "UnableToBuildSession",
    "UnableToLimitCharge",
    "UnableToParseSession",
    "UnableToParseTariff",
    "UnableToRound",
    "UnableToWriteTariff",
    "Validity",
    "describe",
    "energy_for_amount",
    "language_of",
    "limits_for_amount",
    "parse_tariff",
    "rate",
    "session_from_cdr",
    "session_from_segments",
    "tariff_text",
    "to_ocpi",
    "total_words",
    "validity_of",
]
