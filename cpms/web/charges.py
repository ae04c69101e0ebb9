"""A charge as its own page shows it: in which stage it is, and its values."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from django.utils.translation import gettext as _

from billing.models import Order, Receipt
from billing.services import guests
from billing.services.documents import listing
from billing.services.documents.receipt_pdf import receipt_pdf
from billing.services.guests import LiveOrder
from charge_points.queries import (
    PeriodFact,
    SessionFacts,
    charging_session,
    connector_view,
)
from cpms.accounts.tenancy import acting_as_platform
from cpms.web import figures
from cpms.web.plot import Point, power_svg

STALE_AFTER: Final = timedelta(minutes=3)
"""Meter values come every minute or so; later than this, the link may be lost."""

_STAGES: Final = {
    "STARTING": "starting",
    "CHARGING": "charging",
    "FINISHED": "billing",
    "REVIEW": "billing",
    "RATED": "billing",
    "CLOSED": "done",
    "CANCELLED": "cancelled",
    "FAILED": "failed",
}
ENDED: Final = frozenset({"done", "cancelled", "failed", "declined"})
"""Stages in which nothing more comes."""
_MOMENT: Final = timedelta(seconds=1)
_MICROSECONDS: Final = timedelta(microseconds=1)
_WATT: Final = Decimal("0.001")


@dataclass(frozen=True, slots=True)
class Charge:
    """A charge, its stage and what its page shows."""

    order: LiveOrder
    stage: str
    values: dict[str, str]
    plot: str

    @property
    def is_live(self) -> bool:
        """Whether something more comes."""
        return self.stage not in ENDED

    @property
    def has_begun(self) -> bool:
        """Whether energy flows or flowed."""
        return self.order.started_at is not None

    @property
    def mark(self) -> str:
        """Changes when the page has to be laid out anew."""
        order = self.order
        return "-".join(
            (
                self.stage,
                "stop" if order.can_stop else "",
                "pay" if order.action_url else "",
                "receipt" if order.receipt_ready else "",
            )
        )


def find_charge(token: str, *, at: datetime) -> Charge:
    """The charge of a page.

    Raises:
        UnableToFindOrder: the token is none of ours.
    """
    order = guests.by_live_token(token, at=at)
    session = _session(order.order_number) if order.started_at else None
    return Charge(
        order=order,
        stage=stage_of(order),
        values=_values(order, at=at),
        plot=_plot(session) if session else "",
    )


def stage_of(order: LiveOrder) -> str:
    """What the driver is waiting for, or how it ended."""
    if order.state == "FAILED" and order.payment_state == "DECLINED":
        return "declined"
    if order.state == "CREATED":
        return "pay" if order.action_url else "hold"
    return _STAGES[order.state]


def _session(number: str) -> SessionFacts | None:
    with acting_as_platform("the plot of a charge whose address is known"):
        found = Order.objects.filter(number=number).values_list("transaction_id")
        transaction_id = found.first()
        if transaction_id is None or transaction_id[0] is None:
            return None
        return charging_session(transaction_id[0])


def _values(order: LiveOrder, *, at: datetime) -> dict[str, str]:
    values: dict[str, str] = {
        "energy": figures.kilo_text(order.energy_wh),
        "cost": figures.money_text(order.cost_minor, order.currency),
        "power": "–" if order.power_w is None else figures.kilo_text(order.power_w, 1),
        "duration": "–",
        "soc": "" if order.soc_percent is None else f"{order.soc_percent} %",
        "measured": "",
        "stale": "",
    }
    if order.started_at is not None:
        length = (order.ended_at or at) - order.started_at
        values["duration"] = figures.length_text(length)
    if order.measured_at is not None:
        clock = figures.clock_text(order.measured_at, order.time_zone)
        values["measured"] = _("Last value from the charger: %(time)s") % {
            "time": clock
        }
        silent = order.state == "CHARGING" and at - order.measured_at > STALE_AFTER
        if silent:
            values["stale"] = _(
                "The station has not told anything for a while. The charge goes on; "
                "the bill is made from its meter."
            )
    return values


def _plot(session: SessionFacts) -> str:
    points: list[Point] = []
    for period in session.periods:
        # Of a moment no mean power can be told.
        if not points or period.ends_at - period.starts_at >= _MOMENT:
            points.append((period.starts_at, _mean_kw(period)))
    if not points:
        return ""
    points.append((session.periods[-1].ends_at, points[-1][1]))
    return power_svg(
        points,
        time_zone=session.time_zone,
        label=_("Charging power over time, in kilowatts"),
    )


def _mean_kw(period: PeriodFact) -> Decimal:
    length_us = max((period.ends_at - period.starts_at) // _MICROSECONDS, 1)
    watts = period.energy_wh * 3_600_000_000 / length_us
    return (watts / 1000).quantize(_WATT)


def label_of(charge: Charge) -> str:
    """The code of the connector's label, to try again there; "" when it is gone."""
    order = charge.order
    with acting_as_platform("what a label says is public"):
        view = connector_view(order.charge_point, order.evse, order.connector)
    return view.code if view else ""


def receipt_pdf_of(number: str, language: str) -> bytes | None:
    """The receipt that holds, as PDF; None before its issue."""
    with acting_as_platform("the receipt of a charge whose address is known"):
        row = Receipt.objects.select_related("order").filter(order__number=number)
        found = row.order_by("-pk").first()
        return None if found is None else receipt_pdf(found, language_code=language)


def document_pdf_of(
    number: str, kind: str, document: int, language: str
) -> bytes | None:
    """One document of a charge as PDF: also those that another one replaced."""
    with acting_as_platform("a document of a charge whose address is known"):
        return listing.pdf_of(number, kind, document, language_code=language)


def receipt_of(number: str) -> dict[str, Any] | None:
    """The receipt that holds: its frozen body with number, date and all documents.

    None before its issue. ``documents`` is empty while there is only this one.
    """
    with acting_as_platform("the receipt of a charge whose address is known"):
        row = (
            Receipt.objects.select_related("operator")
            .filter(order__number=number)
            .order_by("-pk")
            .first()
        )
        if row is None:
            return None
        documents = listing.documents_of(number)
        return {
            **row.body,
            "number": row.number,
            "issued_at": row.issued_at,
            "documents": documents if len(documents) > 1 else [],
        }
