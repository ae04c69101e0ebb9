"""An order's whole story for one page: every step with its time and its cause."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import groupby
from typing import Any, Final

from billing.models import Cdr, Order, OrderMove, Receipt
from billing.pricing import UnableToParseTariff, describe, parse_tariff
from billing.services import receipts
from billing.services.documents.listing import Document, documents_of
from charge_points.queries import PeriodFact, SessionFacts, charging_session
from cpms.kernel.money import format_minor
from cpms.kernel.plots import Series, plot_svg
from cpms.kernel.zones import zone_named
from settlement.queries import (
    LedgerLineView,
    PaymentView,
    SplitLineView,
    ledger_lines,
    payments_of_order,
    split_lines,
)

_HOUR_US: Final = Decimal(3_600_000_000)
_MICROSECOND: Final = timedelta(microseconds=1)
_MOMENT: Final = timedelta(seconds=1)
_DIGITS: Final = Decimal("0.001")
_UNITS: Final = {"ENERGY": "kWh", "TIME": "h", "PARKING_TIME": "h", "FLAT": ""}


@dataclass(frozen=True, slots=True)
class Step:
    """One move: of the order, or (``is_payment``) of its payment."""

    at: datetime
    to_state: str
    cause: str
    actor: str
    is_payment: bool


@dataclass(frozen=True, slots=True)
class PriceLine:
    """One line of the price with exact decimals as text."""

    dimension: str
    volume: str
    billed_volume: str
    unit: str
    unit_price: str
    tax_rate: str
    before_taxes: str
    taxes: str
    after_taxes: str


@dataclass(frozen=True, slots=True)
class Share:
    """What a party got of the money, with its part of the capture in percent."""

    line: SplitLineView
    amount: str
    percent: Decimal | None


@dataclass(frozen=True, slots=True)
class EntryLine:
    """One leg; one of the two amounts is empty."""

    account: str
    debit: str
    credit: str


@dataclass(frozen=True, slots=True)
class Entry:
    """A balanced fact of the ledger. ``is_platforms``: the platform's own book."""

    entry_id: int
    source: str
    at: datetime
    is_platforms: bool
    is_balanced: bool
    lines: tuple[EntryLine, ...]


@dataclass(frozen=True, slots=True)
class Story:
    """What the page shows, top to bottom. Texts of money carry their currency."""

    order: Order
    operator: str
    amount: str
    hold: str
    duration: timedelta | None
    tariff_text: str
    steps: tuple[Step, ...]
    session: SessionFacts | None
    plot: str
    cdr: Cdr | None
    earlier_cdrs: tuple[Cdr, ...]
    price_lines: tuple[PriceLine, ...]
    payments: tuple[PaymentView, ...]
    shares: tuple[Share, ...]
    entries: tuple[Entry, ...]
    receipt: Receipt | None
    documents: tuple[Document, ...]


def story_of(order: Order) -> Story:
    """Collect the story from the doors of the other rooms."""
    # A correction is a credit of the record before and a new one.
    cdrs = list(order.cdrs.filter(credits=None).order_by("-sequence"))
    session = charging_session(order.transaction_id) if order.transaction_id else None
    return Story(
        order=order,
        operator=order.operator.name,
        amount=_money(order.amount_minor, order.currency),
        hold=format_minor(order.hold_minor, order.currency),
        duration=_duration(order),
        tariff_text=_tariff_text(order),
        steps=tuple(_step(row) for row in order.moves.all()),
        session=session,
        plot=_plot(session) if session else "",
        cdr=cdrs[0] if cdrs else None,
        earlier_cdrs=tuple(cdrs[1:]),
        price_lines=tuple(_price_line(line) for line in cdrs[0].lines) if cdrs else (),
        payments=tuple(payments_of_order(order.number)),
        shares=_shares(split_lines(order.number)),
        entries=_entries(ledger_lines(order.number)),
        receipt=receipts.latest(order),
        documents=tuple(documents_of(order.number)),
    )


def _money(amount_minor: int | None, currency: str) -> str:
    return "" if amount_minor is None else format_minor(amount_minor, currency)


def _duration(order: Order) -> timedelta | None:
    """To the second: nobody reads microseconds."""
    if order.started_at is None or order.ended_at is None:
        return None
    whole = order.ended_at - order.started_at
    return whole - timedelta(microseconds=whole.microseconds)


def _tariff_text(order: Order) -> str:
    """In words; a copy that today's engine cannot read is said to be so."""
    try:
        return describe(parse_tariff(order.tariff))
    except UnableToParseTariff as error:
        return f"({error})"


def _step(row: OrderMove) -> Step:
    is_payment = row.to_state.startswith("payment ")
    return Step(
        at=row.at,
        to_state=row.to_state.removeprefix("payment "),
        cause=row.cause,
        actor=row.actor,
        is_payment=is_payment,
    )


def _price_line(line: dict[str, Any]) -> PriceLine:
    return PriceLine(
        dimension=line["dimension"],
        volume=line["volume"],
        billed_volume=line["billed_volume"],
        unit=_UNITS.get(line["dimension"], ""),
        unit_price=line["unit_price"],
        tax_rate=line.get("tax_rate") or "",
        before_taxes=line["before_taxes"],
        taxes=line["taxes"],
        after_taxes=line["after_taxes"],
    )


def _shares(lines: Sequence[SplitLineView]) -> tuple[Share, ...]:
    total = sum(line.amount_minor for line in lines if line.amount_minor > 0)
    return tuple(
        Share(
            line=line,
            amount=format_minor(line.amount_minor, line.currency),
            percent=(
                (Decimal(line.amount_minor * 100) / total).quantize(Decimal("0.1"))
                if total and line.amount_minor > 0
                else None
            ),
        )
        for line in lines
    )


def _entries(lines: Sequence[LedgerLineView]) -> tuple[Entry, ...]:
    found = []
    ordered = sorted(lines, key=lambda line: line.entry_id)
    for entry_id, legs in groupby(ordered, key=lambda line: line.entry_id):
        rows = list(legs)
        sums: dict[str, int] = {}
        for leg in rows:
            sums[leg.currency] = sums.get(leg.currency, 0) + leg.amount_minor
        found.append(
            Entry(
                entry_id=entry_id,
                source=rows[0].source,
                at=rows[0].effective_at,
                is_platforms=not rows[0].operator_id,
                is_balanced=not any(sums.values()),
                lines=tuple(_leg(leg) for leg in rows),
            )
        )
    return tuple(found)


def _leg(leg: LedgerLineView) -> EntryLine:
    amount = format_minor(abs(leg.amount_minor), leg.currency)
    is_debit = leg.amount_minor > 0
    return EntryLine(
        leg.account, amount if is_debit else "", "" if is_debit else amount
    )


def _plot(session: SessionFacts) -> str:
    """Power and energy by period, as the price was made of them."""
    if not session.periods:
        return ""
    power: list[tuple[datetime, Decimal]] = []
    energy = [(session.periods[0].starts_at, Decimal(0))]
    used_wh = Decimal(0)
    for period in session.periods:
        used_wh += period.energy_wh
        # Of a moment no mean power can be told.
        if not power or period.ends_at - period.starts_at >= _MOMENT:
            power.append((period.starts_at, _mean_kw(period)))
        energy.append((period.ends_at, (used_wh / 1000).quantize(_DIGITS)))
    power.append((session.periods[-1].ends_at, power[-1][1]))
    return plot_svg(
        Series("Power", "kW", tuple(power), is_step=True),
        Series("Energy", "kWh", tuple(energy)),
        zone=zone_named(session.time_zone),
        label="Power and energy of this charge over time",
    )


def _mean_kw(period: PeriodFact) -> Decimal:
    length_us = (period.ends_at - period.starts_at) // _MICROSECOND
    watts = period.energy_wh * _HOUR_US / max(length_us, 1)
    return (watts / 1000).quantize(_DIGITS)
