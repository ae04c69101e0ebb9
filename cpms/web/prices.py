"""A tariff as the pages show it: the engine's words, the pages' amounts."""

from dataclasses import dataclass

from django.utils.translation import get_language

from billing.pricing import PriceRow, Tariff, tariff_text
from billing.services.offers import own_words
from cpms.web.figures import amount_text


@dataclass(frozen=True, slots=True)
class PriceText:
    """A tariff to read: the operator's own words, prices, then limits and taxes."""

    own: tuple[str, ...] = ()
    rows: tuple[PriceRow, ...] = ()
    notes: tuple[str, ...] = ()


def price_text(tariff: Tariff | None) -> PriceText:
    """In the reader's language; nothing where no tariff applies."""
    if tariff is None:
        return PriceText()
    language = get_language() or "en"
    text = tariff_text(tariff, language, amount=amount_text)
    return PriceText(tuple(own_words(tariff, language)), text.rows, text.notes)
