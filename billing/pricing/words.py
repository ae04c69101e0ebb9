"""A tariff in words, in each language that is spoken, short enough for a display.

Prices are shown as a driver pays them, with taxes, wherever the tariff says the
rates; otherwise the text says that taxes are added.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Final

from billing.pricing.exact import decimal_of, fine, rounded
from billing.pricing.plan import tax_factor
from billing.pricing.tariff import (
    Day,
    Dimension,
    PriceComponent,
    Restrictions,
    Tariff,
    TaxIncluded,
)
from billing.pricing.vocabulary import (
    LANGUAGES,
    SUBJECTS,
    Subject,
    Vocabulary,
    language_of,
)
from cpms.kernel.money import from_minor, minor_digits

SHOWN_DIGITS_MAX: Final = 4
"""Decimals of a shown price: more cannot be read on a display."""

_SHORT_ROW: Final = 2
"""So many days are named one by one; a longer run by its ends."""

ShowAmount = Callable[[Decimal, str], str]
"""How an amount with its currency is written, where not as ``0.50 EUR``."""


@dataclass(frozen=True, slots=True)
class PriceRow:
    """What is paid for, and its prices: the first whose condition holds counts."""

    name: str
    prices: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TariffText:
    """A tariff to read: what each thing costs, then limits and taxes.

    Args:
        language: "en", "de" or "zh".
        rows: in the order of ``SUBJECTS``; empty when all is free.
        notes: whole sentences.
    """

    language: str
    rows: tuple[PriceRow, ...]
    notes: tuple[str, ...]

    def sentences(self) -> list[str]:
        """Each row as a sentence, then the notes."""
        words = LANGUAGES[self.language]
        rows = [
            words.row.format(row.name, words.between_prices.join(row.prices))
            for row in self.rows
        ]
        return [*rows, *self.notes]


def tariff_text(
    tariff: Tariff, language: str = "en", *, amount: ShowAmount | None = None
) -> TariffText:
    """Every price with its conditions, limits and taxes.

    Where several prices stand for the same thing, the first whose condition holds
    counts; they are listed in that order.

    Args:
        tariff: any that can be priced.
        language: a tag such as ``de-AT``; what is not spoken here is English.
        amount: how to write amounts; as ``0.50 EUR`` where nothing is given.
    """
    spoken = language_of(language)
    return _Teller(tariff, LANGUAGES[spoken], amount).text(spoken)


def describe(tariff: Tariff, language: str = "en") -> str:
    """The same as one text of a few sentences."""
    text = tariff_text(tariff, language)
    return LANGUAGES[text.language].between_sentences.join(text.sentences())


def total_words(total_minor: int, currency: str, language: str = "en") -> str:
    """``Total 12.40 EUR`` for the display at the end of a charge."""
    words = LANGUAGES[language_of(language)]
    amount = _number(from_minor(total_minor, currency), minor_digits(currency), words)
    return words.total.format(f"{amount} {currency}")


@dataclass(frozen=True, slots=True)
class _Teller:
    """One tariff, one language."""

    tariff: Tariff
    words: Vocabulary
    amount: ShowAmount | None

    def text(self, language: str) -> TariffText:
        """All there is to say."""
        priced = [
            component
            for element in self.tariff.elements
            for component in element.price_components
            if component.price
        ]
        least = self.tariff.min_price
        if not priced and (
            least is None or not (least.before_taxes or least.after_taxes)
        ):
            return TariffText(language, (), (self.words.free_of_charge,))
        return TariffText(language, tuple(self._rows()), tuple(self._notes(priced)))

    def _rows(self) -> Iterable[PriceRow]:
        """Per subject its prices in list order, later ones as «otherwise»."""
        subjects: dict[Subject, list[str]] = {}
        for element in self.tariff.elements:
            for component in element.price_components:
                kind = element.restrictions.reservation
                text = self._price(component)
                conditions = self.words.between_conditions.join(
                    self._conditions(element.restrictions)
                )
                if conditions:
                    text = self.words.under.format(text, conditions)
                found = subjects.setdefault((component.type, kind), [])
                found.append(self.words.otherwise.format(text) if found else text)
        for subject, name in zip(SUBJECTS, self.words.names, strict=True):
            if subject in subjects:
                yield PriceRow(name, tuple(subjects[subject]))

    def _notes(self, priced: list[PriceComponent]) -> Iterable[str]:
        yield from self._idle()
        if self.tariff.min_price is not None:
            yield self.words.at_least.format(self._limit(least=True))
        if self.tariff.max_price is not None:
            yield self.words.at_most.format(self._limit(least=False))
        yield self._taxes(priced)

    def _idle(self) -> Iterable[str]:
        """Grace and cap, where parking costs anything."""
        idle_fee = self.tariff.idle_fee
        if idle_fee is None or not any(
            component.price and component.type is Dimension.PARKING_TIME
            for element in self.tariff.elements
            for component in element.price_components
        ):
            return
        if idle_fee.grace_s:
            yield self.words.idle_grace.format(_span(idle_fee.grace_s))
        if idle_fee.cap_s is not None:
            yield self.words.idle_cap.format(_span(idle_fee.cap_s))

    def _price(self, component: PriceComponent) -> str:
        if not component.price:
            return self.words.free
        price = Fraction(component.price)
        if self.tariff.tax_included is TaxIncluded.NO and _rates_known(self.tariff):
            price *= tax_factor(self.tariff, component.vat)
        text = self._shown(decimal_of(fine(price, 1)))
        if component.type is Dimension.ENERGY:
            text = self.words.per_kwh.format(text)
        elif component.type is not Dimension.FLAT:
            text = self.words.per_hour.format(text)
        block = self._block(component)
        return self.words.per_block.format(text, block) if block else text

    def _shown(self, amount: Decimal) -> str:
        """At least the currency's decimals, more only where they say something."""
        currency = self.tariff.currency
        if self.amount is not None:
            return self.amount(_trimmed(amount, minor_digits(currency)), currency)
        return f"{_number(amount, minor_digits(currency), self.words)} {currency}"

    def _block(self, component: PriceComponent) -> str:
        """The billing block where a driver would notice it."""
        step = component.step_size
        if component.type is Dimension.FLAT or step <= 1:
            return ""
        if component.type is Dimension.ENERGY:
            return f"{step} Wh" if step % 1000 else f"{step // 1000} kWh"
        return _span(step)

    def _conditions(self, restrictions: Restrictions) -> Iterable[str]:
        yield from self._calendar(restrictions)
        least, most = restrictions.min_duration, restrictions.max_duration
        yield from self._range(
            None if not least else _span(least), None if most is None else _span(most)
        )
        for low, high, unit in (
            (restrictions.min_kwh, restrictions.max_kwh, "kWh"),
            (restrictions.min_power, restrictions.max_power, "kW"),
            (restrictions.min_current, restrictions.max_current, "A"),
        ):
            yield from self._range(
                self._quantity(low, unit) if low else None,
                None if high is None else self._quantity(high, unit),
            )

    def _calendar(self, restrictions: Restrictions) -> Iterable[str]:
        if restrictions.day_of_week:
            yield self._days(restrictions.day_of_week)
        start, end = restrictions.start_time, restrictions.end_time
        if start is not None or end is not None:
            begin = "00:00" if start is None else f"{start:%H:%M}"
            until = "24:00" if end is None else f"{end:%H:%M}"
            yield f"{begin}–{'24:00' if until == '00:00' else until}"
        if restrictions.start_date is not None:
            yield self.words.since.format(restrictions.start_date.isoformat())
        if restrictions.end_date is not None:
            yield self.words.before.format(restrictions.end_date.isoformat())

    def _days(self, days: tuple[Day, ...]) -> str:
        """Mon–Fri for a run of three or more, else one by one."""
        week = list(Day)
        first, last = week.index(days[0]), week.index(days[-1])
        short = [self.words.days[week.index(day)] for day in days]
        if len(days) > _SHORT_ROW and last - first + 1 == len(days):
            return f"{short[0]}–{short[-1]}"
        return " ".join(short)

    def _quantity(self, value: Decimal, unit: str) -> str:
        return f"{_number(value, 0, self.words, most=None)} {unit}"

    def _range(self, least: str | None, most: str | None) -> Iterable[str]:
        if least is not None:
            yield self.words.from_.format(least)
        if most is not None:
            yield self.words.below.format(most)

    def _limit(self, *, least: bool) -> str:
        limit = self.tariff.min_price if least else self.tariff.max_price
        assert limit is not None, "asked by the caller"
        stated = limit.after_taxes
        if stated is None or self.tariff.tax_included is TaxIncluded.NOT_APPLICABLE:
            stated = limit.before_taxes
        text = self._shown(stated)
        without = limit.after_taxes is None and any(_rates(self.tariff))
        return self.words.without_taxes.format(text) if without else text

    def _taxes(self, priced: list[PriceComponent]) -> str:
        included = self.tariff.tax_included
        if included is TaxIncluded.NOT_APPLICABLE:
            return self.words.taxes_none
        if included is TaxIncluded.NO and not (priced and _rates_known(self.tariff)):
            return self.words.taxes_open
        return self.words.taxes_included


def _trimmed(
    value: Decimal, digits: int, most: int | None = SHOWN_DIGITS_MAX
) -> Decimal:
    """At least ``digits`` decimals, more (``most``) only where they say something."""
    if most is not None:
        value = rounded(value, max(most, digits))
    shown = value.as_tuple()
    assert isinstance(shown.exponent, int), "prices are finite"
    kept = max(-shown.exponent, digits)
    value = rounded(value, kept)
    while kept > digits and rounded(value, kept - 1) == value:
        kept -= 1
        value = rounded(value, kept)
    return value


def _number(
    value: Decimal, digits: int, words: Vocabulary, most: int | None = SHOWN_DIGITS_MAX
) -> str:
    return f"{_trimmed(value, digits, most):f}".replace(".", words.decimal_sign)


def _span(seconds: int) -> str:
    if seconds % 3600 == 0:
        return f"{seconds // 3600} h"
    return f"{seconds} s" if seconds % 60 else f"{seconds // 60} min"


def _rates(tariff: Tariff) -> set[Decimal | None]:
    if tariff.tax_included is TaxIncluded.NOT_APPLICABLE:
        return set()
    return {
        component.vat
        for element in tariff.elements
        for component in element.price_components
        if component.price
    }


def _rates_known(tariff: Tariff) -> bool:
    return None not in _rates(tariff)
