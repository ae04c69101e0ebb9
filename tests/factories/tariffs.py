"""Tariffs as OCPI objects, and where they apply."""

from dataclasses import fields
from datetime import timedelta

from django.utils import timezone

from billing.services import tariffs

BEFORE = timedelta(days=30)


def component(kind="ENERGY", price="0.50", *, vat=19, step=1):
    found = {"type": kind, "price": float(price), "step_size": step}
    return found if vat is None else {**found, "vat": vat}


def ocpi(*components, code="T1", currency="EUR", **values):
    """An OCPI 2.3.0 tariff with one element; 0.50 a kWh plus 19 % by default."""
    return {
        "country_code": "DE",
        "party_id": "TST",
        "id": code,
        "currency": currency,
        "tax_included": "NO",
        "elements": [{"price_components": list(components or [component()])}],
        "last_updated": "2026-01-01T00:00:00Z",
        **values,
    }


def tariff(operator, *components, **values):
    """Save a tariff of an operator; it applies everywhere since a month ago.

    The fields of ``Reach`` say where and for whom; ``starts_at`` and ``ends_at`` say
    when.
    """
    now = timezone.now()
    names = [field.name for field in fields(tariffs.Reach)]
    reach = tariffs.Reach(**{n: values.pop(n) for n in names if n in values})
    starts_at = values.pop("starts_at", now - BEFORE)
    ends_at = values.pop("ends_at", None)
    values.setdefault("currency", operator.currency)
    saved = tariffs.save_tariff(
        operator_id=operator.pk,
        ocpi=ocpi(*components, **values),
        name="",
        by="test",
        at=now,
        applies_from=starts_at,
    )
    tariffs.assign(
        tariff=saved, reach=reach, starts_at=starts_at, ends_at=ends_at, by="test"
    )
    return saved
