"""What holds for every tariff and every session."""

from dataclasses import replace
from datetime import timedelta
from decimal import ROUND_DOWN, Decimal, localcontext

from hypothesis import assume, given, strategies as st

from billing.pricing import (
    ROUNDING_POLICY,
    ChargingPeriod,
    Session,
    State,
    UnableToWriteTariff,
    parse_tariff,
    rate,
    to_ocpi,
)
from billing.pricing.tariff import TaxIncluded
from cpms.kernel.money import to_minor
from tests.unit.billing.pricing.strategies import (
    documents,
    sessions,
    tariffs,
    whole_documents,
)


def _split(period, minute):
    """Two periods that together are this one, cut at a whole minute."""
    minutes = (period.ends_at - period.starts_at) // timedelta(minutes=1)
    middle = period.starts_at + timedelta(minutes=minute)
    energy_wh = period.energy_wh // minutes * minute
    return (
        replace(period, ends_at=middle, energy_wh=energy_wh),
        replace(period, starts_at=middle, energy_wh=period.energy_wh - energy_wh),
    )


@given(tariffs(), sessions(), st.data())
def test_splitting_a_period_changes_nothing(tariff, session, data):
    index = data.draw(st.integers(0, len(session.periods) - 1))
    period = session.periods[index]
    minutes = (period.ends_at - period.starts_at) // timedelta(minutes=1)
    assume(minutes > 1)
    halves = _split(period, data.draw(st.integers(1, minutes - 1)))
    periods = (*session.periods[:index], *halves, *session.periods[index + 1 :])
    assert rate(tariff, Session(periods, session.zone)) == rate(tariff, session)


@given(tariffs(), sessions())
def test_the_lines_add_up_to_the_totals(tariff, session):
    priced = rate(tariff, session)
    assert sum(line.before_taxes for line in priced.lines) == priced.before_taxes
    assert sum(line.taxes for line in priced.lines) == priced.taxes
    assert sum(line.after_taxes for line in priced.lines) == priced.after_taxes
    assert sum(total.before_taxes for total in priced.tax_totals) == priced.before_taxes
    assert sum(total.after_taxes for total in priced.tax_totals) == priced.after_taxes
    assert sum(total.after_minor for total in priced.tax_totals) == priced.total_minor
    assert priced.before_minor + priced.taxes_minor == priced.total_minor
    totals = priced.dimension_totals.values()
    assert sum(cost.after_taxes for cost in totals) == priced.after_taxes
    for line in priced.lines:
        assert line.before_taxes + line.taxes == line.after_taxes


@given(tariffs(), sessions())
def test_nothing_is_ever_negative(tariff, session):
    priced = rate(tariff, session)
    assert min(priced.before_taxes, priced.taxes, priced.after_taxes) >= 0
    for total in priced.tax_totals:
        assert min(total.before_taxes, total.taxes, total.after_taxes) >= 0
        assert min(total.before_minor, total.taxes_minor, total.after_minor) >= 0


@given(tariffs(), sessions())
def test_money_is_near_the_exact_total_and_within_the_limits(tariff, session):
    priced = rate(tariff, session)
    exact = to_minor(priced.after_taxes, tariff.currency)
    assert abs(priced.total_minor - exact) <= max(len(priced.tax_totals) // 2, 0) + 1
    limit = tariff.max_price
    if limit is not None:
        assert priced.before_taxes <= limit.before_taxes
        if (
            limit.after_taxes is not None
            and tariff.tax_included is not TaxIncluded.NOT_APPLICABLE
        ):
            assert priced.after_taxes <= limit.after_taxes
            assert priced.before_minor <= to_minor(limit.before_taxes, tariff.currency)
            assert priced.total_minor <= to_minor(limit.after_taxes, tariff.currency)
    charged = any(p.state in {State.CHARGING, State.PARKING} for p in session.periods)
    if tariff.min_price is not None and charged:
        assert priced.before_taxes >= tariff.min_price.before_taxes


@given(tariffs(), sessions())
def test_the_callers_decimal_context_does_not_matter(tariff, session):
    expected = rate(tariff, session)
    with localcontext() as context:
        context.prec = 3
        context.rounding = ROUND_DOWN
        assert rate(parse_tariff(to_ocpi(tariff)), session) == expected


def _assume_limits_with_taxes(tariff):
    """A limit without its taxes takes the session's mix of them, which can shift."""
    for limit in (tariff.min_price, tariff.max_price):
        assume(limit is None or limit.after_taxes is not None)


@given(
    documents("start_time", "end_time", "day_of_week"),
    sessions(states=("charging",)),
    st.integers(1, 50_000),
)
def test_more_energy_never_costs_less_at_exact_prices(document, session, more):
    # Blocks are not monotone over several prices: a cheap Wh can replace a dear one
    # that a block had added.
    for element in document["elements"]:
        for component in element["price_components"]:
            component["step_size"] = 0
    tariff = parse_tariff(document)
    _assume_limits_with_taxes(tariff)
    last = session.periods[-1]
    assume(last.state is State.CHARGING)
    longer = replace(last, energy_wh=last.energy_wh + more)
    dearer = rate(tariff, Session((*session.periods[:-1], longer), session.zone))
    assert dearer.after_taxes >= rate(tariff, session).after_taxes


@given(tariffs("min_kwh", "max_power"), sessions(reserved=False), st.integers(1, 300))
def test_longer_parking_never_costs_less(tariff, session, minutes):
    _assume_limits_with_taxes(tariff)
    last = session.periods[-1]
    parked = ChargingPeriod(
        "parking", last.ends_at, last.ends_at + timedelta(minutes=10)
    )
    longer = replace(parked, ends_at=parked.ends_at + timedelta(minutes=minutes))
    short = rate(tariff, Session((*session.periods, parked), session.zone))
    long = rate(tariff, Session((*session.periods, longer), session.zone))
    assert long.after_taxes >= short.after_taxes


@given(whole_documents())
def test_what_is_written_is_read_back_the_same(document):
    tariff = parse_tariff(document)
    assert parse_tariff(to_ocpi(tariff, "2.3.0")) == tariff
    try:
        older = to_ocpi(tariff, "2.2.1")
    except UnableToWriteTariff:
        assert tariff.tax_included is TaxIncluded.YES
        return
    assert "tax_included" not in older
    again = parse_tariff(older)
    assert again.preauthorize_amount is None  # 2.2.1 has no word for it
    if tariff.tax_included is TaxIncluded.NO:
        assert again == replace(tariff, preauthorize_amount=None)
    assert parse_tariff(to_ocpi(again, "2.2.1")) == again
    assert parse_tariff(to_ocpi(again, "2.3.0")) == again


@given(documents(), sessions())
def test_a_tariff_without_taxes_costs_the_same_in_the_older_version(document, session):
    document = document | {"tax_included": "N/A"}
    document.pop("min_price", None)
    document.pop("max_price", None)
    tariff = parse_tariff(document)
    older = parse_tariff(to_ocpi(tariff, "2.2.1"))
    assert rate(older, session).after_taxes == rate(tariff, session).after_taxes


@given(tariffs(), sessions())
def test_the_ocpi_view_has_four_decimals_and_the_same_totals(tariff, session):
    priced = rate(tariff, session)
    assert priced.rounding_policy == ROUNDING_POLICY
    newer, older = priced.to_ocpi("2.3.0"), priced.to_ocpi("2.2.1")
    for name, value in older.items():
        if name == "currency" or not isinstance(value, dict):
            continue
        before, after = value["excl_vat"], value["incl_vat"]
        assert before.as_tuple().exponent == after.as_tuple().exponent == -4
        assert newer[name]["before_taxes"] == before
        assert before + sum(tax["amount"] for tax in newer[name]["taxes"]) == after
    assert abs(older["total_cost"]["incl_vat"] - priced.after_taxes) <= Decimal("5e-5")
