"""Writing tariffs and prices for both versions."""

from decimal import Decimal

import pytest

from billing.pricing import UnableToWriteTariff, parse_tariff, rate, to_ocpi
from tests.unit.billing.pricing.making import component, element, session, tariff
from tests.unit.billing.pricing.test_parsing import FULL


def test_every_field_is_written():
    assert parse_tariff(to_ocpi(parse_tariff(FULL))) == parse_tariff(FULL)
    assert to_ocpi(parse_tariff(FULL)).keys() == FULL.keys() - {
        "something_of_a_later_version"
    }


def test_absent_fields_are_left_out():
    assert to_ocpi(tariff(element(component("FLAT", "1.50", step=0)))) == {
        "id": "1",
        "currency": "EUR",
        "elements": [
            {
                "price_components": [
                    {"type": "FLAT", "price": Decimal("1.50"), "step_size": 0}
                ]
            }
        ],
        "tax_included": "NO",
    }


def test_the_older_version_has_its_own_names():
    written = to_ocpi(
        tariff(
            element(component("ENERGY", 1, vat=20)),
            min_price={"before_taxes": 1, "after_taxes": 2},
        ),
        "2.2.1",
    )
    assert written["min_price"] == {"excl_vat": 1, "incl_vat": 2}
    assert "tax_included" not in written


def test_the_older_version_says_that_no_tax_applies_by_leaving_it_out():
    rules = tariff(element(component("ENERGY", 1, vat=20)), tax_included="N/A")
    [written] = to_ocpi(rules, "2.2.1")["elements"]
    assert "vat" not in written["price_components"][0]


@pytest.mark.parametrize("version", ["2.1.1", "", "3.0"])
def test_another_version_is_refused(version):
    rules = tariff(element(component("ENERGY", 1)))
    with pytest.raises(UnableToWriteTariff, match=r"2\.2\.1, 2\.3\.0"):
        to_ocpi(rules, version)
    with pytest.raises(UnableToWriteTariff):
        rate(rules, session(("charging", 1, 1))).to_ocpi(version)


def test_included_taxes_do_not_fit_into_the_older_version():
    rules = tariff(element(component("ENERGY", 1)), tax_included="YES")
    with pytest.raises(UnableToWriteTariff, match="only prices without") as refusal:
        to_ocpi(rules, "2.2.1")
    assert refusal.value.code == "tax_included"


def test_the_totals_of_a_cdr():
    rules = tariff(
        element(component("TIME", 3, vat=20, step=600), reservation="RESERVATION"),
        element(
            component("FLAT", "0.50", vat=20),
            component("ENERGY", "0.25", vat=10),
            component("TIME", 1),
            component("PARKING_TIME", 6, vat=10, step=300),
        ),
    )
    facts = session(("reserved", 22), ("charging", 30, 20), ("parking", 42))
    assert rate(rules, facts).to_ocpi("2.2.1") == {
        "currency": "EUR",
        "total_cost": {"excl_vat": Decimal("12.0000"), "incl_vat": Decimal("13.3500")},
        "total_fixed_cost": {"excl_vat": Decimal("0.5"), "incl_vat": Decimal("0.6")},
        "total_energy": 20,
        "total_energy_cost": {"excl_vat": 5, "incl_vat": Decimal("5.5")},
        "total_time": Decimal("1.2"),
        "total_time_cost": {"excl_vat": Decimal("0.5"), "incl_vat": Decimal("0.5")},
        "total_parking_time": Decimal("0.7"),
        "total_parking_cost": {
            "excl_vat": Decimal("4.5"),
            "incl_vat": Decimal("4.95"),
        },
        "total_reservation_cost": {
            "excl_vat": Decimal("1.5"),
            "incl_vat": Decimal("1.8"),
        },
    }
    newer = rate(rules, facts).to_ocpi()
    assert newer["total_cost"] == {
        "before_taxes": 12,
        "taxes": [{"name": "VAT", "amount": Decimal("1.35")}],
    }
    assert newer["total_time_cost"]["taxes"] == []


def _types(value):
    if type(value) is dict:
        return set().union(*map(_types, value.values()))
    if type(value) is list:
        return set().union(*map(_types, value))
    return {type(value)}


@pytest.mark.parametrize("version", ["2.2.1", "2.3.0"])
def test_what_is_written_holds_nothing_that_json_does_not_know(version):
    written = to_ocpi(parse_tariff(FULL | {"tax_included": "NO"}), version)
    assert _types(written) == {str, int, float, bool, Decimal}
