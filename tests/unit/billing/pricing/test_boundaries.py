"""Edges that only a wrong engine notices: found by mutation, one test each."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from billing.pricing import (
    ChargingPeriod,
    Session,
    State,
    UnableToBuildSession,
    UnableToParseTariff,
    describe,
    energy_for_amount,
    parse_tariff,
    rate,
    session_from_cdr,
    to_ocpi,
)
from billing.pricing.parsing import STEP_SIZE_MAX
from billing.pricing.session import QUANTITY_MAX, SESSION_SPAN_MAX
from tests.unit.billing.pricing.making import (
    MONDAY,
    component,
    document,
    element,
    session,
    tariff,
)

PLAIN = element(component("ENERGY", 1))
EVENING = datetime(2024, 6, 3, 19, 30, tzinfo=UTC)
"""21:30 in Berlin."""


def test_the_least_price_holds_for_a_charge_that_was_reserved_before():
    rules = tariff(PLAIN, min_price={"before_taxes": 5})
    assert (
        rate(rules, session(("reserved", 10), ("charging", 10, 1))).total_minor == 500
    )


def test_a_reservation_has_no_power_not_even_the_least():
    rules = tariff(
        element(
            component("TIME", 60, step=0),
            reservation="RESERVATION",
            min_power="0.000001",
        ),
        PLAIN,
    )
    assert rate(rules, session(("reserved", 10))).total_minor == 0


def test_energy_within_no_time_has_no_power_that_anybody_knows():
    rules = tariff(element(component("ENERGY", 1), min_power="0.000001"))
    assert rate(rules, session(("charging", 0, 1))).total_minor == 0


def test_a_current_that_nobody_measured_is_none():
    rules = tariff(element(component("ENERGY", 1), min_current="0.001"))
    assert rate(rules, session(("charging", 10, 1))).total_minor == 0


def test_the_first_microwatthour_can_have_a_price_of_its_own():
    rules = tariff(
        element(component("ENERGY", 1000, step=0), max_kwh="0.000000001"),
        element(component("ENERGY", 2, step=0)),
    )
    priced = rate(rules, session(("charging", 60, 1)))
    assert priced.before_taxes == Decimal("2.000000998000")


def test_parking_as_long_as_the_grace_costs_nothing_at_all():
    rules = tariff(
        element(component("PARKING_TIME", 3600, step=1)),
        idle_fee={"grace_seconds": 600},
    )
    assert rate(rules, session(("charging", 60, 1), ("parking", 10))).before_taxes == 0


def test_the_time_of_an_expired_reservation_is_measured():
    usage = rate(tariff(PLAIN), session(("reservation_expired", 30))).usage
    assert usage.reservation_hours == Decimal("0.5")


def test_a_reservation_before_energy_alone_did_not_expire():
    def period(at, **volumes):
        dimensions = [{"type": name, "volume": v} for name, v in volumes.items()]
        return {"start_date_time": f"2024-06-03T{at}:00Z", "dimensions": dimensions}

    cdr = {
        "charging_periods": [
            period("08:00", RESERVATION_TIME=0.5),
            period("08:30", ENERGY=5),
        ],
        "end_date_time": "2024-06-03T09:00:00Z",
    }
    states = [each.state for each in session_from_cdr(cdr, "UTC").periods]
    assert states == [State.RESERVED, State.CHARGING]


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"country_code": "DEU"}, "country_code"),
        ({"party_id": "ABCD"}, "party_id"),
        ({"tariff_alt_url": "u" * 256}, "tariff_alt_url"),
        (
            {"tariff_alt_text": [{"language": "en", "text": "t" * 513}]},
            "tariff_alt_text[0].text",
        ),
        (
            {"elements": [{"price_components": [component("FLAT", 1)] * 21}]},
            "elements[0].price_components",
        ),
    ],
)
def test_what_is_one_too_long_is_refused(fields, path):
    with pytest.raises(UnableToParseTariff) as refused:
        parse_tariff(document(PLAIN) | fields)
    assert refused.value.path == path


def test_the_longest_block_and_the_finest_and_greatest_price_are_taken():
    for price, step in (("1e-24", STEP_SIZE_MAX), ("1e24", 1)):
        rules = tariff(element(component("ENERGY", price, step=step)))
        [found] = rules.elements[0].price_components
        assert (found.price, found.step_size) == (Decimal(price), step)


def test_a_tariff_may_begin_without_an_end():
    rules = tariff(PLAIN, start_date_time="2024-01-01T00:00:00Z")
    assert (rules.start_at, rules.end_at) == (datetime(2024, 1, 1, tzinfo=UTC), None)


def test_a_number_below_its_limit_is_told_without_an_upper_one():
    with pytest.raises(UnableToParseTariff, match="it must be 0 or more"):
        tariff(element(component("ENERGY", -1)))


def test_the_longest_session_and_the_greatest_energy_are_priced():
    end = MONDAY + SESSION_SPAN_MAX
    assert Session((ChargingPeriod("charging", MONDAY, end, QUANTITY_MAX),), "UTC")
    with pytest.raises(UnableToBuildSession):
        ChargingPeriod("charging", MONDAY, end, QUANTITY_MAX + 1)
    assert QUANTITY_MAX == 1_000_000_000_000
    assert timedelta(days=366) == SESSION_SPAN_MAX


def test_a_block_rounds_energy_that_a_clock_cut_into_thirds_of_nothing():
    rules = tariff(
        element(component("ENERGY", "0.70", step=1000), end_time="22:00"),
        element(component("ENERGY", "0.35", step=1000)),
    )
    used = session(("charging", 7, "0.001"), at=EVENING + timedelta(minutes=27))
    assert rate(rules, used).before_taxes == Decimal("0.35015")


def test_power_that_was_not_measured_is_energy_over_time():
    rules = tariff(element(component("ENERGY", 1), max_power=11))
    for kwh, cost in (("10.999", "10.999"), ("11", 0)):
        used = session(("charging", 60, kwh))
        assert rate(rules, used).before_taxes == Decimal(cost)


def test_energy_so_far_counts_in_every_slice():
    rules = tariff(
        element(component("ENERGY", 1), min_kwh=4, end_time="22:00"),
        element(component("ENERGY", 2), min_kwh=4),
    )
    used = session(("charging", 60, 10), at=EVENING)
    assert rate(rules, used).before_taxes == 1 * 1 + 5 * 2


def test_a_last_day_ends_at_its_midnight():
    rules = tariff(element(component("TIME", 6), end_date="2024-06-04"))
    used = session(("charging", 60, 1), at=EVENING + timedelta(hours=2))
    assert rate(rules, used).before_taxes == 3


def test_limits_that_change_nothing_do_not_change_the_rounding():
    rules = tariff(
        element(
            component("FLAT", "0.105", vat=0), component("ENERGY", "0.105", vat=10)
        ),
        max_price={"before_taxes": 100},
    )
    assert rate(rules, session(("charging", 10, 1))).total_minor == 11 + 12
    rules = tariff(
        element(
            component("FLAT", "0.105", vat=0), component("ENERGY", "0.105", vat=10)
        ),
        min_price={"before_taxes": "0.01"},
    )
    assert rate(rules, session(("charging", 10, 1))).total_minor == 11 + 12


def test_a_line_of_a_limit_has_no_block():
    rules = tariff(PLAIN, max_price={"before_taxes": 1})
    line = rate(rules, session(("charging", 10, 5))).lines[-1]
    assert (line.dimension, line.step_size, line.before_taxes) == ("MAX_PRICE", 0, -4)


def test_where_one_rate_is_unknown_all_prices_are_told_without_taxes():
    rules = tariff(element(component("ENERGY", 1, vat=20), component("FLAT", 2)))
    assert describe(rules) == (
        "Start fee: 2.00 EUR. Energy: 1.00 EUR per kWh. Taxes may be added."
    )


def test_a_block_of_two_is_told_and_one_of_a_fee_is_not():
    rules = tariff(element(component("TIME", 1, step=2), component("FLAT", 1, step=5)))
    assert describe(rules) == (
        "Start fee: 1.00 EUR. Charging time: 1.00 EUR per hour, billed per 2 s. "
        "Taxes may be added."
    )


def test_each_version_has_its_own_names_of_limits():
    rules = tariff(PLAIN, min_price={"before_taxes": 1, "after_taxes": 2})
    assert to_ocpi(rules, "2.3.0")["min_price"] == {"before_taxes": 1, "after_taxes": 2}
    assert to_ocpi(rules, "2.2.1")["min_price"] == {"excl_vat": 1, "incl_vat": 2}


def test_a_fee_that_may_come_later_is_held_from_the_beginning():
    rules = tariff(
        element(component("FLAT", 1), min_power=5),
        element(component("FLAT", 5), start_time="22:00"),
        PLAIN,
    )
    energy_wh = energy_for_amount(rules, MONDAY, "Europe/Berlin", 1000, "EUR")
    # Half a cent more is rounded down.
    assert energy_wh == 5_004


def test_a_first_day_begins_at_its_midnight():
    rules = tariff(element(component("TIME", 6), start_date="2024-06-04"))
    used = session(("charging", 60, 1), at=EVENING + timedelta(hours=2))
    assert rate(rules, used).before_taxes == 3


@pytest.mark.parametrize(
    ("limit", "inside", "outside"),
    [
        ({"min_current": 16}, (16, None), (15, None)),
        ({"max_current": 16}, (15, None), (16, None)),
        ({"min_power": 11}, (None, 11), (None, 10)),
        ({"max_power": 11}, (None, 10), (None, 11)),
    ],
)
def test_a_limit_of_the_load_holds_where_it_is_the_only_one(limit, inside, outside):
    rules = tariff(element(component("ENERGY", 1), **limit))
    for load, cost in ((inside, 10), (outside, 0)):
        assert rate(rules, session(("charging", 60, 10, *load))).before_taxes == cost


@pytest.mark.parametrize(
    ("limit", "exact", "more"),
    [
        ({"min_duration": 3600}, ("charging", 60, 10), ("charging", 61, 10)),
        ({"min_kwh": 10}, ("charging", 60, 10), ("charging", 60, "10.001")),
        # All energy at one instant, as a single late meter value tells it.
        ({"min_kwh": 10}, ("charging", 0, 10), ("charging", 0, "10.001")),
        ({"start_time": "11:00"}, ("charging", 60, 10), ("charging", 61, 10)),
    ],
)
def test_a_fee_from_where_the_charge_ended_is_not_due(limit, exact, more):
    rules = tariff(element(component("FLAT", 5), **limit))
    assert rate(rules, session(exact)).total_minor == 0
    assert rate(rules, session(more)).total_minor == 500
