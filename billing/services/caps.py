"""Spending caps of accounts and vehicles: per charge, per day, per month.

What counts as spent is the price of a charge once it has one, and its hold until
then; so a cap cannot be passed by charges that run at the same time. Days and months
are those of the place of the charge.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.db.models import F, Q, QuerySet, Sum
from django.db.models.functions import Coalesce

from billing.models import Order
from billing.models.order_states import OrderState
from cpms.accounts.models import Driver, Vehicle
from cpms.kernel.zones import zone_named


@dataclass(frozen=True, slots=True)
class Left:
    """What a cap leaves for a charge, in minor units; ``of`` names the cap."""

    amount_minor: int
    of: str


def lock(driver: Driver | None, vehicle: Vehicle | None) -> None:
    """Let orders of one account, and of one vehicle, be placed one after the other.

    Taken before connectors and certificates are locked, here as everywhere, so that
    two starts never wait for each other.
    """
    if driver is not None:
        Driver.objects.select_for_update(no_key=True).get(pk=driver.pk)
    if vehicle is not None:
        Vehicle.objects.select_for_update(no_key=True).get(pk=vehicle.pk)


def left(
    driver: Driver | None,
    vehicle: Vehicle | None,
    *,
    currency: str,
    time_zone: str,
    at: datetime,
) -> Iterator[Left]:
    """What each cap leaves; caps of another currency do not count here.

    Call ``lock`` before, in the same database transaction, where an order follows.
    """
    if driver is not None and driver.cap_currency == currency:
        if driver.cap_minor:
            yield Left(driver.cap_minor, "the account's cap for a charge")
        rows = Order.objects.filter(driver_id=driver.pk, currency=currency)
        periods = (driver.day_cap_minor, driver.month_cap_minor)
        yield from _periods(rows, periods, "the account's", time_zone, at)
    if vehicle is not None and vehicle.cap_currency == currency:
        if vehicle.charge_cap_minor:
            yield Left(vehicle.charge_cap_minor, "the vehicle's cap for a charge")
        rows = Order.objects.filter(vehicle_id=vehicle.pk, currency=currency)
        periods = (vehicle.day_cap_minor, vehicle.month_cap_minor)
        yield from _periods(rows, periods, "the vehicle's", time_zone, at)


def used_up(driver: Driver, *, at: datetime) -> Left | None:
    """The cap for a day or a month that priced charges have used up, if one is.

    Holds do not count here: a charge that runs may cost less than its hold, and its
    card must be good for stopping it. They count where the next charge begins. Days
    and months are those of the place of the latest charge.
    """
    if not driver.cap_currency or not (driver.day_cap_minor or driver.month_cap_minor):
        return None
    rows = Order.objects.filter(
        driver_id=driver.pk, currency=driver.cap_currency, amount_minor__isnull=False
    )
    latest = rows.order_by("-created_at").values_list("time_zone", flat=True).first()
    if latest is None:
        return None
    periods = (driver.day_cap_minor, driver.month_cap_minor)
    found = _periods(rows, periods, "the account's", latest, at)
    return next((each for each in found if each.amount_minor <= 0), None)


def _periods(
    rows: QuerySet[Order],
    periods: tuple[int | None, int | None],
    whose: str,
    time_zone: str,
    at: datetime,
) -> Iterator[Left]:
    day, month = periods
    midnight = at.astimezone(zone_named(time_zone)).replace(
        hour=0, minute=0, second=0, microsecond=0
    )
    if day is not None:
        yield Left(day - _spent(rows, midnight), f"{whose} cap for a day")
    if month is not None:
        first = midnight.replace(day=1)
        yield Left(month - _spent(rows, first), f"{whose} cap for a month")


def _spent(rows: QuerySet[Order], since: datetime) -> int:
    """Prices, and holds of what has no price yet."""
    nothing = Q(state__in=[OrderState.CANCELLED, OrderState.FAILED])
    found = rows.filter(created_at__gte=since).exclude(nothing)
    total = found.aggregate(sum=Sum(Coalesce(F("amount_minor"), F("hold_minor"))))
    return total["sum"] or 0
