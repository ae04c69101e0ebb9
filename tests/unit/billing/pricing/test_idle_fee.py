"""The idle fee: grace, cap and schedule of the parking after the charge."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, strategies as st

from billing.pricing import UnableToParseTariff, describe, parse_tariff, rate, to_ocpi
from tests.unit.billing.pricing.making import component, document, element, session
from tests.unit.billing.pricing.strategies import sessions

IDLE = element(component("PARKING_TIME", "6"))


def rules(*elements, step=1, **idle_fee):
    idle = element(component("PARKING_TIME", "6", step=step))
    return parse_tariff(document(*(elements or (idle,)), idle_fee=idle_fee))


@pytest.mark.parametrize(
    ("minutes", "total"),
    [
        (0, 0),
        (9, 0),
        (10, 0),
        (11, 10),
        (70, 600),
        (250, 2400),
        (251, 2400),
        (900, 2400),
    ],
)
def test_parking_costs_after_the_grace_and_up_to_the_cap(minutes, total):
    tariff = rules(grace_seconds=600, cap_seconds=14_400)
    priced = rate(tariff, session(("charging", 30, 10), ("parking", minutes)))
    assert priced.total_minor == total


def test_the_whole_parking_time_is_measured_whether_it_costs_or_not():
    tariff = rules(grace_seconds=600, cap_seconds=600)
    priced = rate(tariff, session(("charging", 30, 10), ("parking", 60)))
    assert priced.usage.parking_hours == 1
    [line] = priced.lines
    assert (line.volume * 60, priced.total_minor) == (pytest.approx(10), 100)


def test_a_grace_alone_has_no_cap_and_a_cap_alone_no_grace():
    used = session(("charging", 30, 10), ("parking", 120))
    assert rate(rules(grace_seconds=3600), used).total_minor == 600
    assert rate(rules(cap_seconds=3600), used).total_minor == 600


def test_pauses_share_one_grace_and_one_cap():
    tariff = rules(grace_seconds=600, cap_seconds=1200)
    used = session(
        ("parking", 6),
        ("charging", 30, 10),
        ("parking", 6),
        ("charging", 5, 1),
        ("parking", 60),
    )
    [line] = rate(tariff, used).lines
    assert line.after_taxes == 2
    assert rate(tariff, used).usage.parking_hours * 60 == 72


def test_energy_within_the_grace_is_paid():
    tariff = rules(IDLE, element(component("ENERGY", "0.50")), grace_seconds=3600)
    used = session(("charging", 30, 10), ("parking", 30, 1))
    assert rate(tariff, used).total_minor == 550


def test_charging_time_knows_no_grace():
    tariff = rules(element(component("TIME", "6")), grace_seconds=3600)
    assert rate(tariff, session(("charging", 30, 10))).total_minor == 300


def test_a_schedule_holds_within_grace_and_cap():
    by_day = element(
        component("PARKING_TIME", "6"), start_time="08:00", end_time="22:00"
    )
    tariff = rules(by_day, grace_seconds=1800, cap_seconds=4 * 3600)
    # In Berlin: parked 20:00 to 09:00; free until 20:30, by night, and from 00:30 on.
    used = session(
        ("charging", 60, 10),
        ("parking", 13 * 60),
        at=datetime(2024, 6, 3, 17, tzinfo=UTC),
    )
    assert rate(tariff, used).total_minor == 900


def test_grace_and_cap_count_real_time_over_a_change_of_the_clock():
    tariff = rules(grace_seconds=3600, cap_seconds=7200)
    # Parked from 01:30 to 05:30 by the clock of a night that has 25 hours.
    used = session(("parking", 300), at=datetime(2024, 10, 26, 23, 30, tzinfo=UTC))
    assert rate(tariff, used).total_minor == 1200


def test_a_block_rounds_what_is_billed():
    tariff = rules(step=900, grace_seconds=600)
    used = session(("charging", 30, 10), ("parking", 11))
    assert rate(tariff, used).total_minor == 150


@given(st.integers(0, 120), st.none() | st.integers(1, 240), sessions(reserved=False))
def test_the_fee_is_that_of_the_billed_minutes(grace, cap, used):
    fee = {"grace_seconds": grace * 60}
    if cap is not None:
        fee["cap_seconds"] = cap * 60
    minutes = rate(rules(**fee), used).usage.parking_hours * 60
    left = max(round(minutes) - grace, 0)
    assert rate(rules(**fee), used).total_minor == 10 * (
        left if cap is None else min(left, cap)
    )


@pytest.mark.parametrize(
    ("idle_fee", "path"),
    [
        ({}, "idle_fee"),
        ([], "idle_fee"),
        ({"grace_seconds": -1}, "idle_fee.grace_seconds"),
        ({"grace_seconds": 1.5}, "idle_fee.grace_seconds"),
        ({"cap_seconds": 0}, "idle_fee.cap_seconds"),
        ({"cap_seconds": 31 * 24 * 3600 + 1}, "idle_fee.cap_seconds"),
        ({"grace_seconds": 31 * 24 * 3600 + 1}, "idle_fee.grace_seconds"),
    ],
)
def test_a_bad_idle_fee_is_refused_with_its_path(idle_fee, path):
    with pytest.raises(UnableToParseTariff) as refused:
        parse_tariff(document(IDLE, idle_fee=idle_fee))
    assert refused.value.path == path


@pytest.mark.parametrize("version", ["2.2.1", "2.3.0"])
@pytest.mark.parametrize(
    "idle_fee", [{"grace_seconds": 0, "cap_seconds": 1}, {"grace_seconds": 600}]
)
def test_it_is_written_as_it_was_read(version, idle_fee):
    assert to_ocpi(rules(**idle_fee), version)["idle_fee"] == idle_fee


def test_the_longest_grace_and_cap_are_taken():
    month = 31 * 24 * 3600
    tariff = rules(grace_seconds=month, cap_seconds=month)
    assert (tariff.idle_fee.grace_s, tariff.idle_fee.cap_s) == (month, month)


@pytest.mark.parametrize(
    ("language", "words"),
    [
        (
            "en",
            (
                "The first 10 min of parking cost nothing. "
                "At most 4 h of parking are billed."
            ),
        ),
        (
            "de",
            (
                "Die ersten 10 min des Parkens kosten nichts. "
                "Höchstens 4 h Parken werden berechnet."
            ),
        ),
        ("zh", "占位的前 10 min 免费。占位最多按 4 h 计费。"),
    ],
)
def test_grace_and_cap_are_told(language, words):
    told = describe(rules(grace_seconds=600, cap_seconds=14_400), language)
    assert words in told


def test_grace_and_cap_are_told_only_where_parking_costs():
    tariff = rules(element(component("ENERGY", 1)), grace_seconds=600, cap_seconds=600)
    assert describe(tariff) == "Energy: 1.00 EUR per kWh. Taxes may be added."
    assert "first" not in describe(rules(cap_seconds=600))
    assert "At most" not in describe(rules(grace_seconds=600))
