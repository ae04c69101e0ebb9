"""The words of the documents in three languages, and how numbers are written there."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo

from cpms.kernel.money import from_minor, minor_digits

_FIELDS: Final = (
    "receipt",
    "credit_note",
    "order",
    "issued",
    "paid_to",
    "place",
    "begin",
    "end",
    "energy",
    "meter",
    "item",
    "quantity",
    "amount",
    "tax",
    "before_taxes",
    "total",
    "refund",
    "for_receipt",
    "reason",
    "signed",
    "estimated",
    "replaces",
    "correction",
    "late_facts",
    "carried",
    "difference_back",
    "difference_due",
    "pay_here",
    "rounding",
)
_EN: Final = (
    *("Receipt", "Credit note", "Order", "Issued", "Paid directly to", "Place"),
    *("Begin", "End", "Energy", "Meter", "Item", "Quantity", "Amount", "Tax"),
    *("Before taxes", "Total", "Refund", "For receipt", "Reason"),
    *("Signed meter values", "estimated", "Replaces receipt", "Correction"),
    "measured values that arrived later",
    "refunded before the correction",
    *("Goes back to you", "Still to pay", "Pay here", "Rounding"),
)
_DE: Final = (
    *("Beleg", "Gutschrift", "Auftrag", "Ausgestellt", "Bezahlt direkt an", "Ort"),
    *("Beginn", "Ende", "Energie", "Zähler", "Posten", "Menge", "Betrag", "Steuer"),
    *("Netto", "Summe", "Erstattung", "Zum Beleg", "Grund"),
    *("Signierte Messwerte", "geschätzt", "Ersetzt Beleg", "Korrektur"),
    "später eingetroffene Messwerte",
    "vor der Korrektur erstattet",
    *("Geht an Sie zurück", "Noch zu zahlen", "Hier bezahlen", "Rundung"),
)
_ZH: Final = (
    *("收据", "红字凭证", "订单", "开具时间", "款项直接支付给", "地点"),
    *("开始", "结束", "电量", "电表", "项目", "数量", "金额", "税"),
    *("税前", "合计", "退款", "对应收据", "原因"),
    *("签名电表读数", "估算", "替代收据", "更正"),
    "稍后到达的计量值",
    "更正前已退款",
    *("将退还给您", "尚需支付", "在此支付", "舍入"),
)
_NAMES: Final = {
    "en": ("Start fee", "Energy", "Charging time", "Parking", "Reservation"),
    "de": ("Startgebühr", "Energie", "Ladezeit", "Standzeit", "Reservierung"),
    "zh-hans": ("启动费", "电量", "充电时间", "占位时间", "预约"),
}
_DIMENSIONS: Final = ("FLAT", "ENERGY", "TIME", "PARKING_TIME", "RESERVATION")
UNITS: Final = {"ENERGY": "kWh", "TIME": "h", "PARKING_TIME": "h", "RESERVATION": "h"}


@dataclass(frozen=True, slots=True)
class Language:
    """How a language says and writes things."""

    code: str
    words: dict[str, str]
    dimensions: dict[str, str]
    decimal_point: str
    thousands: str
    moment: str

    def number(self, value: Decimal) -> str:
        """A decimal as it stands, with the language's separators."""
        text = f"{value:,f}"
        swapped = text.replace(",", "\0").replace(".", self.decimal_point)
        return swapped.replace("\0", self.thousands)

    def money(self, minor: int, currency: str) -> str:
        """``1,234.50 EUR``."""
        value = from_minor(minor, currency)
        digits = Decimal(1).scaleb(-minor_digits(currency))
        return f"{self.number(value.quantize(digits))} {currency}"

    def when(self, at: str | None, zone: str) -> str:
        """An ISO instant in the site's local time, with its zone's abbreviation."""
        if not at:
            return "-"
        local = datetime.fromisoformat(at).astimezone(ZoneInfo(zone))
        return local.strftime(self.moment)


def _language(
    code: str, texts: tuple[str, ...], point: str, thousands: str, moment: str
) -> Language:
    return Language(
        code,
        dict(zip(_FIELDS, texts, strict=True)),
        dict(zip(_DIMENSIONS, _NAMES[code], strict=True)),
        point,
        thousands,
        moment,
    )


LANGUAGES: Final = {
    "en": _language("en", _EN, ".", ",", "%Y-%m-%d %H:%M %Z"),
    "de": _language("de", _DE, ",", ".", "%d.%m.%Y %H:%M %Z"),
    "zh-hans": _language("zh-hans", _ZH, ".", ",", "%Y-%m-%d %H:%M %Z"),
}


def language(code: str) -> Language:
    """The language with this code; English for those that we do not speak."""
    return LANGUAGES.get(code.lower(), LANGUAGES["en"])
