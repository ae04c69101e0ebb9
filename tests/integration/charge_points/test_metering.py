from decimal import Decimal

import pytest
from django.db import DataError, connection, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings, strategies as st

from charge_points.models import Command, MeterValue, SecurityEvent
from charge_points.services import metering, rows, running, samples, transactions
from charge_points.services.facts import MeterBatch, Sample
from tests.integration.charge_points.world import NOON, allow, energy, later, told


@pytest.fixture
def began(station):
    allow("tag")
    return station.start("tag", meter=1000)


def test_values_are_kept_and_move_the_charge(station, began):
    at = later(minutes=1)
    sample = Sample(
        at,
        Decimal("1500.5"),
        Decimal(7400),
        Decimal("32.1"),
        Decimal("230.4"),
        Decimal(55),
    )
    metering.record([station.values(began.ocpp_id, sample)])
    kept = MeterValue.objects.get()
    assert (kept.energy_wh, kept.power_w, kept.current_a) == (
        Decimal("1500.500"),
        7400,
        Decimal("32.100"),
    )
    assert kept.transaction_id == began.transaction_id
    row = station.transaction()
    assert (row.last_energy_wh, row.last_power_w) == (Decimal("1500.5"), 7400)
    assert (row.last_soc_percent, row.last_sample_at) == (55, at)
    assert row.meter_gain_wh == Decimal("500.5")


def test_a_repeat_changes_nothing(station, began):
    batch = [station.values(began.ocpp_id, energy(1500, later(minutes=1)))]
    metering.record(batch)
    metering.record([*batch, *batch])
    assert MeterValue.objects.count() == 1
    assert station.transaction().meter_gain_wh == 500


def test_a_contradiction_is_kept_beside(station, began):
    at = later(minutes=1)
    metering.record([station.values(began.ocpp_id, energy(1500, at))])
    metering.record([station.values(began.ocpp_id, energy(1600, at))])
    assert MeterValue.objects.count() == 2
    assert station.transaction().last_energy_wh == 1500


@pytest.mark.parametrize(
    "sample",
    [
        Sample(later(minutes=2), soc_percent=Decimal(60)),
        Sample(later(minutes=2), voltage_v=Decimal(230)),
        Sample(later(minutes=2), Decimal(99_999), context="Sample.Clock"),
    ],
    ids=["soc", "voltage", "clock"],
)
def test_what_is_no_energy_never_moves_it(station, began, sample):
    metering.record([station.values(began.ocpp_id, energy(1500, later(minutes=1)))])
    metering.record([station.values(began.ocpp_id, sample)])
    row = station.transaction()
    assert (row.last_energy_wh, row.meter_gain_wh) == (1500, 500)
    station.stop(began.ocpp_id, later(minutes=3), None)
    assert station.transaction().energy_wh == 500


def test_older_values_are_kept_and_move_nothing_back(station, began):
    metering.record([station.values(began.ocpp_id, energy(3000, later(minutes=9)))])
    metering.record([station.values(began.ocpp_id, energy(2000, later(minutes=5)))])
    row = station.transaction()
    assert (row.last_energy_wh, row.meter_regressed) == (3000, False)
    assert MeterValue.objects.count() == 2


def test_values_of_one_message_are_taken_in_the_order_of_their_times(station, began):
    metering.record(
        [
            station.values(
                began.ocpp_id,
                energy(3000, later(minutes=9)),
                energy(2000, later(minutes=5)),
            )
        ]
    )
    row = station.transaction()
    assert (row.last_energy_wh, row.meter_regressed) == (3000, False)


def test_values_of_many_charges_in_one_set(station, stranger, began):
    other = stranger.start("tag2", meter=0)
    metering.record(
        [
            station.values(began.ocpp_id, energy(1100, later(minutes=1))),
            stranger.values(other.ocpp_id, energy(200, later(minutes=1))),
            station.values(began.ocpp_id, energy(1200, later(minutes=2))),
        ]
    )
    assert station.transaction().last_energy_wh == 1200
    assert stranger.transaction().last_energy_wh == 200


def test_a_set_costs_a_fixed_number_of_statements(station, began, monkeypatch):
    seen = []

    def counted(do):
        def run(sql, columns):
            seen.append(sql.split()[0])
            return do(sql, columns)

        return run

    for room, name in ((samples, "execute_columns"), (running, "fetch_columns")):
        monkeypatch.setattr(room, name, counted(getattr(room, name)))
    allow("fleet", concurrent_allowed=True)
    ids = [began.ocpp_id, station.start("fleet", evse=2, meter=0).ocpp_id]
    batch = [
        station.values(ids[n % 2], energy(1000 + n, later(seconds=n)))
        for n in range(1, 50)
    ]
    with CaptureQueriesContext(connection) as others:
        metering.record(batch)
    assert seen == ["SELECT", "INSERT", "WITH"]
    assert len(others) == 0
    assert MeterValue.objects.count() == 49


@pytest.mark.parametrize("absurd", ["1e15", "-1e15"])
def test_what_no_meter_can_show_is_left_out(station, began, absurd):
    sample = Sample(
        later(minutes=1),
        Decimal(absurd),
        Decimal("1e12"),
        Decimal("1e9"),
        Decimal("1e9"),
    )
    metering.record([station.values(began.ocpp_id, sample)])
    kept = MeterValue.objects.get()
    assert (kept.energy_wh, kept.power_w, kept.current_a) == (None, None, None)
    assert station.transaction().last_energy_wh is None


def test_numbers_no_connector_has_are_kept_as_none(station, began):
    batch = station.values(
        None, energy(1, later(minutes=1)), evse=10**6, connector=10**6
    )
    metering.record([batch])
    assert MeterValue.objects.get().evse_number == 0


def test_errors_of_the_database_are_djangos_own(station):
    with pytest.raises(DataError), transaction.atomic():
        rows.execute_columns("SELECT %s::bigint[]", ["{x}"])
    with pytest.raises(DataError), transaction.atomic():
        rows.fetch_columns("SELECT %s::bigint[]", ["{x}"])


@given(
    st.lists(
        st.none() | st.text(st.characters(exclude_characters="\0", codec="utf-8")),
        max_size=5,
    )
)
@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_survives_its_column(db, values):
    found = rows.fetch_columns("SELECT unnest(%s::text[])", [rows.texts(values)])
    assert [row[0] for row in found] == values


def test_without_an_id_values_belong_to_what_runs_on_the_connector(station, began):
    metering.record([station.values(None, energy(1500, later(minutes=1)))])
    assert station.transaction().last_energy_wh == 1500


@pytest.mark.parametrize("connector", [0, 2])
def test_other_connectors_values_belong_to_nobody(station, began, connector):
    batch = station.values(
        None, energy(1500, later(minutes=1)), evse=connector, connector=connector
    )
    metering.record([batch])
    assert station.transaction().last_energy_wh is None
    assert MeterValue.objects.get().transaction_id is None


def test_without_an_id_values_from_before_the_start_belong_to_nobody(station, began):
    metering.record([station.values(None, energy(900, later(minutes=-5)))])
    assert MeterValue.objects.get().transaction_id is None


def test_clock_aligned_values_without_an_id_belong_to_nobody(station, began):
    sample = energy(1500, later(minutes=1), context="Sample.Clock")
    metering.record([station.values(None, sample)])
    assert MeterValue.objects.get().transaction_id is None


def test_another_stations_charge_gets_no_values(station, stranger, began):
    metering.record([stranger.values(began.ocpp_id, energy(9999, later(minutes=1)))])
    assert station.transaction().last_energy_wh is None
    assert MeterValue.objects.get().transaction_id is None
    assert SecurityEvent.objects.get().charge_point_id == stranger.id


def test_guessing_ids_does_not_flood_the_security_events(
    station, stranger, began, monkeypatch
):
    monkeypatch.setattr(metering, "FOREIGN_EVENTS_MAX", 3)
    metering.record(
        [stranger.values(began.ocpp_id, energy(n, later(seconds=n))) for n in range(10)]
    )
    assert SecurityEvent.objects.count() == 3


def test_unknown_ids_are_no_breach(station):
    metering.record([station.values("4711", energy(1, NOON))])
    assert not SecurityEvent.objects.exists()
    assert MeterValue.objects.count() == 1


def test_a_limit_asks_for_a_stop_once(station, began):
    transactions.set_limits(
        transaction_id=began.transaction_id, energy_limit_wh=2000, ends_by=None
    )
    metering.record([station.values(began.ocpp_id, energy(2999, later(minutes=9)))])
    assert not Command.objects.exists()
    for minute in (10, 11):
        at = later(minutes=minute)
        metering.record([station.values(began.ocpp_id, energy(3000 + minute, at))])
    command = Command.objects.get()
    assert command.arguments == {
        "transaction_id": began.ocpp_id,
        "reason": "energy limit",
    }


def test_a_time_limit_asks_for_a_stop(station, began):
    transactions.set_limits(
        transaction_id=began.transaction_id,
        energy_limit_wh=None,
        ends_by=later(minutes=10),
    )
    metering.record([station.values(began.ocpp_id, energy(1001, later(minutes=10)))])
    assert Command.objects.get().arguments["reason"] == "time limit"


def test_a_register_that_jumped_does_not_end_a_charge(station, began):
    transactions.set_limits(
        transaction_id=began.transaction_id, energy_limit_wh=2000, ends_by=None
    )
    metering.record(
        [station.values(began.ocpp_id, energy(910_000_000, later(minutes=1)))]
    )
    assert not Command.objects.exists()


def test_values_after_a_stop_change_nothing(station, began):
    station.stop(began.ocpp_id, later(minutes=5), 2000)
    metering.record([station.values(began.ocpp_id, energy(2500, later(minutes=6)))])
    assert station.transaction().energy_wh == 1000
    assert "TransactionCorrected" not in told()


def test_values_after_an_estimated_end_correct_it(station, began):
    transactions.close_silent(at=later(days=2))
    metering.record([station.values(began.ocpp_id, energy(2500, later(minutes=6)))])
    row = station.transaction()
    assert (row.energy_wh, row.estimated) == (1500, True)
    assert row.ended_at == later(minutes=6)
    assert len(told("TransactionCorrected")) == 1
    metering.record([station.values(began.ocpp_id, energy(2500, later(minutes=6)))])
    assert len(told("TransactionCorrected")) == 1


def test_a_message_of_very_many_values_is_cut(station, began, monkeypatch):
    monkeypatch.setattr(metering, "SAMPLES_PER_MESSAGE_MAX", 3)
    samples = [energy(1000 + n, later(seconds=n)) for n in range(1, 9)]
    metering.record([station.values(began.ocpp_id, *samples)])
    assert MeterValue.objects.count() == 3


def test_a_message_without_values_is_nothing(station, began):
    metering.record(
        [
            MeterBatch(
                **station.who,
                evse=1,
                connector=1,
                ocpp_transaction_id=began.ocpp_id,
                samples=(),
                received_at=later(minutes=3),
            )
        ]
    )
    assert station.transaction().last_seen_at == later(minutes=3)


def test_nothing_is_nothing(db):
    metering.record([])


def test_signed_values_are_kept_once_and_unchanged(station, began):
    signed = _Signed("OCMF|{}|{}", "ECDSA", "OCMF", "key", "Transaction.End")
    sample = energy(1500, later(minutes=1), signed=(signed,))
    metering.record([station.values(began.ocpp_id, sample)])
    metering.record([station.values(began.ocpp_id, sample)])
    assert station.transaction().signed_values == [
        {
            "data": "OCMF|{}|{}",
            "signing_method": "ECDSA",
            "encoding_method": "OCMF",
            "public_key": "key",
            "context": "Transaction.End",
        }
    ]


class _Signed:
    def __init__(self, data, signing_method, encoding_method, public_key, context):
        self.data = data
        self.signing_method = signing_method
        self.encoding_method = encoding_method
        self.public_key = public_key
        self.context = context
