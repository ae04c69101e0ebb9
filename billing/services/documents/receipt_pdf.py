"""A receipt as PDF, from its frozen body: what was issued, not what is true today."""

from decimal import Decimal
from typing import Any, Final

from billing.models import Receipt
from billing.services.documents import pdf
from billing.services.documents.amounts import line_amount, rounding_of
from billing.services.documents.words import UNITS, Language, language

WH: Final = Decimal(1000)
METER_DIGITS: Final = Decimal("0.001")


def receipt_pdf(receipt: Receipt, *, language_code: str) -> bytes:
    """The receipt in a language that we speak; English otherwise."""
    body, speech = receipt.body, language(language_code)
    words = speech.words
    return pdf.render(
        pdf.Sheet(
            title=f"{words['receipt']} {receipt.number}",
            issuer=body["operator"],
            facts=_facts(receipt, speech),
            head=(words["item"], words["quantity"], words["amount"]),
            rows=_rows(body, speech),
            sums=_sums(body, speech),
            notes=_notes(body, speech),
            language=speech.code,
        )
    )


def _facts(receipt: Receipt, speech: Language) -> list[pdf.Row]:
    body, words = receipt.body, speech.words
    zone = receipt.order.time_zone or "UTC"
    energy = f"{_kwh(body['energy_wh'], speech)} kWh"
    if body.get("estimated"):
        energy += f" ({words['estimated']})"
    facts: list[pdf.Row] = [
        *_replaced(body, words),
        (words["order"], body["order"]),
        (words["issued"], speech.when(receipt.issued_at.isoformat(), zone)),
        (words["paid_to"], body["operator"]),
        (words["place"], f"{body['charge_point']} · {body['evse']}"),
        (words["begin"], speech.when(body["started_at"], zone)),
        (words["end"], speech.when(body["ended_at"], zone)),
        (words["energy"], energy),
    ]
    meter = [body.get(name) for name in ("meter_begin_wh", "meter_end_wh")]
    if all(value is not None for value in meter):
        shown = " \N{EN DASH} ".join(_kwh(value, speech) for value in meter)
        facts.append((words["meter"], f"{shown} kWh"))
    return facts


def _replaced(body: dict[str, Any], words: dict[str, str]) -> list[pdf.Row]:
    corrects = body.get("corrects")
    return [] if corrects is None else [(words["replaces"], str(corrects))]


def _kwh(energy_wh: Any, speech: Language) -> str:  # noqa: ANN401 - int or exact text
    return speech.number((Decimal(str(energy_wh)) / WH).quantize(METER_DIGITS))


def _rows(body: dict[str, Any], speech: Language) -> list[pdf.Row]:
    currency = body["currency"]
    rows = [_line(line, currency, speech) for line in body["lines"]]
    if rounding := rounding_of(body):
        words = speech.words["rounding"]
        rows.append((words, "", f"{speech.number(rounding)} {currency}"))
    return rows


def _line(line: dict[str, Any], currency: str, speech: Language) -> pdf.Row:
    amount = speech.number(line_amount(line, currency))
    unit = UNITS.get(line["dimension"], "")
    volume = Decimal(line["billed_volume"]).normalize() + 0
    quantity = f"{speech.number(volume)} {unit}" if unit else ""
    name = speech.dimensions.get(line["dimension"], line["dimension"])
    return name, quantity, f"{amount} {currency}"


def _sums(body: dict[str, Any], speech: Language) -> list[pdf.Row]:
    words, currency = speech.words, body["currency"]
    sums: list[pdf.Row] = [
        (words["before_taxes"], speech.money(body["before_taxes_minor"], currency))
    ]
    for row in body["taxes"]:
        if row["taxes_minor"]:
            rate = row.get("tax_rate")
            name = words["tax"]
            if rate is not None:
                name += f" {speech.number(Decimal(str(rate)).normalize() + 0)} %"
            sums.append((name, speech.money(row["taxes_minor"], currency)))
    sums.append((words["total"], speech.money(body["amount_minor"], currency)))
    return sums


def _notes(body: dict[str, Any], speech: Language) -> list[str]:
    signed = body.get("signed_values") or ()
    return [f"{speech.words['signed']}: {value}" for value in signed]
