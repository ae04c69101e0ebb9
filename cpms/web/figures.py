"""Amounts, energy, power and times in the reader's language."""

from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

from django.utils import formats
from django.utils.translation import get_language, gettext as _

from cpms.kernel.money import from_minor
from cpms.kernel.zones import zone_named

SYMBOLS: Final = {"EUR": "€", "GBP": "£", "USD": "US$"}
"""Only where a symbol can mean one currency; the others keep their code."""


def decimal_text(value: Decimal) -> str:
    """Grouping and decimal sign of the language; the digits stay."""
    return str(formats.number_format(value, use_l10n=True, force_grouping=True))


def amount_text(amount: Decimal, currency: str) -> str:
    """``€12.50``, ``12,50 €``, ``CHF 12.50``."""
    number = decimal_text(amount)
    symbol = SYMBOLS.get(currency)
    if get_language() == "de":
        return f"{number}\N{NO-BREAK SPACE}{symbol or currency}"
    return f"{symbol}{number}" if symbol else f"{currency}\N{NO-BREAK SPACE}{number}"


def money_text(amount_minor: int, currency: str) -> str:
    """An amount in minor units for people."""
    return amount_text(from_minor(amount_minor, currency), currency)


def kilo_text(value: int, digits: int = 2) -> str:
    """Wh as kWh and W as kW, without the unit."""
    step = Decimal(1).scaleb(-digits)
    return decimal_text((Decimal(value) / 1000).quantize(step, ROUND_HALF_UP))


def power_text(power_w: int) -> str:
    """``22`` and ``7.4``: as many decimals as say something."""
    return kilo_text(power_w, 0 if power_w % 1000 == 0 else 1)


def length_text(length: timedelta) -> str:
    """``1 h 05 min``, ``12 min``, ``40 s``."""
    seconds = max(int(length.total_seconds()), 0)
    hours, minutes = seconds // 3600, seconds % 3600 // 60
    if hours:
        return _("%(hours)d h %(minutes)02d min") % {"hours": hours, "minutes": minutes}
    if minutes:
        return _("%(minutes)d min") % {"minutes": minutes}
    return _("%(seconds)d s") % {"seconds": seconds}


def clock_text(at: datetime, time_zone: str) -> str:
    """The time of day at the station."""
    return f"{at.astimezone(zone_named(time_zone)):%H:%M:%S}"


def day_text(at: datetime, time_zone: str) -> str:
    """Day and time at the station."""
    local = at.astimezone(zone_named(time_zone))
    day = formats.date_format(local, "DATE_FORMAT", use_l10n=True)
    return f"{day}, {local:%H:%M}"
