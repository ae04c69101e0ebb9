"""What an amount buys: exact where one price holds, never too much anywhere."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import assume, given, settings, strategies as st

from billing.pricing import (
    ChargingPeriod,
    Outlook,
    Session,
    UnableToBuildSession,
    UnableToLimitCharge,
    energy_for_amount,
    limits_for_amount,
    parse_tariff,
    rate,
)
from billing.pricing.limits import CHARGE_SPAN_MAX, ENERGY_WH_MAX
from tests.unit.billing.pricing.making import MONDAY, ZONE, component, element, tariff
from tests.unit.billing.pricing.strategies import ZONES, elements, limits, starts

ENERGY = tariff(element(component("ENERGY", "0.25", vat=10)))


def _energy(rules, amount_minor, **known):
    return energy_for_amount(rules, MONDAY, ZONE, amount_minor, "EUR", **known)


@pytest.mark.parametrize(
    ("rules", "amount_minor", "energy_wh"),
    [
        # 20.018 kWh cost 5.50495, which is rounded down to 5.50.
        (ENERGY, 550, 20018),
        (ENERGY, 0, 18),
        (tariff(element(component("ENERGY", "0.25", vat=10, step=500))), 550, 20000),
        (
            tariff(
                element(component("FLAT", "0.50", vat=10), component("ENERGY", "0.25"))
            ),
            54,
            0,
        ),
        (
            tariff(
                element(component("FLAT", 1), component("ENERGY", "0.50")),
            ),
            1100,
            20009,
        ),
        # The first 10 kWh at 0.50, then 0.20; a block of 1 Wh may be lost.
        (
            tariff(
                element(component("ENERGY", "0.50"), max_kwh=10),
                element(component("ENERGY", "0.20")),
            ),
            600,
            15022,
        ),
        (tariff(element(component("FLAT", 1))), 99, 0),
        (tariff(element(component("FLAT", 1))), 100, ENERGY_WH_MAX),
        (
            tariff(
                element(component("ENERGY", 1)),
                max_price={"before_taxes": 5, "after_taxes": 5},
            ),
            500,
            ENERGY_WH_MAX,
        ),
        (
            tariff(element(component("ENERGY", 1)), min_price={"before_taxes": 5}),
            499,
            0,
        ),
        (
            tariff(
                element(component("ENERGY", 1)),
                min_price={"before_taxes": 5, "after_taxes": 5},
            ),
            500,
            5004,
        ),
        (
            tariff(
                element(component("ENERGY", 1)),
                tax_included="N/A",
                max_price={"before_taxes": 5, "after_taxes": 50},
            ),
            500,
            ENERGY_WH_MAX,
        ),
        (
            tariff(
                element(component("ENERGY", 1, vat=20), component("FLAT", 1)),
                max_price={"before_taxes": 5},
            ),
            # Rounding two tax rates can add a cent to 5.00 and 20 % of it.
            601,
            ENERGY_WH_MAX,
        ),
        # Reservations and parking are none of its business.
        (
            tariff(
                element(component("FLAT", 50), reservation="RESERVATION"),
                element(component("ENERGY", 1), component("PARKING_TIME", 90)),
            ),
            500,
            5004,
        ),
        (tariff(element(component("PARKING_TIME", 90))), 0, ENERGY_WH_MAX),
    ],
)
def test_the_energy_is_what_the_price_allows(rules, amount_minor, energy_wh):
    assert _energy(rules, amount_minor) == energy_wh


def test_where_money_is_no_limit_the_answer_is_ten_megawatt_hours():
    assert _energy(tariff(element(component("ENERGY", 0))), 0) == 10_000_000


def test_the_dearest_power_counts_as_far_as_the_connector_reaches():
    rules = tariff(
        element(component("ENERGY", "1.00"), min_power=50),
        element(component("ENERGY", "0.50"), max_power=16),
        element(component("ENERGY", "0.25")),
    )
    assert _energy(rules, 1000) == 10004
    assert _energy(rules, 1000, max_power_kw=Decimal(49)) == 20009


def test_only_prices_within_reach_of_the_clock_count():
    rules = tariff(
        element(component("ENERGY", "0.60"), start_time="08:00", end_time="20:00"),
        element(component("ENERGY", "0.30")),
        element(component("ENERGY", "9.00"), start_date="2025-01-01"),
    )
    evening = datetime(2024, 6, 3, 20, tzinfo=UTC)
    until = [evening + timedelta(hours=hours) for hours in (10, 11)]
    found = [
        limits_for_amount(
            rules, Outlook(evening, ZONE, ends_by=end), amount_minor=600, currency="EUR"
        )
        for end in until
    ]
    assert [limit.energy_wh for limit in found] == [20016, 10008]
    assert [limit.ends_by for limit in found] == until


def test_without_a_price_of_time_the_charge_may_last_as_long_as_is_looked_ahead():
    found = limits_for_amount(
        ENERGY, Outlook(MONDAY, ZONE), amount_minor=550, currency="EUR"
    )
    assert found.ends_by == MONDAY + CHARGE_SPAN_MAX


def test_a_price_of_time_limits_energy_and_time_together():
    rules = tariff(
        element(component("ENERGY", "0.30"), component("TIME", "1.00", step=60))
    )
    found = limits_for_amount(
        rules,
        Outlook(MONDAY, ZONE, max_power_kw=Decimal(10)),
        amount_minor=800,
        currency="EUR",
    )
    # 0.30 + 0.10 per kWh; two hours at 10 kW.
    assert found.energy_wh == 20000
    assert found.ends_by == MONDAY + timedelta(hours=2)


def test_a_price_of_time_needs_a_power():
    rules = tariff(element(component("TIME", 1)))
    with pytest.raises(UnableToLimitCharge) as refusal:
        _energy(rules, 100)
    assert refusal.value.code == "power_unknown"
    assert refusal.value.status == 422


@pytest.mark.parametrize(
    ("outlook", "amount_minor", "currency", "code"),
    [
        (Outlook(MONDAY, ZONE), 100, "SEK", "currency_mismatch"),
        (Outlook(MONDAY, ZONE), -1, "EUR", "amount_negative"),
        (Outlook(MONDAY, ZONE, Decimal(0)), 1, "EUR", "power_out_of_range"),
        (Outlook(MONDAY, ZONE, Decimal(10**9)), 1, "EUR", "power_out_of_range"),
        (Outlook(MONDAY, ZONE, None, MONDAY), 1, "EUR", "end_before_start"),
    ],
)
def test_what_makes_no_sense_is_refused(outlook, amount_minor, currency, code):
    with pytest.raises(UnableToLimitCharge) as refusal:
        limits_for_amount(ENERGY, outlook, amount_minor=amount_minor, currency=currency)
    assert refusal.value.code == code


def test_an_unknown_time_zone_is_refused():
    with pytest.raises(UnableToBuildSession):
        energy_for_amount(ENERGY, MONDAY, "Mars/Olympus", 1, "EUR")


dear_limits = limits().map(
    lambda limit: {name: value + 20 for name, value in limit.items()}
)


@settings(max_examples=200)
@given(
    st.fixed_dictionaries(
        {
            "elements": st.lists(
                elements(dimensions=("ENERGY", "TIME", "FLAT")), min_size=1, max_size=4
            ),
            "tax_included": st.sampled_from(("YES", "NO", "N/A")),
        },
        optional={"min_price": limits(), "max_price": dear_limits},
    ),
    starts,
    st.sampled_from(ZONES),
    st.integers(0, 3_000),
    st.integers(1, 90),
    st.data(),
)
def test_no_charge_within_the_limits_costs_more_than_the_amount(
    document, at, zone, amount_minor, power_kw, data
):
    rules = parse_tariff({"id": "1", "currency": "EUR"} | document)
    found = limits_for_amount(
        rules,
        Outlook(at, zone, Decimal(power_kw)),
        amount_minor=amount_minor,
        currency="EUR",
    )
    assume(found.energy_wh > 0)
    energy_wh = min(found.energy_wh, 200_000)
    whole = min(int((found.ends_by - at).total_seconds()), 2 * 86_400)
    cuts = sorted(data.draw(st.lists(st.integers(0, whole), min_size=1, max_size=4)))
    shares = data.draw(
        st.lists(st.integers(0, 9), min_size=len(cuts), max_size=len(cuts))
    )
    parts = sum(shares) or 1
    periods, starts_at = [], at
    for cut, share in zip(cuts, shares, strict=True):
        ends_at = at + timedelta(seconds=cut)
        power = data.draw(st.none() | st.integers(0, power_kw).map(Decimal))
        current = data.draw(st.none() | st.integers(0, 90).map(Decimal))
        periods.append(
            ChargingPeriod(
                "charging",
                starts_at,
                ends_at,
                energy_wh * share // parts,
                current,
                # Energy over time is no measured power; a power is stated, so that
                # the charge stays below what the connector can deliver.
                Decimal(0) if power is None else power,
            )
        )
        starts_at = ends_at
    assert rate(rules, Session(tuple(periods), zone)).total_minor <= amount_minor
