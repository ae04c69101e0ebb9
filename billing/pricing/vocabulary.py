# ruff: noqa: RUF001 - Chinese has punctuation of its own
"""The words of a tariff per language: patterns and names, no logic.

Three languages are spoken at the stations: English, German and simplified Chinese.
A new one is one more ``Vocabulary``; a test asks that each says everything.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from billing.pricing.tariff import Dimension, ReservationKind

Subject = tuple[Dimension, ReservationKind | None]
"""What is paid for: a dimension, of the charge (None) or of a reservation."""

SUBJECTS: Final[tuple[Subject, ...]] = (
    (Dimension.FLAT, None),
    (Dimension.ENERGY, None),
    (Dimension.TIME, None),
    (Dimension.PARKING_TIME, None),
    (Dimension.FLAT, ReservationKind.RESERVATION),
    (Dimension.TIME, ReservationKind.RESERVATION),
    (Dimension.FLAT, ReservationKind.EXPIRES),
    (Dimension.TIME, ReservationKind.EXPIRES),
)
"""In the order in which they are told."""


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """How one language says a tariff. ``{0}`` and ``{1}`` are filled in.

    Args:
        names: of the subjects, in the order of ``SUBJECTS``.
        units: what follows a price per kWh and per hour; ``{0}`` is the price.
        days: Monday to Sunday, short.
        row: name and prices of one subject.
        between_prices, between_conditions, between_sentences: separators.
        decimal_sign: of numbers.
        idle_grace, idle_cap: of parking after the charge.
        total: what a charge came to.
    """

    names: tuple[str, ...]
    per_kwh: str
    per_hour: str
    per_block: str
    under: str
    otherwise: str
    free: str
    from_: str
    below: str
    since: str
    before: str
    days: tuple[str, ...]
    row: str
    between_prices: str
    between_conditions: str
    between_sentences: str
    decimal_sign: str
    at_least: str
    at_most: str
    without_taxes: str
    free_of_charge: str
    taxes_included: str
    taxes_open: str
    taxes_none: str
    idle_grace: str
    idle_cap: str
    total: str


ENGLISH: Final = Vocabulary(
    names=(
        "Start fee",
        "Energy",
        "Charging time",
        "Parking after charging",
        "Reservation fee",
        "Reservation",
        "Fee for an unused reservation",
        "Unused reservation",
    ),
    per_kwh="{0} per kWh",
    per_hour="{0} per hour",
    per_block="{0}, billed per {1}",
    under="{0} ({1})",
    otherwise="otherwise {0}",
    free="free",
    from_="from {0}",
    below="below {0}",
    since="from {0}",
    before="before {0}",
    days=("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"),
    row="{0}: {1}.",
    between_prices="; ",
    between_conditions=", ",
    between_sentences=" ",
    decimal_sign=".",
    at_least="At least {0}.",
    at_most="At most {0}.",
    without_taxes="{0} before taxes",
    free_of_charge="Free of charge.",
    taxes_included="Prices include taxes.",
    taxes_open="Taxes may be added.",
    taxes_none="No taxes apply.",
    idle_grace="The first {0} of parking cost nothing.",
    idle_cap="At most {0} of parking are billed.",
    total="Total {0}",
)

GERMAN: Final = Vocabulary(
    names=(
        "Startgebühr",
        "Energie",
        "Ladezeit",
        "Parken nach dem Laden",
        "Reservierungsgebühr",
        "Reservierung",
        "Gebühr für eine ungenutzte Reservierung",
        "Ungenutzte Reservierung",
    ),
    per_kwh="{0} pro kWh",
    per_hour="{0} pro Stunde",
    per_block="{0}, abgerechnet je {1}",
    under="{0} ({1})",
    otherwise="sonst {0}",
    free="kostenlos",
    from_="ab {0}",
    below="unter {0}",
    since="ab {0}",
    before="vor {0}",
    days=("Mo", "Di", "Mi", "Do", "Fr", "Sa", "So"),
    row="{0}: {1}.",
    between_prices="; ",
    between_conditions=", ",
    between_sentences=" ",
    decimal_sign=",",
    at_least="Mindestens {0}.",
    at_most="Höchstens {0}.",
    without_taxes="{0} vor Steuern",
    free_of_charge="Kostenlos.",
    taxes_included="Preise inklusive Steuern.",
    taxes_open="Steuern können hinzukommen.",
    taxes_none="Es fallen keine Steuern an.",
    idle_grace="Die ersten {0} des Parkens kosten nichts.",
    idle_cap="Höchstens {0} Parken werden berechnet.",
    total="Summe {0}",
)

CHINESE: Final = Vocabulary(
    names=(
        "起步费",
        "电量",
        "充电时间",
        "充电后占位",
        "预约费",
        "预约",
        "未使用预约费",
        "未使用的预约",
    ),
    per_kwh="{0} / kWh",
    per_hour="{0} / 小时",
    per_block="{0}，按 {1} 计费",
    under="{0}（{1}）",
    otherwise="其他情况 {0}",
    free="免费",
    from_="自 {0} 起",
    below="低于 {0}",
    since="自 {0} 起",
    before="{0} 之前",
    days=("周一", "周二", "周三", "周四", "周五", "周六", "周日"),
    row="{0}：{1}。",
    between_prices="；",
    between_conditions="，",
    between_sentences="",
    decimal_sign=".",
    at_least="最低 {0}。",
    at_most="最高 {0}。",
    without_taxes="税前 {0}",
    free_of_charge="免费。",
    taxes_included="价格含税。",
    taxes_open="可能另加税费。",
    taxes_none="无需缴税。",
    idle_grace="占位的前 {0} 免费。",
    idle_cap="占位最多按 {0} 计费。",
    total="合计 {0}",
)

LANGUAGES: Final[Mapping[str, Vocabulary]] = {
    "en": ENGLISH,
    "de": GERMAN,
    "zh": CHINESE,
}


def language_of(tag: str | None) -> str:
    """The language that is spoken for a tag: ``de-AT`` de, ``zh_Hans`` zh, else en."""
    primary = (tag or "").replace("_", "-").split("-")[0].lower()
    return primary if primary in LANGUAGES else "en"
