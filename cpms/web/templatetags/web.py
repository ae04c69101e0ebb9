"""Filters: values as people read them."""

from datetime import datetime
from decimal import Decimal

from django import template

from cpms.web import figures

register = template.Library()


@register.filter
def money(amount_minor: int, currency: str) -> str:
    """``{{ order.hold_minor|money:order.currency }}``."""
    return figures.money_text(amount_minor, currency)


@register.filter
def kwh(energy_wh: int) -> str:
    """Wh as kWh with two decimals."""
    return figures.kilo_text(energy_wh)


@register.filter
def about_kwh(energy_wh: int) -> str:
    """Wh as whole kWh, for what is only a forecast."""
    return figures.kilo_text(energy_wh, 0)


@register.filter
def kw(power_w: int) -> str:
    """W as kW."""
    return figures.power_text(power_w)


@register.filter
def plain(number: object) -> str:
    """``19`` of ``19.0``: no zeros at the end, in the reader's language."""
    return figures.decimal_text(Decimal(str(number)).normalize() + 0)


@register.filter
def moment(at: datetime, time_zone: str) -> str:
    """Day and time at the station."""
    return figures.day_text(at, time_zone)
