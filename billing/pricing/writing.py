"""``Tariff`` → JSON of OCPI 2.2.1 or 2.3.0.

Numbers stay exact ``Decimal``; the edge that writes the text keeps them so.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar, Final

from billing.pricing.tariff import (
    IdleFee,
    PriceComponent,
    PriceLimit,
    Restrictions,
    Tariff,
    TariffElement,
    TaxIncluded,
)
from cpms.kernel.errors import DomainError

VERSIONS: Final = ("2.2.1", "2.3.0")


class UnableToWriteTariff(DomainError):
    """The version cannot say what the tariff says."""

    http_status: ClassVar[int] = 422


def to_ocpi(tariff: Tariff, version: str = "2.3.0") -> dict[str, Any]:
    """The tariff as the JSON object of an OCPI version.

    Args:
        tariff: the tariff.
        version: "2.2.1" or "2.3.0".

    Raises:
        UnableToWriteTariff: another version, or a tariff with included taxes for
            2.2.1, whose prices are always without (taking the tax out of a price
            would have to round it).
    """
    check_version(version)
    if version == "2.2.1" and tariff.tax_included is TaxIncluded.YES:
        raise UnableToWriteTariff(
            "tax_included",
            f"Tariff {tariff.id} has prices with taxes, and OCPI 2.2.1 has only "
            "prices without. Write it as 2.3.0, or state the prices without taxes.",
        )
    document: dict[str, Any] = {
        "country_code": tariff.country_code,
        "party_id": tariff.party_id,
        "id": tariff.id,
        "currency": tariff.currency,
        "type": tariff.type and str(tariff.type),
        "tariff_alt_text": [
            {"language": text.language, "text": text.text}
            for text in tariff.tariff_alt_text
        ],
        "tariff_alt_url": tariff.tariff_alt_url,
        "min_price": _limit(tariff.min_price, version),
        "max_price": _limit(tariff.max_price, version),
        "elements": [_element(element, tariff, version) for element in tariff.elements],
        "start_date_time": _instant(tariff.start_at),
        "end_date_time": _instant(tariff.end_at),
        "energy_mix": tariff.energy_mix,
        "idle_fee": _idle_fee(tariff.idle_fee),
        "last_updated": _instant(tariff.last_updated_at),
    }
    if version == "2.3.0":
        document["tax_included"] = str(tariff.tax_included)
        document["preauthorize_amount"] = tariff.preauthorize_amount
    return _without_absent(document)


def check_version(version: str) -> None:
    """Refuse a version that is not written here.

    Raises:
        UnableToWriteTariff: it is another one.
    """
    if version not in VERSIONS:
        raise UnableToWriteTariff(
            "ocpi_version",
            f"OCPI {version!r} is not written here; use one of {', '.join(VERSIONS)}.",
        )


def _limit(limit: PriceLimit | None, version: str) -> dict[str, Any] | None:
    if limit is None:
        return None
    before, after = (
        ("excl_vat", "incl_vat")
        if version == "2.2.1"
        else ("before_taxes", "after_taxes")
    )
    return _without_absent({before: limit.before_taxes, after: limit.after_taxes})


def _element(element: TariffElement, tariff: Tariff, version: str) -> dict[str, Any]:
    # In 2.2.1 only a component without VAT says that no tax is applicable.
    taxed = version == "2.3.0" or tariff.tax_included is TaxIncluded.NO
    return _without_absent(
        {
            "price_components": [
                _component(component, taxed=taxed)
                for component in element.price_components
            ],
            "restrictions": _restrictions(element.restrictions),
        }
    )


def _component(component: PriceComponent, *, taxed: bool) -> dict[str, Any]:
    return _without_absent(
        {
            "type": str(component.type),
            "price": component.price,
            "vat": component.vat if taxed else None,
            "step_size": component.step_size,
        }
    )


def _restrictions(restrictions: Restrictions) -> dict[str, Any]:
    start, end = restrictions.start_time, restrictions.end_time
    first, last = restrictions.start_date, restrictions.end_date
    return _without_absent(
        {
            "start_time": start and f"{start:%H:%M}",
            "end_time": None if end is None else f"{end:%H:%M}",
            "start_date": first and first.isoformat(),
            "end_date": last and last.isoformat(),
            "min_kwh": restrictions.min_kwh,
            "max_kwh": restrictions.max_kwh,
            "min_current": restrictions.min_current,
            "max_current": restrictions.max_current,
            "min_power": restrictions.min_power,
            "max_power": restrictions.max_power,
            "min_duration": restrictions.min_duration,
            "max_duration": restrictions.max_duration,
            "day_of_week": [str(day) for day in restrictions.day_of_week],
            "reservation": restrictions.reservation and str(restrictions.reservation),
        }
    )


def _idle_fee(idle_fee: IdleFee | None) -> dict[str, Any] | None:
    """Our additional field; who does not know it skips it."""
    if idle_fee is None:
        return None
    return _without_absent(
        {"grace_seconds": idle_fee.grace_s, "cap_seconds": idle_fee.cap_s}
    )


def _instant(instant: datetime | None) -> str | None:
    if instant is None:
        return None
    text = instant.astimezone(UTC).replace(tzinfo=None).isoformat()
    return f"{text}Z"


def _without_absent(document: Mapping[str, Any]) -> dict[str, Any]:
    """Absent fields are left out: no nulls, no empty lists, no empty objects."""
    return {
        name: value
        for name, value in document.items()
        if value is not None and value not in ([], {})
    }
