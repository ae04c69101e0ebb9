"""Random tariffs and sessions that can happen."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from hypothesis import strategies as st

from billing.pricing import ChargingPeriod, Session, parse_tariff
from billing.pricing.tariff import Day, TariffType

ZONES = ("Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe")
CHANGES = (
    datetime(2024, 3, 31, 1, tzinfo=UTC),  # Berlin goes on
    datetime(2024, 10, 27, 1, tzinfo=UTC),  # Berlin goes back
    datetime(2024, 11, 3, 6, tzinfo=UTC),  # New York goes back
    datetime(2024, 4, 6, 15, tzinfo=UTC),  # Lord Howe goes back by half an hour
    datetime(2024, 2, 29, 23, tzinfo=UTC),
    datetime(2024, 12, 31, 23, tzinfo=UTC),
)

prices = st.decimals(0, 9, places=2)
rates = st.sampled_from((None, Decimal(0), Decimal("5.2"), Decimal(20)))
steps = st.sampled_from((0, 1, 60, 300, 900))
clocks = st.integers(0, 24 * 12 - 1).map(
    lambda fives: f"{fives // 12:02}:{fives % 12 * 5:02}"
)
starts = st.builds(
    lambda near, minutes: near + timedelta(minutes=minutes),
    st.sampled_from(CHANGES),
    st.integers(-600, 600),
)
TIMED = ("start_time", "end_time", "day_of_week", "min_duration", "max_duration")


def components(dimensions):
    return st.fixed_dictionaries(
        {"type": st.sampled_from(dimensions), "price": prices, "step_size": steps},
        optional={"vat": rates},
    )


def restrictions(*names):
    """Restrictions that can hold, from the named fields only."""
    least = st.integers(1, 60)
    every = {
        "start_time": clocks,
        "end_time": clocks,
        "day_of_week": st.lists(st.sampled_from(list(Day)), max_size=4),
        "min_duration": least.map(lambda n: n * 60),
        "max_duration": least.map(lambda n: 3600 + n * 60),
        "min_kwh": least,
        "max_kwh": st.integers(61, 90),
        "min_power": least,
        "max_power": st.integers(61, 90),
        "min_current": least,
        "max_current": st.integers(61, 90),
        "start_date": st.just("2024-03-01"),
        "end_date": st.sampled_from(("2024-10-27", "2025-01-01")),
    }
    chosen = {name: every[name] for name in names or every}
    return st.fixed_dictionaries({}, optional=chosen)


def elements(*names, dimensions=("ENERGY", "TIME", "PARKING_TIME", "FLAT")):
    return st.fixed_dictionaries(
        {"price_components": st.lists(components(dimensions), min_size=1, max_size=3)},
        optional={"restrictions": restrictions(*names)},
    )


reservation_elements = st.fixed_dictionaries(
    {
        "price_components": st.lists(
            components(("TIME", "FLAT")), min_size=1, max_size=2
        ),
        "restrictions": st.builds(
            lambda kind, others: others | {"reservation": kind},
            st.sampled_from(("RESERVATION", "RESERVATION_EXPIRES")),
            st.just({}) | restrictions(*TIMED),
        ),
    }
)


def limits():
    return st.builds(
        lambda before, more: {"before_taxes": before, "after_taxes": before + more},
        prices,
        prices,
    ) | prices.map(lambda before: {"before_taxes": before})


def _both(least, more_before, more_after):
    """A least and a greatest price that leave a price between them."""
    most = {"before_taxes": least["before_taxes"] + more_before}
    after = least.get("after_taxes", least["before_taxes"])
    most["after_taxes"] = max(after, most["before_taxes"]) + more_after
    return {"min_price": least, "max_price": most}


idle_fees = st.fixed_dictionaries(
    {"grace_seconds": st.integers(0, 90).map(lambda n: n * 60)},
    optional={"cap_seconds": st.integers(1, 240).map(lambda n: n * 60)},
)


def documents(*names, currencies=("EUR", "JPY", "KWD")):
    """Tariffs as JSON, with no price limit, either, or both."""
    return st.fixed_dictionaries(
        {
            "id": st.just("T"),
            "currency": st.sampled_from(currencies),
            "elements": st.lists(
                elements(*names) | reservation_elements, min_size=1, max_size=5
            ),
            "tax_included": st.sampled_from(("YES", "NO", "N/A")),
        },
        optional={"idle_fee": idle_fees},
    ).flatmap(
        lambda document: (
            st.just(document)
            | limits().map(lambda limit: document | {"min_price": limit})
            | limits().map(lambda limit: document | {"max_price": limit})
            | st.builds(_both, limits(), prices, prices).map(
                lambda both: document | both
            )
        )
    )


instants = st.datetimes(
    datetime(2024, 1, 1),  # noqa: DTZ001 - OCPI's are UTC, with or without a Z
    datetime(2024, 6, 1),  # noqa: DTZ001
).map(lambda at: at.replace(microsecond=0))
letters = st.text("abcÄß中 -", min_size=1, max_size=20).filter(str.strip)


def whole_documents():
    """Tariffs as JSON with what no price depends on, too: every field of OCPI."""
    others = st.fixed_dictionaries(
        {},
        optional={
            "country_code": st.sampled_from(("DE", "NL")),
            "party_id": st.just("TST"),
            "type": st.sampled_from(list(TariffType)).map(str),
            "tariff_alt_text": st.lists(
                st.fixed_dictionaries(
                    {"language": st.sampled_from(("en", "de")), "text": letters}
                ),
                max_size=2,
            ),
            "tariff_alt_url": st.just("https://tariffs.example/1"),
            "preauthorize_amount": prices,
            "start_date_time": instants.map(lambda at: f"{at.isoformat()}Z"),
            "end_date_time": instants.map(
                lambda at: f"{(at + timedelta(days=200)).isoformat()}"
            ),
            "energy_mix": st.booleans().map(lambda green: {"is_green_energy": green}),
            "last_updated": instants.map(lambda at: f"{at.isoformat()}Z"),
        },
    )
    return st.builds(lambda document, more: document | more, documents(), others)


def tariffs(*names):
    return documents(*names).map(parse_tariff)


loads = st.none() | st.integers(0, 90).map(Decimal)


@st.composite
def sessions(draw, *, states=("charging", "parking"), reserved=True):
    """A session near something that changes.

    Whole minutes, and as many whole Wh in each minute of a period, so that any
    minute can cut it exactly.
    """
    at = draw(starts)
    pieces = draw(
        st.lists(
            st.tuples(
                st.sampled_from(states),
                st.integers(0, 400),
                st.integers(0, 1_500),
                loads,
                loads,
            ),
            min_size=1,
            max_size=4,
        )
    )
    if reserved and draw(st.booleans()):
        pieces.insert(0, ("reserved", draw(st.integers(0, 120)), 0, None, None))
    elif reserved and draw(st.booleans()):
        pieces = [("reservation_expired", draw(st.integers(0, 120)), 0, None, None)]
    periods = []
    for state, minutes, pace_wh, current, power in pieces:
        ends = at + timedelta(minutes=minutes)
        energy_wh = pace_wh * max(minutes, 1)
        periods.append(ChargingPeriod(state, at, ends, energy_wh, current, power))
        at = ends
    return Session(tuple(periods), draw(st.sampled_from(ZONES)))
