"""What a charge costs, on the station's display: told by billing, never computed here.

2.0.1 shows ``totalCost`` of the answer to TransactionEvent (I03), and CostUpdated
between them (I02); the driver's own price goes with an answer as well (I01). 1.6
stations that speak the OCA's cost messages get a DataTransfer.
"""

import time
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from django.db import connection, transaction
from django.db.models import Exists, F, OuterRef, Q

from charge_points.models import ChargePoint, DeviceVariable, Transaction
from charge_points.services import capabilities, commands
from cpms.kernel.errors import DomainError
from cpms.kernel.money import from_minor

COST_UPDATED: Final = "cost_updated"
COST_MESSAGE: Final = "cost_message"
USER_PRICE: Final = "SetUserPrice"
RUNNING_COST: Final = "RunningCost"
FINAL_COST: Final = "FinalCost"
LIFETIME: Final = timedelta(minutes=2)
FINAL_LIFETIME: Final = timedelta(minutes=10)
TELL_EVERY: Final = timedelta(seconds=30)
"""A display that changes more often helps nobody."""

TEXT_CHARS_MAX: Final = 500
PERSONAL_CHARS_MAX: Final = 512
"""``MessageContentType.content`` of 2.0.1."""
FINAL_WITHIN_S: Final = 5.0
"""So long a station waits for the bill when its charge has ended; most take less than
a second. A bill that comes later is not shown there."""
LOOK_EVERY_S: Final = 0.1


class UnableToTellCost(DomainError):
    """There is no such transaction, or the cost makes no sense."""

    http_status = 404


def _charge(transaction_id: int) -> Transaction:
    row = (
        Transaction.objects.select_for_update(no_key=True, of=("self",))
        .select_related("charge_point")
        .filter(pk=transaction_id)
        .first()
    )
    if row is None:
        raise UnableToTellCost(
            "unknown_transaction", f"There is no transaction {transaction_id}."
        )
    return row


@transaction.atomic
def put_running_cost(
    *, transaction_id: int, total_minor: int, currency: str, at: datetime
) -> bool:
    """Billing says what a running charge costs so far, taxes included.

    An older fact than the last changes nothing. The station is told at most every
    ``TELL_EVERY``.

    Args:
        transaction_id: the row's id.
        total_minor: of ``currency``, 0 or more.
        currency: ISO 4217.
        at: as of when.

    Returns:
        Whether the station was asked to show it.

    Raises:
        UnableToTellCost: no such transaction, or a negative cost.
    """
    if total_minor < 0:
        raise UnableToTellCost(
            "cost_negative", "A charge never costs less than 0.", http_status=422
        )
    row = _charge(transaction_id)
    before = row.running_cost_at
    if row.cost_is_final or (before is not None and at <= before):
        return False
    same = (row.running_cost_minor, row.running_cost_currency) == (
        total_minor,
        currency,
    )
    if before is not None and at - before < TELL_EVERY:
        if not same:
            _keep(row, total_minor, currency, before)
        return False
    _keep(row, total_minor, currency, at)
    if row.state != Transaction.State.ACTIVE or (same and before is not None):
        return False
    return _tell_running(row, at)


def _keep(
    row: Transaction,
    total_minor: int,
    currency: str,
    at: datetime,
    *,
    is_final: bool = False,
) -> None:
    row.running_cost_minor = total_minor
    row.running_cost_currency = currency
    row.running_cost_at = at
    row.cost_is_final = is_final
    row.save(
        update_fields=[
            "running_cost_minor",
            "running_cost_currency",
            "running_cost_at",
            "cost_is_final",
        ]
    )


def _tell_running(row: Transaction, at: datetime) -> bool:
    station = row.charge_point
    cost = from_minor(row.running_cost_minor or 0, row.running_cost_currency)
    if row.ocpp_version == "1.6":
        if not station.speaks_cost_messages:
            return False
        taken = (row.last_energy_wh or Decimal(0)) - (row.meter_start_wh or Decimal(0))
        _message(
            row,
            RUNNING_COST,
            {
                "transactionId": int(row.ocpp_id),
                "timestamp": at.isoformat().replace("+00:00", "Z"),
                "meterValue": int(max(taken, Decimal(0))),
                "cost": str(cost),
                "state": "Charging",
            },
            lifetime=LIFETIME,
            at=at,
        )
        return True
    if not capabilities.of_station(station.pk).shows_cost:
        return False
    commands.queue_intent(
        charge_point_id=station.pk,
        intent=COST_UPDATED,
        arguments={"transaction_id": row.ocpp_id, "total_cost": str(cost)},
        by="billing",
        idempotency_key=f"cost:{row.pk}:{at.isoformat()}",
        expires_at=at + LIFETIME,
        at=at,
        order_number=row.order_number or "",
    )
    return True


@transaction.atomic
def put_final_cost(
    *,
    transaction_id: int,
    total_minor: int,
    currency: str,
    text: str,
    receipt_url: str,
    at: datetime,
) -> bool:
    """Billing says what a charge cost in the end, and how to say it.

    Returns:
        Whether the station was asked to show it: 1.6 with cost messages.

    Raises:
        UnableToTellCost: there is no such transaction.
    """
    row = _charge(transaction_id)
    _keep(row, total_minor, currency, at, is_final=True)
    station = row.charge_point
    if row.ocpp_version != "1.6" or not station.speaks_cost_messages:
        return False
    message = {
        "transactionId": int(row.ocpp_id),
        "cost": str(from_minor(total_minor, currency)),
        "priceText": text[:TEXT_CHARS_MAX],
    }
    if receipt_url:
        message["qrCodeText"] = receipt_url
    _message(row, FINAL_COST, message, lifetime=FINAL_LIFETIME, at=at)
    return True


@transaction.atomic
def put_user_price(
    *, charge_point_id: int, id_token: str, text: str, key: str, at: datetime
) -> bool:
    """Show a driver's own price at the station, as soon as the charge has begun.

    1.6 with cost messages: by a message of its own. 2.0.1 with a display for tariffs:
    with the next answer to a TransactionEvent (``updatedPersonalMessage``).

    Args:
        charge_point_id: where.
        id_token: whose price it is.
        text: in words, in the driver's language.
        key: the number of the order.
        at: now.

    Returns:
        Whether the station is asked to show it.
    """
    station = ChargePoint.objects.filter(pk=charge_point_id).first()
    if station is not None and station.ocpp_version == "2.0.1":
        return _personal_message(station, text, order_number=key)
    if station is None or not station.speaks_cost_messages:
        return False
    commands.queue_intent(
        charge_point_id=charge_point_id,
        intent=COST_MESSAGE,
        arguments={
            "message": USER_PRICE,
            "data": {"idToken": id_token, "priceText": text[:TEXT_CHARS_MAX]},
        },
        by="billing",
        idempotency_key=f"user price:{key}",
        expires_at=at + LIFETIME,
        at=at,
    )
    return True


def _personal_message(station: ChargePoint, text: str, *, order_number: str) -> bool:
    if not capabilities.of_station(station.pk).shows_tariff:
        return False
    running = Transaction.objects.filter(
        charge_point=station, order_number=order_number, state=Transaction.State.ACTIVE
    )
    return bool(running.update(personal_message=text[:PERSONAL_CHARS_MAX]))


def _message(
    row: Transaction,
    name: str,
    data: dict[str, object],
    *,
    lifetime: timedelta,
    at: datetime,
) -> None:
    commands.queue_intent(
        charge_point_id=row.charge_point_id,
        intent=COST_MESSAGE,
        arguments={"message": name, "data": data},
        by="billing",
        idempotency_key=f"{name}:{row.pk}:{at.isoformat()}",
        expires_at=at + lifetime,
        at=at,
        order_number=row.order_number or "",
    )


def charges_to_tell(*, at: datetime, limit: int) -> list[int]:
    """Running charges whose stations show costs and were not told lately.

    1.6 stations that speak the cost messages; 2.0.1 stations that told that they know
    TariffCostCtrlr. The longest untold come first.

    Args:
        at: now.
        limit: at most so many.

    Returns:
        Ids of transactions.
    """
    knows = DeviceVariable.objects.filter(
        charge_point_id=OuterRef("charge_point_id"),
        component__iexact="TariffCostCtrlr",
        variable__in=("Enabled", "Available"),
        value__iexact="true",
    )
    speaks = ChargePoint.objects.filter(
        pk=OuterRef("charge_point_id"), speaks_cost_messages=True
    )
    rows = (
        Transaction.objects.filter(
            state=Transaction.State.ACTIVE, order_number__isnull=False
        )
        .filter(
            Q(running_cost_at__isnull=True) | Q(running_cost_at__lte=at - TELL_EVERY)
        )
        .filter(
            Q(Exists(speaks), ocpp_version="1.6")
            | (~Q(ocpp_version="1.6") & Q(Exists(knows)))
        )
        .order_by(F("running_cost_at").asc(nulls_first=True), "pk")
    )
    return list(rows.values_list("pk", flat=True)[:limit])


@dataclass(frozen=True, slots=True)
class Display:
    """What the answer to a TransactionEvent tells the driver.

    ``cost`` is in whole units of the currency, None when nothing is known; ``message``
    is empty unless it is new.
    """

    cost: Decimal | None
    is_final: bool
    message: str


def displays(transaction_ids: Collection[int]) -> dict[int, Display]:
    """What to show of charges; a message is handed out once."""
    if not transaction_ids:
        return {}
    rows = Transaction.objects.filter(pk__in=transaction_ids).values_list(
        "pk",
        "running_cost_minor",
        "running_cost_currency",
        "cost_is_final",
        "personal_message",
    )
    found = {
        key: Display(
            None if minor is None else from_minor(minor, currency), final, message
        )
        for key, minor, currency, final, message in rows
    }
    told = [key for key, display in found.items() if display.message]
    if told:
        Transaction.objects.filter(pk__in=told).update(personal_message="")
    return found


def awaiting_bill(transaction_ids: Collection[int]) -> set[int]:
    """Charges that billing will price, at stations that show what they cost."""
    rows = Transaction.objects.filter(
        pk__in=transaction_ids, announced_at__isnull=False, cost_is_final=False
    )
    stations: dict[int, int] = dict(rows.values_list("pk", "charge_point_id"))
    if not stations:
        return set()
    known = capabilities.of_many(stations.values())
    return {key for key, station in stations.items() if known[station].shows_cost}


def await_bill(transaction_id: int) -> Decimal | None:
    """Wait for the final cost of a charge; None when it takes too long.

    Runs in a thread of its own, outside of any database transaction.
    """
    deadline = time.monotonic() + FINAL_WITHIN_S
    try:
        while True:
            final = Transaction.objects.filter(pk=transaction_id, cost_is_final=True)
            cost = final.values_list("running_cost_minor", "running_cost_currency")
            for minor, currency in cost:
                return from_minor(minor or 0, currency)
            if time.monotonic() >= deadline:
                return None
            time.sleep(LOOK_EVERY_S)
    finally:
        if not connection.in_atomic_block:
            connection.close()
