"""The most that a charge can cost: where nothing is unknown it is what it costs."""

from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from math import ceil

import pytest
from hypothesis import given, strategies as st

from billing.pricing import (
    ChargingPeriod,
    Outlook,
    Session,
    UnableToLimitCharge,
    limits_for_amount,
    parse_tariff,
    rate,
)
from billing.pricing.ceiling import Ceiling
from billing.pricing.limits import ENERGY_WH_MAX
from billing.pricing.plan import plan_of
from tests.unit.billing.pricing.making import (
    MONDAY,
    ZONE,
    component,
    document,
    element,
    tariff,
)
from tests.unit.billing.pricing.strategies import clocks, prices, steps

POWER_KW = Decimal(22)
DAYS = timedelta(days=3)


def time_of(energy_wh):
    """Whole seconds at full power."""
    return timedelta(seconds=ceil(Fraction(energy_wh * 36, 220)))


def cost(rules, energy_wh):
    """What a charge at full power costs, by the function that makes bills."""
    ends_at = MONDAY + time_of(energy_wh)
    period = ChargingPeriod("charging", MONDAY, ends_at, energy_wh)
    return rate(rules, Session((period,), ZONE)).total_minor


def ceiling_at(rules, energy_wh):
    """The bound for the same charge, made as for a real one."""
    whole = Session((ChargingPeriod("charging", MONDAY, MONDAY + DAYS),), ZONE)
    bound = Ceiling(plan_of(rules), whole, POWER_KW)
    time_us = time_of(energy_wh) // timedelta(microseconds=1)
    return bound.minor(energy_wh * 10**6, time_us)


def _alone(kind, price, step):
    return [element(component(kind, price, step=step))]


energy_alone = st.builds(_alone, st.just("ENERGY"), prices, steps)
energy_in_bands = st.builds(
    lambda bands, last: [
        *(
            element(component("ENERGY", price, step=0), max_kwh=kwh)
            for kwh, price in sorted(bands.items())
        ),
        element(component("ENERGY", last, step=0)),
    ],
    st.dictionaries(st.integers(1, 40), prices, max_size=2),
    prices,
)
time_alone = st.builds(_alone, st.just("TIME"), prices, steps)
time_in_bands = st.builds(
    lambda minutes, early, window, clocked, last: [
        element(component("TIME", early, step=0), max_duration=minutes * 60),
        element(
            component("TIME", clocked, step=0),
            start_time=window[0],
            end_time=window[1],
        ),
        element(component("TIME", last, step=0)),
    ],
    st.integers(1, 90),
    prices,
    st.tuples(clocks, clocks),
    prices,
    prices,
)
fees = st.builds(_alone, st.just("FLAT"), prices, st.just(1))


@st.composite
def known(draw):
    """Tariffs of which nothing depends on what is unknown before a charge."""
    found = [
        *draw(st.just([]) | energy_alone | energy_in_bands),
        *draw(st.just([]) | time_alone | time_in_bands),
        *draw(st.just([]) | fees),
    ] or _alone("ENERGY", 1, 1)
    vat = draw(st.sampled_from((None, 0, 20)))
    if vat is not None:
        for each in found:
            for part in each["price_components"]:
                part["vat"] = vat
    included = draw(st.sampled_from(("YES", "NO", "N/A")))
    factor = 1 if included == "N/A" else 1 + Decimal(vat or 0) / 100
    limits = {}
    for name, least in (("min_price", 0), ("max_price", 9)):
        if draw(st.booleans()):
            before = least + draw(prices)
            stated = draw(st.booleans())
            after = {"after_taxes": before * factor} if stated else {}
            limits[name] = {"before_taxes": before, **after}
    currency = draw(st.sampled_from(("EUR", "JPY", "KWD")))
    return parse_tariff(
        document(*found, tax_included=included, currency=currency, **limits)
    )


@given(known(), st.integers(1, 120_000))
def test_the_bound_is_the_cost_where_nothing_is_unknown(rules, energy_wh):
    assert ceiling_at(rules, energy_wh) == cost(rules, energy_wh)


@given(known(), st.integers(1, 20_000))
def test_one_more_watthour_would_cost_more_than_the_amount(rules, amount_minor):
    outlook = Outlook(MONDAY, ZONE, POWER_KW, MONDAY + DAYS)
    found = limits_for_amount(
        rules, outlook, amount_minor=amount_minor, currency=rules.currency
    ).energy_wh
    if found and time_of(found) < DAYS:
        assert cost(rules, found) <= amount_minor
    if found < ENERGY_WH_MAX and time_of(found + 1) < DAYS:
        assert cost(rules, found + 1) > amount_minor


def bound(rules, energy_wh=10_000, power_kw=POWER_KW, hours=1):
    whole = Session((ChargingPeriod("charging", MONDAY, MONDAY + DAYS),), ZONE)
    made = Ceiling(plan_of(rules), whole, power_kw)
    return made.minor(energy_wh * 10**6, hours * 3600 * 10**6)


def test_of_what_may_be_active_the_dearest_counts():
    rules = tariff(
        element(component("ENERGY", 1, step=0), max_power=11),
        element(component("ENERGY", 3, step=0), min_current=10),
        element(component("ENERGY", 2, step=0)),
    )
    assert bound(rules) == 3_000


def test_what_is_surely_active_hides_what_comes_after_it():
    rules = tariff(
        element(component("ENERGY", 1, step=0)), element(component("ENERGY", 9, step=0))
    )
    assert bound(rules) == 1_000


@pytest.mark.parametrize(
    ("power_kw", "minor"), [(22, 2_000), (50, 5_000), (None, 5_000)]
)
def test_a_power_that_the_connector_has_not_costs_nothing(power_kw, minor):
    rules = tariff(
        element(component("ENERGY", 5, step=0), min_power="22.001"),
        element(component("ENERGY", 2, step=0)),
    )
    power = None if power_kw is None else Decimal(power_kw)
    assert bound(rules, power_kw=power) == minor


def test_a_power_that_the_connector_just_has_counts():
    rules = tariff(
        element(component("ENERGY", 5, step=0), min_power=22),
        element(component("ENERGY", 2, step=0)),
    )
    assert bound(rules) == 5_000


def test_energy_may_flow_at_the_dearest_hour_within_the_time():
    """MONDAY is 10:00 in Berlin."""
    rules = tariff(
        element(component("ENERGY", 5, step=0), start_time="11:00", end_time="12:00"),
        element(component("ENERGY", 2, step=0)),
    )
    assert bound(rules, hours=1) == 2_000
    assert bound(rules, hours=2) == 5_000


def test_of_fees_that_may_be_asked_for_the_dearest_counts_once():
    rules = tariff(
        element(component("FLAT", 4), min_power=11),
        element(component("FLAT", 1)),
        element(component("FLAT", 9)),
        element(component("ENERGY", 1, step=0)),
    )
    assert bound(rules) == 400 + 1_000


def test_a_fee_of_another_hour_is_none_of_a_fee_that_is_sure_now():
    rules = tariff(
        element(component("FLAT", 4), start_time="20:00", end_time="21:00"),
        element(component("FLAT", 1)),
        element(component("ENERGY", 1, step=0)),
    )
    assert bound(rules) == 100 + 1_000


def test_a_block_that_may_have_begun_before_counts_whole():
    """Energy up to 5 kWh in blocks of 1 kWh; at most one block is not used."""
    rules = tariff(
        element(component("ENERGY", 1, step=1000), max_kwh=5),
        element(component("ENERGY", 1, step=0)),
    )
    assert bound(rules, energy_wh=4_500) == bound(rules, energy_wh=5_000) == 500
    assert bound(rules, energy_wh=10_000) == 1_100


def test_rounding_of_each_tax_rate_is_in_the_bound():
    rules = tariff(
        element(
            component("ENERGY", "0.0005", vat=0, step=0), component("FLAT", "0.005")
        )
    )
    # Half a cent each, both rounded up.
    assert bound(rules) == 2


def test_a_greatest_price_with_its_taxes_bounds_the_rounding_too():
    rules = tariff(
        element(
            component("ENERGY", "0.0005", vat=0, step=0), component("FLAT", "0.005")
        ),
        max_price={"before_taxes": "0.01", "after_taxes": "0.01"},
    )
    assert bound(rules) == 1


def test_a_greatest_price_without_its_taxes_has_those_of_the_highest_rate():
    rules = tariff(
        element(component("ENERGY", 1, vat=10, step=0), component("FLAT", 1, vat=20)),
        max_price={"before_taxes": 5},
    )
    assert bound(rules) == 601  # 6.00 and what rounding two rates can add


@pytest.mark.parametrize(
    "bands",
    [
        # Whether 5 kWh are reached before or after an instant nobody knows.
        [element(component("TIME", 60, step=0), min_kwh=5), _alone("TIME", 6, 0)[0]],
        [element(component("TIME", 6, step=0), max_kwh=5), _alone("TIME", 60, 0)[0]],
    ],
)
def test_time_whose_price_depends_on_energy_has_the_dearest(bands):
    assert bound(tariff(*bands)) == 6_000


def test_a_fee_that_depends_on_energy_may_come():
    rules = tariff(
        element(component("FLAT", 4), min_kwh=5), element(component("FLAT", 1))
    )
    assert bound(rules) == 400


def test_a_fee_that_is_only_asked_for_at_first_may_come():
    early = element(component("FLAT", 4), max_kwh=5)
    assert bound(tariff(early, element(component("FLAT", 1)))) == 400


def test_a_price_of_time_that_begins_later_needs_a_power_too():
    rules = tariff(
        element(component("TIME", 6), start_time="11:00", end_time="12:00"),
        element(component("ENERGY", 1)),
    )
    with pytest.raises(UnableToLimitCharge) as refused:
        limits_for_amount(
            rules, Outlook(MONDAY, ZONE), amount_minor=1000, currency="EUR"
        )
    assert refused.value.code == "power_unknown"


def test_a_least_price_is_rounded_where_nothing_else_has_a_price():
    rules = tariff(
        element(component("ENERGY", 1), min_power=50),
        min_price={"before_taxes": "0.005"},
    )
    assert bound(rules) == 1


def test_a_greatest_price_of_what_states_no_rate_has_no_taxes():
    rules = tariff(
        element(component("ENERGY", 1, step=0)), max_price={"before_taxes": 5}
    )
    assert bound(rules) == 500


def test_without_blocks_not_a_microwatthour_is_added():
    rules = tariff(element(component("ENERGY", 10**9, step=0)))
    assert bound(rules, energy_wh=1) == 10**8


def test_a_charge_is_looked_ahead_a_week_when_nobody_says_when_it_must_end():
    rules = tariff(element(component("ENERGY", "0.01")))
    found = limits_for_amount(
        rules, Outlook(MONDAY, ZONE), amount_minor=10**9, currency="EUR"
    )
    assert found.ends_by == MONDAY + timedelta(days=7)


@pytest.mark.parametrize(
    ("power_kw", "taken"),
    [("0.001", True), (10_000, True), (10_001, False), (0, False)],
)
def test_a_power_that_no_connector_has_is_refused(power_kw, taken):
    outlook = Outlook(MONDAY, ZONE, Decimal(power_kw))
    known = {"amount_minor": 1000, "currency": "EUR"}
    rules = tariff(element(component("ENERGY", 1)))
    if taken:
        assert limits_for_amount(rules, outlook, **known).energy_wh > 0
        return
    with pytest.raises(UnableToLimitCharge) as refused:
        limits_for_amount(rules, outlook, **known)
    assert refused.value.code == "power_out_of_range"
