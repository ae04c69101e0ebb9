"""A tariff is a value: it compares by what it says, and a changed copy is another."""

from dataclasses import replace

from billing.pricing import parse_tariff, rate
from billing.pricing.tariff import IdleFee
from tests.unit.billing.pricing.making import component, element, session, tariff
from tests.unit.billing.pricing.test_parsing import FULL

USED = session(("charging", 60, 10), ("parking", 60))


def test_tariffs_that_say_the_same_are_one_key():
    assert len({parse_tariff(FULL), parse_tariff(FULL)}) == 1


def test_pricing_leaves_no_trace_on_a_tariff():
    rules, fresh = (tariff(element(component("ENERGY", 1))) for _ in range(2))
    rate(rules, USED)
    assert rules == fresh
    assert repr(rules) == repr(fresh)


def test_a_changed_copy_is_priced_by_its_own_elements():
    rules = tariff(element(component("ENERGY", 1)))
    assert rate(rules, USED).total_minor == 1000
    dearer = replace(rules, elements=tariff(element(component("ENERGY", 2))).elements)
    assert rate(dearer, USED).total_minor == 2000


def test_an_idle_fee_has_no_grace_unless_it_states_one():
    rules = replace(
        tariff(element(component("PARKING_TIME", 3600))), idle_fee=IdleFee(cap_s=90)
    )
    assert rate(rules, session(("parking", 1))).total_minor == 6000
    assert rate(rules, session(("parking", 2))).total_minor == 9000
