"""The message log, quirks, security events and configuration."""

from decimal import Decimal

import pytest

from charge_points.models import (
    DeviceVariable,
    DeviceVariableChange,
    MessageLog,
    QuirkCount,
    ReportPart,
    SecurityEvent,
)
from charge_points.services import messages, quirks, security, variables
from charge_points.services.facts import (
    MessageRow,
    QuirkRow,
    SecurityRow,
    VariableFact,
)
from tests.integration.charge_points.world import NOON, later, told


def message(station, action="Heartbeat", text="{}", answer="{}", **more):
    return MessageRow(
        **station.who,
        version="1.6",
        incoming=True,
        action=action,
        message_id="1",
        at=NOON,
        answered_at=later(seconds=1),
        text=text,
        answer_text=answer,
        **more,
    )


def test_messages_are_kept_as_they_were(station):
    messages.record_many([message(station, text='[2,"1","Heartbeat",{}]')] * 2)
    row = MessageLog.objects.first()
    assert MessageLog.objects.count() == 2
    assert row.text == '[2,"1","Heartbeat",{}]'
    assert (row.charge_point_id, row.incoming, row.at) == (station.id, True, NOON)


def test_characters_that_no_text_can_hold_are_left_out(station):
    messages.record_many([message(station, text="a\0b")])
    assert MessageLog.objects.get().text == "ab"


def test_certificates_are_masked(station):
    messages.record_many(
        [
            message(
                station,
                "DataTransfer",
                answer='{"status":"Accepted","data":"{\\"certificate\\":\\"eyJ\\",'
                '\\"code\\":\\"s3cret\\"}"}',
            )
        ]
    )
    row = MessageLog.objects.get()
    assert "s3cret" not in row.answer_text
    assert "eyJ" not in row.answer_text
    assert "Accepted" in row.answer_text


def quirk(station, name="padded_value", at=NOON, **more):
    return QuirkRow(**station.who, version="1.6", quirk=name, at=at, **more)


def test_quirks_are_counted_per_station(station, stranger):
    quirks.count_many(
        [
            quirk(station, example="x"),
            quirk(station, at=later(minutes=1), count=3),
            quirk(stranger),
            quirk(station, "null_field"),
        ]
    )
    quirks.count(quirk(station, at=later(minutes=2), example="last"))
    row = QuirkCount.objects.get(charge_point_id=station.id, quirk="padded_value")
    assert (row.count, row.example) == (5, "last")
    assert (row.first_seen_at, row.last_seen_at) == (NOON, later(minutes=2))
    assert QuirkCount.objects.count() == 3


def test_an_example_is_not_forgotten_for_none(station):
    quirks.count(quirk(station, example="first"))
    quirks.count(quirk(station))
    assert QuirkCount.objects.get().example == "first"


def test_security_events_are_kept_and_told(station):
    security.record(
        SecurityRow(
            **station.who,
            kind="TamperDetectionActivated",
            occurred_at=NOON,
            received_at=later(seconds=1),
            detail="x" * 400,
            source="station",
        )
    )
    row = SecurityEvent.objects.get()
    assert (row.kind, row.source, len(row.detail)) == (
        "TamperDetectionActivated",
        "station",
        255,
    )
    assert told("SecurityEventRaised")[0]["kind"] == "TamperDetectionActivated"


def record(station, *facts, at=NOON, source="GetConfiguration"):
    return variables.record(**station.who, facts=facts, source=source, at=at)


def test_configuration_is_a_table_with_history(station):
    interval = VariableFact("HeartbeatInterval", "300", mutability="ReadWrite")
    assert record(station, interval, VariableFact("Model", "X")) == 2
    assert record(station, interval, at=later(minutes=1)) == 0
    changed = VariableFact("HeartbeatInterval", "60")
    assert record(station, changed, at=later(minutes=2)) == 1
    row = DeviceVariable.objects.get(variable="HeartbeatInterval")
    assert (row.value, row.mutability) == ("60", "ReadWrite")
    assert (row.updated_at, row.changed_at) == (later(minutes=2), later(minutes=2))
    values = DeviceVariableChange.objects.filter(variable=row).order_by("at")
    assert list(values.values_list("value", flat=True)) == ["300", "60"]
    assert station.row.pk == row.charge_point_id


def test_a_message_without_value_keeps_the_value(station):
    record(station, VariableFact("V", "1", component="C"))
    fact = VariableFact(
        "V", None, component="C", data_type="integer", max_limit=Decimal("8.1")
    )
    assert record(station, fact, at=later(minutes=1)) == 0
    row = DeviceVariable.objects.get()
    assert (row.value, row.data_type, row.max_limit) == ("1", "integer", Decimal("8.1"))


def test_the_same_name_elsewhere_is_another_variable(station):
    record(
        station,
        VariableFact("Power", "1", component="EVSE", evse=1),
        VariableFact("Power", "2", component="EVSE", evse=2),
        VariableFact("Power", "3", component="EVSE", evse=2, attribute="MaxSet"),
    )
    assert DeviceVariable.objects.count() == 3


@pytest.mark.parametrize("name", ["AuthorizationKey", "BasicAuthPassword"])
def test_passwords_are_masked(station, name):
    record(station, VariableFact(name, "secret"))
    assert DeviceVariable.objects.get().value == "***"


def test_a_station_cannot_fill_the_table(station, monkeypatch):
    monkeypatch.setattr(variables, "VARIABLES_PER_STATION_MAX", 2)
    record(station, *[VariableFact(f"V{n}", "1") for n in range(5)])
    assert DeviceVariable.objects.count() == 2


def part(station, seq_no, *, more, request_id=7):
    return variables.record_report_part(
        **station.who,
        request_id=request_id,
        seq_no=seq_no,
        to_be_continued=more,
        facts=[VariableFact(f"V{seq_no}", "1", component="C")],
        generated_at=NOON,
        at=NOON,
    )


def test_a_report_is_complete_with_all_its_parts(station):
    assert not part(station, 0, more=True)
    assert not part(station, 2, more=False)
    assert part(station, 1, more=True)
    assert DeviceVariable.objects.count() == 3
    assert ReportPart.objects.count() == 3


def test_a_repeated_part_changes_nothing(station):
    part(station, 0, more=False)
    assert part(station, 0, more=False)
    assert DeviceVariableChange.objects.count() == 1
