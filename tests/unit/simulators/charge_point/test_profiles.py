from datetime import UTC, datetime, timedelta

import pytest

from simulators.charge_point.profiles import PROFILES_MAX, Profile, ProfileStore

START = datetime(2030, 5, 1, 12, tzinfo=UTC)


def profile(**values):
    schedule = {
        "charging_rate_unit": values.pop("unit", "W"),
        "charging_schedule_period": [
            {"start_period": start, "limit": limit}
            for start, limit in values.pop("periods", [(0, 1000)])
        ],
    }
    for name in ("duration", "start_schedule"):
        if name in values:
            schedule[name] = values.pop(name)
    as_list = values.pop("as_list", False)
    return {
        "charging_profile_id": 1,
        "stack_level": 0,
        "charging_profile_purpose": "TxProfile",
        "charging_profile_kind": "Relative",
        "charging_schedule": [schedule] if as_list else schedule,
        **values,
    }


def limit_of(content, at, started_at=START):
    return Profile.parse(content).limit_w(
        at, started_at=started_at, watts_per_ampere=690
    )


def after(seconds):
    return START + timedelta(seconds=seconds)


def test_a_relative_profile_counts_from_the_start_of_the_transaction():
    content = profile(periods=[(0, 5000), (600, 2000)])

    assert limit_of(content, after(599)) == 5000
    assert limit_of(content, after(600)) == 2000


def test_an_absolute_profile_counts_from_its_own_start():
    content = profile(
        charging_profile_kind="Absolute",
        start_schedule="2030-05-01T13:00:00Z",
        periods=[(0, 5000)],
        duration=600,
    )

    assert limit_of(content, after(3599)) is None
    assert limit_of(content, after(3600)) == 5000
    assert limit_of(content, after(4200)) is None


def test_a_recurring_profile_begins_anew_every_day():
    content = profile(
        charging_profile_kind="Recurring",
        start_schedule="2030-04-01T13:00:00",
        periods=[(0, 5000), (60, 1000)],
    )

    assert limit_of(content, after(3600 + 59)) == 5000
    assert limit_of(content, after(3600 + 60)) == 1000


def test_amperes_become_watts_and_are_rounded_down():
    assert limit_of(profile(unit="A", periods=[(0, 8.1)]), START) == 5589


def test_a_profile_is_silent_outside_of_its_validity():
    content = profile(
        valid_from="2030-05-01T12:10:00Z", valid_to="2030-05-01T12:20:00Z"
    )

    assert limit_of(content, after(0)) is None
    assert limit_of(content, after(600)) == 1000
    assert limit_of(content, after(1200)) is None


def test_the_other_version_brings_its_schedules_as_a_list():
    content = profile(as_list=True)
    content["id"] = content.pop("charging_profile_id")

    assert Profile.parse(content).id == 1


@pytest.mark.parametrize("missing", ["stack_level", "charging_schedule"])
def test_a_broken_profile_is_refused_by_name(missing):
    content = profile()
    del content[missing]

    with pytest.raises(ValueError, match=missing):
        Profile.parse(content)


def test_a_profile_without_periods_is_refused():
    with pytest.raises(ValueError, match="no period"):
        Profile.parse(profile(periods=[]))


def store_of(*contents):
    store = ProfileStore()
    for content in contents:
        assert store.put(Profile.parse(content))
    return store


def store_limit(store, at=START):
    return store.limit_w(at, started_at=START, watts_per_ampere=690)


def test_a_transactions_profile_wins_over_the_default_and_below_the_maximum():
    default = profile(
        charging_profile_id=1,
        charging_profile_purpose="TxDefaultProfile",
        periods=[(0, 9000)],
    )
    own = profile(charging_profile_id=2, periods=[(0, 7000)])
    cap = profile(
        charging_profile_id=3,
        charging_profile_purpose="ChargePointMaxProfile",
        periods=[(0, 5000)],
    )

    assert store_limit(store_of()) is None
    assert store_limit(store_of(default)) == 9000
    assert store_limit(store_of(default, own)) == 7000
    assert store_limit(store_of(default, own, cap)) == 5000


def test_the_higher_stack_level_wins_while_it_says_something():
    low = profile(charging_profile_id=1, periods=[(0, 3000)])
    high = profile(
        charging_profile_id=2, stack_level=1, duration=60, periods=[(0, 6000)]
    )
    store = store_of(high, low)

    assert store_limit(store) == 6000
    assert store_limit(store, after(60)) == 3000


def test_the_same_purpose_and_level_replaces():
    store = store_of(profile(charging_profile_id=1), profile(charging_profile_id=2))

    assert list(store.profiles) == [2]


def test_clearing_matches_every_criterion():
    store = store_of(
        profile(charging_profile_id=1),
        profile(charging_profile_id=2, stack_level=1),
        profile(charging_profile_id=3, charging_profile_purpose="TxDefaultProfile"),
    )

    assert store.clear(purpose="TxProfile", stack_level=1) == 1
    assert store.clear(profile_id=9) == 0
    assert store.clear(profile_id=1) == 1
    assert list(store.profiles) == [3]


def test_a_full_store_takes_no_more():
    store = ProfileStore()
    for number in range(PROFILES_MAX):
        content = profile(charging_profile_id=number, stack_level=number)
        assert store.put(Profile.parse(content))

    last = profile(charging_profile_id=999, stack_level=999)
    assert not store.put(Profile.parse(last))
