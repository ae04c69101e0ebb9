"""Filters: values as people read them."""

from datetime import datetime

from django import template

from cpms.web import numbers

register = template.Library()


@register.filter
def money(amount_minor: int, currency: str) -> str:
    """``{{ order.hold_minor|money:order.currency }}``."""
    return numbers.money_text(amount_minor, currency)


@register.filter
def kwh(energy_wh: int) -> str:
    """Wh as kWh with two decimals."""
    return numbers.kilo_text(energy_wh)


@register.filter
def kw(power_w: int) -> str:
    """W as kW."""
    return numbers.power_text(power_w)


@register.filter
def moment(at: datetime, time_zone: str) -> str:
    """Day and time at the station."""
    return numbers.day_text(at, time_zone)
