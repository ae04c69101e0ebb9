from decimal import Decimal

import pytest

from charge_points.queries import (
    charge_point_list,
    charging_session,
    charging_sessions,
    connector_by_code,
    connector_view,
    live_values,
    token_account,
)
from charge_points.services import connections, metering, transactions
from charge_points.services.facts import Sample
from tests.integration.charge_points.world import (
    NOON,
    ORDER,
    allow,
    energy,
    later,
    make_station,
)


@pytest.fixture
def charged(station):
    """A charge with a pause: 1000 Wh, half an hour, suspended for ten minutes."""
    allow("tag")
    began = station.start("tag", meter=1000)
    station.tell_status("charging", later(seconds=1))
    metering.record(
        [
            station.values(
                began.ocpp_id,
                Sample(later(minutes=10), Decimal(1600), Decimal(3600), Decimal(16)),
            )
        ]
    )
    station.tell_status("suspended_ev", later(minutes=10))
    station.tell_status("charging", later(minutes=20))
    station.stop(began.ocpp_id, later(minutes=30), 2000)
    return began.transaction_id


def test_a_session_has_periods_that_add_up(charged):
    facts = charging_session(charged)
    assert facts.energy_wh == 1000
    assert (facts.meter_start_wh, facts.meter_stop_wh) == (1000, 2000)
    assert (facts.started_at, facts.ended_at) == (NOON, later(minutes=30))
    assert facts.time_zone == "Europe/Berlin"
    assert facts.review_reason is None
    assert [(p.state, p.starts_at, p.ends_at, p.energy_wh) for p in facts.periods] == [
        ("charging", NOON, later(minutes=10), 600),
        ("parking", later(minutes=10), later(minutes=20), 0),
        ("charging", later(minutes=20), later(minutes=30), 400),
    ]
    assert sum(p.energy_wh for p in facts.periods) == facts.energy_wh
    assert facts.periods[0].starts_at == NOON
    assert facts.periods[-1].ends_at == later(minutes=30)
    assert facts.periods[-1].power_w == 3600


def test_a_session_of_nothing_is_none(db):
    assert charging_session(1) is None
    assert charging_sessions([]) == {}


def test_sessions_come_in_three_statements(charged, django_assert_num_queries):
    with django_assert_num_queries(3):
        assert set(charging_sessions([charged, charged + 1])) == {charged}


def test_a_running_session_is_told_as_far_as_it_is_known(station):
    allow("tag")
    began = station.start("tag", meter=1000)
    metering.record([station.values(began.ocpp_id, energy(1500, later(minutes=9)))])
    facts = charging_session(began.transaction_id)
    assert (facts.energy_wh, facts.ended_at) == (500, None)
    assert facts.periods[-1].ends_at == later(minutes=9)


def test_fractions_of_a_wh_are_rounded_once(station):
    allow("tag")
    began = station.start("tag", meter="0.0")
    station.stop(began.ocpp_id, later(minutes=9), "100.5")
    facts = charging_session(began.transaction_id)
    assert facts.energy_wh == 101
    assert sum(p.energy_wh for p in facts.periods) == 101


def test_live_values_follow_the_charge(station):
    assert live_values(ORDER) is None
    station.ask_start()
    began = station.start(ORDER, meter=1000)
    assert live_values(ORDER).energy_wh == 0
    sample = Sample(
        later(minutes=1), Decimal("1500.4"), Decimal("7399.6"), soc_percent=Decimal(50)
    )
    metering.record([station.values(began.ocpp_id, sample)])
    live = live_values(ORDER)
    assert (live.energy_wh, live.power_w, live.soc_percent, live.state) == (
        500,
        7400,
        50,
        "active",
    )
    station.stop(began.ocpp_id, later(minutes=2), 1600)
    live = live_values(ORDER)
    assert (live.energy_wh, live.power_w, live.state) == (600, 0, "ended")


def test_a_connector_is_found_by_its_label_and_by_its_numbers(station):
    row = station.connector()
    by_code = connector_by_code(f" {row.code.lower()} ")
    assert by_code == connector_view(station.identity, 1, 1)
    assert by_code == connector_view(station.identity, 1, 0)
    assert (by_code.charge_point, by_code.evse, by_code.connector) == ("CP-1", 1, 1)
    assert (by_code.max_power_w, by_code.site, by_code.online) == (
        22_000,
        "Main site",
        False,
    )
    assert connector_by_code("nothing") is None
    assert connector_view(station.identity, 9, 1) is None


def test_a_connector_knows_whether_something_is_plugged_in(station):
    station.tell_status("preparing")
    connections.open_connection(charge_point_id=station.id, version="1.6", at=NOON)
    view = connector_view(station.identity, 1, 1)
    assert (view.plugged_in, view.online, view.status) == (True, True, "preparing")


def test_a_token_belongs_to_an_account(station, stranger):
    allow("tag", driver_id=7, group="G", account_state="ok")
    allow("tag", operator_id=station.operator_id, driver_id=8)
    assert token_account("TAG", operator_id=station.operator_id).driver_id == 8
    account = token_account("tag", operator_id=stranger.operator_id)
    assert (account.driver_id, account.group) == (7, "G")
    assert token_account("no", operator_id=station.operator_id) is None


def test_charge_points_are_listed_with_their_connectors(
    station, stranger, django_assert_num_queries
):
    third = make_station("CP-3")
    with django_assert_num_queries(2):
        found = charge_point_list([station.operator_id])
    assert [s.identity for s in found] == ["CP-1", "CP-3"]
    assert [(c.evse, c.connector) for c in found[0].connectors] == [(1, 1), (2, 1)]
    after = charge_point_list([station.operator_id], after_id=station.id)
    assert [s.id for s in after] == [third.id]
    mine = [station.operator_id]
    assert charge_point_list(mine, identity=stranger.identity) == []
    assert len(charge_point_list(mine, limit=1)) == 1


def test_an_attached_order_is_live(station):
    allow("tag")
    began = station.start("tag")
    transactions.attach_order(
        transaction_id=began.transaction_id, order_number=ORDER, at=NOON
    )
    assert live_values(ORDER).state == "active"
