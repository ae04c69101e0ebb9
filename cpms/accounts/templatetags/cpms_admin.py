"""How pages of the admin write quantities, states and JSON."""

import json
from datetime import datetime
from decimal import Decimal
from importlib import import_module
from types import ModuleType
from typing import Any, Final

from django import template
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext

from cpms.kernel.money import format_minor

register = template.Library()


def _pages() -> ModuleType:
    """The admin's page module, late: unfold loads tag libraries while it loads."""
    return import_module("cpms.accounts.admin_pages")


def url_of_order(number: str | None) -> str:
    """See ``admin_pages.order_url``."""
    return str(_pages().order_url(number))


def tone_of(word: object) -> str:
    """See ``admin_pages.tone``."""
    return str(_pages().tone(word))


NOTHING: Final = SafeString('<span class="c-none">—</span>')
NBSP: Final = "\N{NO-BREAK SPACE}"
Number = int | Decimal | None


def _thousandths(value: int | Decimal, digits: int) -> str:
    return f"{Decimal(value) / 1000:,.{digits}f}"


@register.filter
def kwh(value_wh: Number) -> str:
    """Energy in kWh with Wh digits; a dash for nothing."""
    return NOTHING if value_wh is None else f"{_thousandths(value_wh, 3)}{NBSP}kWh"


@register.filter
def kw(value_w: Number) -> str:
    """Power in kW; a dash for nothing."""
    return NOTHING if value_w is None else f"{_thousandths(value_w, 2)}{NBSP}kW"


@register.filter
def plain(value: object) -> object:
    """A decimal without trailing zeros; a dash for nothing."""
    if value is None or value == "":
        return NOTHING
    if isinstance(value, Decimal):
        text = f"{value:f}"
        return text.rstrip("0").rstrip(".") if "." in text else text
    return value


@register.filter
def money(amount_minor: int | None, currency: str) -> str:
    """Minor units as an amount with its currency; a dash for nothing."""
    if amount_minor is None:
        return NOTHING
    return format_minor(amount_minor, currency).replace(" ", NBSP)


@register.filter
def minus(amount_minor: int) -> int:
    """The amount with the other sign: a credit as a positive number."""
    return -amount_minor


@register.filter
def moment(at: datetime | None) -> str:
    """An instant in the page's time zone, to the second; a dash for nothing."""
    if at is None:
        return NOTHING
    local = timezone.localtime(at) if timezone.is_aware(at) else at
    return format_html(
        '<time datetime="{}">{}</time>',
        at.isoformat(),
        local.strftime("%Y-%m-%d %H:%M:%S"),
    )


@register.filter
def badge(word: object) -> str:
    """A state as a coloured badge; a dash for nothing."""
    if word is None or word == "":
        return NOTHING
    return format_html(
        '<span class="c-badge {}">{}</span>', tone_of(word), state_word(word)
    )


@register.filter(name="word")
def state_word(word: object) -> str:
    """A state in the reader's language, small: its stored name where none is known."""
    shown = str(word).lower().replace("_", " ")
    return gettext(shown) if shown else ""


@register.filter
def say(text: object) -> str:
    """Words that the code has not marked, such as a label made of a field's name."""
    return gettext(str(text)) if text else ""


@register.filter
def tone(word: object) -> str:
    """The tone of a state."""
    return tone_of(word)


@register.filter
def pretty_json(value: object) -> str:
    """JSON (as text or parsed) over several lines; other texts as they are."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            return str(value)
    return json.dumps(value, indent=2, ensure_ascii=False, default=str)


@register.filter
def order_url(number: str | None) -> str:
    """The page of the order with this number."""
    return url_of_order(number)


@register.filter
def energy_of(row: Any) -> str:  # noqa: ANN401 - a transaction, of a room above
    """Energy of a charge: settled, or what the register gained so far."""
    if row.energy_wh is not None:
        return kwh(row.energy_wh)
    if row.last_energy_wh is None or row.meter_start_wh is None:
        return NOTHING
    return kwh(max(row.last_energy_wh - row.meter_start_wh, Decimal(0)))


@register.simple_tag
def figure_key(panel_name: str, title: str) -> str:
    """See ``dashboard.figure_key``."""
    return str(import_module("cpms.accounts.dashboard").figure_key(panel_name, title))
