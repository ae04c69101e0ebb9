"""A tariff's sentences, as the pricing engine writes them, in the reader's language.

The engine words tariffs in English (``billing.pricing.describe``); the shapes of its
sentences are taken apart here. What does not fit, the operator's own words, stays.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from django.utils.translation import gettext as _, gettext_noop, pgettext

from cpms.web.figures import amount_text, decimal_text

NAMES: Final = (
    gettext_noop("Start fee"),
    gettext_noop("Energy"),
    gettext_noop("Charging time"),
    gettext_noop("Parking after charging"),
    gettext_noop("Reservation fee"),
    gettext_noop("Reservation"),
    gettext_noop("Fee for an unused reservation"),
    gettext_noop("Unused reservation"),
)
NOTES: Final = (
    gettext_noop("Free of charge."),
    gettext_noop("Prices include taxes."),
    gettext_noop("Taxes may be added."),
    gettext_noop("No taxes apply."),
)
_ROW: Final = re.compile(rf"({'|'.join(NAMES)}): (.+)\.")
_LIMIT: Final = re.compile(r"At (least|most) (\S+ [A-Z]{3})( before taxes)?\.")
_PRICE: Final = re.compile(
    r"(?P<other>otherwise )?"
    r"(?:(?P<free>free)|(?P<amount>\d\S*) (?P<currency>[A-Z]{3})"
    r"(?P<unit> per kWh| per hour)?)"
    r"(?:, billed per (?P<block>[^(]+?))?"
    r"(?: \((?P<conditions>.+)\))?"
)
_RANGE: Final = re.compile(r"(from|below|before) (.+)")
_DAY_NAMES: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_DAYS: Final = re.compile(rf"(?:(?:{'|'.join(_DAY_NAMES)})[– ]?)+")


@dataclass(frozen=True, slots=True)
class PriceRow:
    """What is paid for, and its prices, the first that applies counts."""

    name: str
    prices: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PriceText:
    """A tariff to read: its prices, then limits and taxes, then the rest."""

    rows: tuple[PriceRow, ...]
    notes: tuple[str, ...]
    own: tuple[str, ...]


def price_text(sentences: Iterable[str]) -> PriceText:
    """Sort and translate a tariff's sentences."""
    rows: list[PriceRow] = []
    notes: list[str] = []
    own: list[str] = []
    for sentence in sentences:
        row = _row(sentence)
        note = _note(sentence)
        if row is not None:
            rows.append(row)
        elif note:
            notes.append(note)
        else:
            own.append(sentence)
    return PriceText(tuple(rows), tuple(notes), tuple(own))


def _row(sentence: str) -> PriceRow | None:
    match = _ROW.fullmatch(sentence)
    if match is None:
        return None
    prices = []
    for part in match[2].split("; "):
        price = _PRICE.fullmatch(part)
        if price is None:
            return None
        prices.append(_price(price))
    return PriceRow(_(match[1]), tuple(prices))


def _price(match: re.Match[str]) -> str:
    text = pgettext("price", "free")
    if match["amount"]:
        text = amount_text(Decimal(match["amount"]), match["currency"])
    if match["unit"] == " per kWh":
        text = _("%(price)s per kWh") % {"price": text}
    elif match["unit"] == " per hour":
        text = _("%(price)s per hour") % {"price": text}
    if match["block"]:
        block = _quantity(match["block"])
        text = _("%(price)s, billed per %(block)s") % {"price": text, "block": block}
    if match["conditions"]:
        found = (_condition(part) for part in match["conditions"].split(", "))
        conditions = _(", ").join(found)
        text = _("%(price)s (%(conditions)s)") % {
            "price": text,
            "conditions": conditions,
        }
    return _("otherwise %(price)s") % {"price": text} if match["other"] else text


def _condition(text: str) -> str:
    if _DAYS.fullmatch(text):
        return re.sub(r"[A-Z][a-z]{2}", lambda day: pgettext("day", day[0]), text)
    match = _RANGE.fullmatch(text)
    if match is None:
        return text
    shape = {
        "from": _("from %(value)s"),
        "below": _("below %(value)s"),
        "before": _("before %(value)s"),
    }[match[1]]
    return shape % {"value": _quantity(match[2])}


def _quantity(text: str) -> str:
    """A number with its unit; dates stay as they are."""
    number, space, unit = text.partition(" ")
    return f"{decimal_text(Decimal(number))} {unit}" if space else text


def _note(sentence: str) -> str:
    if sentence in NOTES:
        return _(sentence)
    match = _LIMIT.fullmatch(sentence)
    if match is None:
        return ""
    number, currency = match[2].split(" ")
    price = amount_text(Decimal(number), currency)
    if match[3]:
        price = _("%(price)s before taxes") % {"price": price}
    if match[1] == "least":
        return _("At least %(price)s.") % {"price": price}
    return _("At most %(price)s.") % {"price": price}


def _translated_days() -> tuple[str, ...]:
    """The days' names, where the collector of messages finds them."""
    return (
        pgettext("day", "Mon"),
        pgettext("day", "Tue"),
        pgettext("day", "Wed"),
        pgettext("day", "Thu"),
        pgettext("day", "Fri"),
        pgettext("day", "Sat"),
        pgettext("day", "Sun"),
    )
