from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from celery import Celery, current_app
from django.db import connection

from charge_points import tasks
from charge_points.models import MessageLog, MeterValue, StartHandle
from charge_points.services import messages, metering, partitions
from charge_points.services.facts import MessageRow
from tests.integration.charge_points.world import NOON, energy, told

# Tasks of other rooms name their queue in a way that Celery will drop.
pytestmark = pytest.mark.filterwarnings(r"ignore:\s*The 'queue' task")
FAR = datetime(2031, 3, 5, 10, tzinfo=UTC)


def partition_of(model):
    table = model._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT tableoid::regclass::text FROM {table}")
        return [row[0] for row in cursor.fetchall()]


def log_message(station, at):
    messages.record_many(
        [
            MessageRow(
                **station.who,
                version="1.6",
                incoming=True,
                action="Heartbeat",
                message_id="1",
                at=at,
                answered_at=None,
                text="",
                answer_text="",
            )
        ]
    )


def test_months_and_weeks_reach_ahead_without_gaps():
    for bounds in (list(partitions.months(FAR)), list(partitions.weeks(FAR))):
        assert bounds[0][0] <= FAR < bounds[0][1]
        assert bounds[-1][1] >= FAR + partitions.AHEAD
        assert all(a[1] == b[0] for a, b in pairwise(bounds))
    assert next(partitions.weeks(FAR))[0].weekday() == 0
    assert next(partitions.months(FAR))[0].day == 1


def test_rows_move_out_of_the_default_into_their_new_partition(station):
    metering.record([station.values("4711", energy(1, FAR))])
    log_message(station, FAR)
    assert partition_of(MeterValue) == ["charge_points_metervalue_default"]
    assert partitions.add_ahead(at=FAR) > 0
    assert partition_of(MeterValue) == ["charge_points_metervalue_20310301"]
    assert partition_of(MessageLog) == ["charge_points_messagelog_20310303"]
    assert partitions.add_ahead(at=FAR) == 0
    metering.record([station.values("4711", energy(1, FAR))])
    assert MeterValue.objects.count() == 1, "the natural key holds in the new one"


def test_whole_weeks_are_dropped_after_the_retention(station):
    partitions.add_ahead(at=FAR)
    for days in (0, 7):
        log_message(station, FAR + timedelta(days=days))
    log_message(station, NOON)
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # as after a commit
    assert partitions.drop_messages(before=FAR) >= 0
    assert MessageLog.objects.count() == 2, "the old row went, with no partition"
    assert partitions.drop_messages(before=FAR + timedelta(days=6)) == 1
    assert [row.at for row in MessageLog.objects.all()] == [FAR + timedelta(days=7)]


def test_the_schedule_names_tasks_that_exist():
    app: Celery = current_app._get_current_object()
    for entry in tasks.BEAT_SCHEDULE.values():
        assert entry["task"] in app.tasks
        assert entry["schedule"] > 0


@pytest.mark.parametrize(
    "task", [entry["task"] for entry in tasks.BEAT_SCHEDULE.values()]
)
def test_every_sweep_runs_on_an_empty_network(db, task):
    app: Celery = current_app._get_current_object()
    app.tasks[task].apply(throw=True)


def test_a_sweep_fails_what_is_overdue_by_the_real_clock(station):
    station.ask_start()
    assert tasks.settle_commands() == 1
    assert StartHandle.objects.get().state == "failed"
    assert "StartFailed" in told()


def test_sweeps_find_nothing_after_each_other(station):
    station.ask_start()
    assert tasks.time_out_starts() == 1
    assert tasks.time_out_starts() == 0
    assert tasks.settle_commands() == 0
