"""The OCPI CDR: exact decimals as text, credits by the book."""

import json
from decimal import Decimal

import pytest
from hypothesis import assume, given, settings, strategies as st

from billing.models import Order
from billing.pricing import Session, parse_tariff, rate, session_from_cdr
from billing.services.cdr_json import (
    cdr_json,
    credit_json,
    credit_taxes,
    exact_text,
    lines_json,
    taxes_json,
)
from billing.services.sessions import session_of
from tests.factories.tariffs import component, ocpi
from tests.unit.billing.making import after, facts, period
from tests.unit.billing.pricing.strategies import documents, sessions

TARIFF = ocpi(
    component(),
    component("TIME", "1.20", step=60),
    component("PARKING_TIME", "3", vat=7),
)


def an_order(**values):
    known = {
        "number": "0123456789ABCDEF0123",
        "charge_point": "CP",
        "evse": 2,
        "connector": 1,
        "site_id": 5,
        "currency": "EUR",
        "started_by": "certificate",
        "tariff": TARIFF,
    }
    return Order(**{**known, **values})


@pytest.fixture
def session() -> Session:
    charge = facts(period(0, 20, "8000.5"), period(20, 30, 0, "parking"))
    return session_of(charge, until=after(45))


@pytest.fixture
def priced(session):
    return rate(parse_tariff(TARIFF), session)


@pytest.fixture
def cdr(session, priced):
    return cdr_json(an_order(), session, priced, sequence=1, at=after(60))


def test_it_is_json_without_floats(cdr):
    text = json.dumps({**cdr, "tariffs": []})
    assert json.loads(text, parse_float=pytest.fail)


def test_it_says_what_happened_up_to_the_unplug(cdr):
    assert cdr["id"] == cdr["session_id"] == "0123456789ABCDEF0123"
    assert cdr["start_date_time"] == "2026-05-04T12:00:00Z"
    assert cdr["end_date_time"] == "2026-05-04T12:45:00Z"
    assert cdr["cdr_location"] == {
        "id": "5",
        "evse_uid": "CP*2",
        "connector_id": "1",
    }
    kinds = [
        [(d["type"], d["volume"]) for d in p["dimensions"]]
        for p in cdr["charging_periods"]
    ]
    assert kinds == [
        [("TIME", "0.3333"), ("ENERGY", "8.0005")],
        [("PARKING_TIME", "0.1667")],
        [("PARKING_TIME", "0.2500")],
    ]
    assert cdr["tariffs"] == [TARIFF]
    assert "credit" not in cdr


def test_its_totals_are_those_of_the_price(cdr, priced):
    assert Decimal(cdr["total_cost"]["before_taxes"]) == round(priced.before_taxes, 4)
    assert cdr["total_energy"] == "8.0005"
    assert cdr["total_parking_time"] == "0.4167"
    assert cdr["rounding_policy"] == priced.rounding_policy


def test_who_reads_it_gets_the_same_price(cdr, priced):
    """What others compute from our CDR is what we charged."""
    again = rate(parse_tariff(TARIFF), session_from_cdr(cdr, "Europe/Berlin"))
    assert again.total_minor == priced.total_minor


@settings(deadline=None)
@given(documents(), sessions(reserved=False))
def test_our_cdr_priced_again_costs_what_the_bill_says(document, session):
    """Whatever the tariff asks for stands in the CDR: an auditor needs nothing else."""
    whole = all(p.ends_at > p.starts_at for p in session.periods)
    assume(whole)  # a period of no length has no volume of time to tell its state
    priced = rate(parse_tariff(document), session)
    cdr = cdr_json(an_order(tariff=document), session, priced, sequence=1, at=after(60))
    again = rate(parse_tariff(cdr["tariffs"][0]), session_from_cdr(cdr, session.zone))
    assert (again.before_taxes, again.after_taxes) == (
        priced.before_taxes,
        priced.after_taxes,
    )
    assert again.total_minor == priced.total_minor
    assert exact_text(again.to_ocpi())["total_cost"] == cdr["total_cost"]


def test_the_load_of_a_period_is_told():
    charge = facts(
        period(0, 20, 8000, current_a=Decimal(32), power_w=Decimal(22_000)),
    )
    loaded = session_of(charge)
    priced = rate(parse_tariff(TARIFF), loaded)
    cdr = cdr_json(an_order(), loaded, priced, sequence=1, at=after(60))
    told = {d["type"]: d["volume"] for d in cdr["charging_periods"][0]["dimensions"]}
    assert (told["MIN_CURRENT"], told["MAX_CURRENT"]) == ("32", "32")
    assert (told["MIN_POWER"], told["MAX_POWER"]) == ("22", "22")


def test_lines_add_up_to_the_total(priced):
    lines = lines_json(priced)
    assert {line["dimension"] for line in lines} == {"ENERGY", "TIME", "PARKING_TIME"}
    assert sum(Decimal(line["after_taxes"]) for line in lines) == priced.after_taxes
    assert sum(row["after_taxes_minor"] for row in taxes_json(priced)) == (
        priced.total_minor
    )


def test_a_line_without_tax_says_so(session):
    found = rate(parse_tariff(ocpi(component(vat=None))), session)
    assert lines_json(found)[0]["tax_rate"] is None
    assert taxes_json(found)[0]["tax_rate"] is None


def test_later_prices_have_their_own_number(session, priced):
    again = cdr_json(an_order(), session, priced, sequence=3, at=after(60))
    assert again["id"] == "0123456789ABCDEF0123-3"


@pytest.mark.parametrize(
    ("started_by", "method"),
    [
        ("token", "AUTH_REQUEST"),
        ("plug_and_charge", "AUTH_REQUEST"),
        ("offline", "WHITELIST"),
        ("driver_api", "COMMAND"),
        ("certificate", "COMMAND"),
    ],
)
def test_it_says_how_the_charge_was_authorised(session, priced, started_by, method):
    order = an_order(started_by=started_by, site_id=None)
    found = cdr_json(order, session, priced, sequence=1, at=after(60))
    assert found["auth_method"] == method
    assert found["cdr_location"]["id"] == ""


def test_a_credit_is_the_cdr_again_with_a_negative_total(cdr):
    credit = credit_json(cdr)
    assert credit["id"] == f"{cdr['id']}-C"
    assert credit["credit"] is True
    assert credit["credit_reference_id"] == cdr["id"]
    before = Decimal(cdr["total_cost"]["before_taxes"])
    assert Decimal(credit["total_cost"]["before_taxes"]) == -before
    taxes = credit["total_cost"]["taxes"][0]
    assert taxes["name"] == "VAT"
    assert Decimal(taxes["amount"]) < 0
    changed = {"id", "credit", "credit_reference_id", "total_cost"}
    assert {k: v for k, v in credit.items() if k not in changed} == {
        k: v for k, v in cdr.items() if k not in changed
    }


@settings(deadline=None)
@given(st.lists(st.integers(0, 10**9), max_size=4))
def test_the_taxes_of_a_credit_cancel_the_credited(amounts):
    rows = [
        {
            "tax_rate": "19",
            "before_taxes_minor": amount,
            "taxes_minor": amount // 5,
            "after_taxes_minor": amount + amount // 5,
        }
        for amount in amounts
    ]
    for row, credit in zip(rows, credit_taxes(rows), strict=True):
        assert credit["tax_rate"] == row["tax_rate"]
        for name in ("before_taxes_minor", "taxes_minor", "after_taxes_minor"):
            assert credit[name] == -row[name]
