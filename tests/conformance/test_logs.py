"""Diagnostics, logs and triggers of both versions, by the real handlers."""

import dataclasses
from datetime import timedelta

import pytest

from charge_points.models import LogUpload
from charge_points.services import diagnostics, transfers
from charge_points.services.diagnostics import NewLog
from charge_points.services.masking import mask_payload
from tests.conformance.file_orders import (
    ELSEWHERE,
    answer,
    by_hand,
    fail,
    keys,
    sent,
    status_of,
    tell,
    words,
)
from tests.conformance.stations import TABLES, Station

pytestmark = pytest.mark.django_db


def ask_log(station, **wanted):
    return diagnostics.request_log(
        wanted=NewLog(
            charge_point_id=station.id, idempotency_key=str(next(keys)), **wanted
        ),
        by="test",
        at=station.now,
    )


def agree_log(station, command, word="Accepted"):
    if command.action == "GetDiagnostics":
        return answer(station, command, {"fileName": "diag.zip"})
    return answer(station, command, {"status": word, "filename": "diag.zip"})


def tell_log(station, status, row):
    if station.version == "1.6":
        tell(station, status, action="DiagnosticsStatusNotification")
    else:
        tell(station, status, row.request_id, action="LogStatusNotification")


def test_a_log_is_followed_to_its_upload(station):
    row = ask_log(station, oldest_at=station.now - timedelta(days=1))
    command = sent(station, row)
    wanted = "GetDiagnostics" if station.version == "1.6" else "GetLog"
    assert command.action == wanted
    assert agree_log(station, command).accepted
    for word in ("Idle", "Uploading", "Uploaded"):
        tell_log(station, word, row)

    assert status_of(row) == "Uploaded"
    assert (row.file_name, row.ended_at) == ("diag.zip", station.now)
    assert words("LogStatusChanged") == ["Accepted", "Uploading", "Uploaded"]


def test_the_address_of_our_endpoint_is_made_when_it_leaves(station):
    row = ask_log(station)
    command = sent(station, row)
    where = command.payload.get("location") or command.payload["log"]["remoteLocation"]
    token = where.rsplit("/", 1)[1]

    assert transfers.read_upload(token) == (station.operator_id, row.pk)
    assert token not in str(mask_payload(command.action, command.payload))
    with pytest.raises(transfers.UnableToOpenTransfer):
        transfers.read_upload(token[:-1])


def test_security_logs_of_16_are_asked_for_by_get_log(old):
    row = ask_log(old, kind="SecurityLog")
    command = sent(old, row)
    assert (command.action, command.payload["logType"]) == ("GetLog", "SecurityLog")
    agree_log(old, command)
    tell(old, "Uploading", row.request_id, "LogStatusNotification")
    tell(old, "PermissionDenied", row.request_id, "LogStatusNotification")

    assert status_of(row) == "PermissionDenied"


def test_a_16_station_without_diagnostics_names_no_file(old):
    row = ask_log(old)
    answer(old, sent(old, row), {})

    assert status_of(row) == "Refused"
    assert "no such diagnostics" in row.detail


def test_a_failed_upload_of_16_may_be_tried_again(old):
    row = ask_log(old)
    agree_log(old, sent(old, row))
    tell_log(old, "UploadFailed", row)
    assert status_of(row) == "UploadFailure"
    tell_log(old, "Uploading", row)

    assert status_of(row) == "Uploading"
    assert row.ended_at is None


def test_a_newer_log_cancels_the_older_one(new):
    first, second = ask_log(new), ask_log(new)
    agree_log(new, sent(new, first))
    agree_log(new, sent(new, second), "AcceptedCanceled")

    assert status_of(first) == "Canceled"
    assert status_of(second) == "Accepted"


def test_a_refused_log_says_why(new):
    row = ask_log(new)
    assert not answer(new, sent(new, row), {"status": "Rejected"}).accepted

    assert (status_of(row), row.detail) == ("Refused", "Rejected")


@pytest.mark.parametrize(
    ("code", "left"), [("NotSupported", "Refused"), ("ConnectionLost", "Requested")]
)
def test_a_log_without_answer_may_still_come(station, code, left):
    row = ask_log(station)
    fail(station, sent(station, row), code)

    assert status_of(row) == left


def test_a_log_typed_by_hand_gets_its_row(new):
    payload = {
        "log": {"remoteLocation": ELSEWHERE},
        "logType": "DiagnosticsLog",
        "requestId": 9,
    }
    agree_log(new, by_hand(new, "GetLog", payload))
    tell(new, "Uploading", 9, "LogStatusNotification")
    tell(new, "Uploading", 8, "LogStatusNotification")

    row = LogUpload.objects.get()
    assert (row.status, row.location) == ("Uploading", "ftp://***@files.example/x.bin")


def test_a_log_is_asked_for_once_per_key_and_with_sense(new):
    wanted = NewLog(charge_point_id=new.id, idempotency_key="k")
    first = diagnostics.request_log(wanted=wanted, by="test", at=new.now)
    again = diagnostics.request_log(wanted=wanted, by="test", at=new.now)
    assert first.pk == again.pk

    with pytest.raises(diagnostics.UnableToGetLog):
        ask_log(new, oldest_at=new.now, latest_at=new.now)
    with pytest.raises(diagnostics.UnableToGetLog):
        diagnostics.request_log(
            wanted=dataclasses.replace(wanted, charge_point_id=0), by="x", at=new.now
        )


TRIGGERS = [
    *(
        ("1.6", "TriggerMessage", word)
        for word in (
            "BootNotification",
            "DiagnosticsStatusNotification",
            "FirmwareStatusNotification",
            "Heartbeat",
            "MeterValues",
            "StatusNotification",
        )
    ),
    *(
        ("1.6", "ExtendedTriggerMessage", word)
        for word in (
            "BootNotification",
            "LogStatusNotification",
            "FirmwareStatusNotification",
            "Heartbeat",
            "MeterValues",
            "SignChargePointCertificate",
            "StatusNotification",
        )
    ),
    *(
        ("2.0.1", "TriggerMessage", word)
        for word in (
            "BootNotification",
            "LogStatusNotification",
            "FirmwareStatusNotification",
            "Heartbeat",
            "MeterValues",
            "SignChargingStationCertificate",
            "SignV2GCertificate",
            "StatusNotification",
            "TransactionEvent",
            "SignCombinedCertificate",
            "PublishFirmwareStatusNotification",
        )
    ),
]


@pytest.mark.parametrize(("version", "action", "word"), TRIGGERS)
def test_everything_may_be_triggered(version, action, word):
    station = Station(version)
    payload = {"requestedMessage": word}

    assert station.answer(action, payload, {"status": "Accepted"}).accepted
    for refusal in ("Rejected", "NotImplemented"):
        outcome = station.answer(action, payload, {"status": refusal})
        assert (outcome.accepted, outcome.status) == (False, refusal)
    assert TABLES[version].outgoing[action].repeatable
