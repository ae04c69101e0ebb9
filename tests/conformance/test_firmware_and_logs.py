"""Firmware, diagnostics, logs and triggers of both versions, by the real handlers."""

import dataclasses
import itertools
from datetime import timedelta

import pytest
from django.db import transaction

from charge_points.handlers.registry import SentCommand
from charge_points.models import (
    Command,
    FirmwareFile,
    FirmwarePublication,
    FirmwareUpdate,
    LogUpload,
)
from charge_points.models.states import FIRMWARE_UPDATE
from charge_points.ocpp.schemas import validate_call, validate_result
from charge_points.services import diagnostics, firmware, transfers
from charge_points.services.diagnostics import NewLog
from charge_points.services.firmware import NewUpdate
from charge_points.services.masking import mask_payload
from cpms.outbox.models import EventRecord
from tests.conformance.stations import TABLES, Station

pytestmark = pytest.mark.django_db
keys = itertools.count(1000)
ELSEWHERE = "ftp://user:s3cret@files.example/x.bin"


@pytest.fixture(params=["1.6", "2.0.1"])
def station(request):
    return Station(request.param)


@pytest.fixture
def new():
    return Station("2.0.1")


@pytest.fixture
def old():
    return Station("1.6")


def uploaded(station, **more):
    return FirmwareFile.objects.create(
        operator_id=station.operator_id,
        version=f"v{next(keys)}",
        file_name="x.bin",
        stored_as="firmware/x",
        size_bytes=3,
        sha256="0" * 64,
        md5="0" * 32,
        uploaded_by="test",
        uploaded_at=station.now,
        **more,
    )


def order(station, **wanted):
    return firmware.request_update(
        wanted=NewUpdate(
            charge_point_id=station.id,
            idempotency_key=str(next(keys)),
            **(wanted or {"location": ELSEWHERE}),
        ),
        by="test",
        at=station.now,
    )


def ask_log(station, **wanted):
    return diagnostics.request_log(
        wanted=NewLog(
            charge_point_id=station.id, idempotency_key=str(next(keys)), **wanted
        ),
        by="test",
        at=station.now,
    )


def sent(station, row):
    """The command of a row as the gateway sends it."""
    command = Command.objects.get(pk=row.command_number)
    action, payload = station.word(command.intent, command.arguments)
    return SentCommand(
        *(command.pk, station.id, station.operator_id, station.identity),
        *(station.version, command.intent, command.arguments, action, payload),
    )


def by_hand(station, action, payload):
    assert validate_call(station.version, action, payload) is None
    return SentCommand(
        *(next(keys), station.id, station.operator_id, station.identity),
        *(station.version, None, {}, action, payload),
    )


def answer(station, command, said):
    assert validate_result(station.version, command.action, said) is None
    table = TABLES[station.version]
    with transaction.atomic():
        table.outgoing[command.action].on_result(command, said, station.now)
    return table.interpret(command.action, command.payload, said)


def fail(station, command, code):
    with transaction.atomic():
        TABLES[station.version].outgoing[command.action].on_error(
            command, code, "", station.now
        )


def agree(station, command):
    says_nothing = station.version == "1.6" and command.action == "UpdateFirmware"
    return answer(station, command, {} if says_nothing else {"status": "Accepted"})


def tell(station, status, request_id=None, action="FirmwareStatusNotification"):
    payload = {"status": status}
    if request_id is not None:
        payload["requestId"] = request_id
    assert station.call(action, payload) == {}


def status_of(row):
    row.refresh_from_db()
    return row.status


def words(topic):
    rows = EventRecord.objects.filter(topic=topic).order_by("pk")
    return [row.payload["status"] for row in rows]


# -- firmware ------------------------------------------------------------


def test_an_update_is_followed_to_its_end(station):
    row = order(station, firmware_id=uploaded(station).pk)
    assert status_of(row) == "Requested"
    assert agree(station, sent(station, row)).accepted
    number = row.request_id if station.version == "2.0.1" else None
    steps = ["Downloading", "Downloaded", "Installing", "Installed"]
    for word in steps:
        tell(station, word, number)
    tell(station, "Idle")

    assert status_of(row) == "Installed"
    assert [word for word, _ in row.history] == ["Accepted", *steps]
    assert (row.downloaded_at, row.ended_at) == (station.now, station.now)
    assert words("FirmwareStatusChanged") == ["Accepted", *steps]


def test_the_address_of_an_own_file_is_made_when_it_leaves(station):
    file = uploaded(station)
    row = order(station, firmware_id=file.pk)
    command = sent(station, row)
    where = command.payload.get("firmware", command.payload)["location"]

    token = where.rsplit("/", 1)[1]
    found = transfers.read_firmware(token, at=station.now)
    assert found == (station.operator_id, file.pk)
    assert token not in str(Command.objects.get().arguments)
    assert token not in str(mask_payload(command.action, command.payload))
    with pytest.raises(transfers.UnableToOpenTransfer):
        transfers.read_firmware(token, at=station.now + timedelta(days=15))


def test_a_password_in_an_address_is_not_kept(station):
    row = order(station)
    command = sent(station, row)

    assert "s3cret" in str(command.payload)
    assert row.location == "ftp://***@files.example/x.bin"
    assert "s3cret" not in str(mask_payload(command.action, command.payload))


@pytest.mark.parametrize(
    ("version", "action"),
    [("1.6", "SignedUpdateFirmware"), ("2.0.1", "UpdateFirmware")],
)
def test_a_signed_file_goes_out_with_certificate_and_signature(version, action):
    station = Station(version)
    file = uploaded(station, signing_certificate="PEM", signature="c2ln")
    row = order(station, firmware_id=file.pk, install_at=station.now, retries=3)
    command = sent(station, row)

    assert command.action == action
    assert command.payload["requestId"] == row.request_id
    assert command.payload["retries"] == 3
    assert command.payload["firmware"]["signingCertificate"] == "PEM"
    assert command.payload["firmware"]["signature"] == "c2ln"
    assert row.is_signed


def test_signed_updates_of_16_are_told_by_request_id(old):
    file = uploaded(old, signing_certificate="PEM", signature="c2ln")
    first = order(old, firmware_id=file.pk)
    agree(old, sent(old, first))
    second = order(old, firmware_id=file.pk)
    said = {"status": "AcceptedCanceled"}
    assert answer(old, sent(old, second), said).accepted
    signed = "SignedFirmwareStatusNotification"
    tell(old, "Downloaded", second.request_id, signed)
    tell(old, "InvalidSignature", second.request_id, signed)

    assert status_of(first) == "Canceled"
    assert status_of(second) == "InvalidSignature"


@pytest.mark.parametrize(
    "word", ["Rejected", "InvalidCertificate", "RevokedCertificate"]
)
def test_a_refused_update_says_why(new, word):
    row = order(new)
    assert not answer(new, sent(new, row), {"status": word}).accepted

    assert status_of(row) == "Refused"
    assert (row.detail, row.ended_at) == (word, new.now)


def test_a_newer_update_takes_the_place_of_an_older_one(station):
    first, second = order(station), order(station)
    agree(station, sent(station, first))
    agree(station, sent(station, second))
    tell(station, "Installed")

    assert status_of(first) == "Canceled"
    assert status_of(second) == "Installed"


def test_a_step_back_changes_nothing_but_is_remembered(new):
    row = order(new)
    agree(new, sent(new, row))
    for word in ("Installed", "Downloading", "Installed"):
        tell(new, word, row.request_id)

    assert status_of(row) == "Installed"
    assert [word for word, _ in row.history] == ["Accepted", "Installed", "Downloading"]


def test_a_failed_download_may_be_tried_again(new):
    row = order(new)
    agree(new, sent(new, row))
    tell(new, "DownloadFailed", row.request_id)
    assert status_of(row) == "DownloadFailed"
    assert row.ended_at is not None
    tell(new, "Downloading", row.request_id)

    assert status_of(row) == "Downloading"
    assert row.ended_at is None


def test_a_status_may_overtake_the_answer(new):
    row = order(new)
    tell(new, "Downloading", row.request_id)
    agree(new, sent(new, row))

    assert status_of(row) == "Downloading"


def test_an_update_that_nobody_ordered_here_is_seen(station):
    tell(station, "Idle")
    assert not FirmwareUpdate.objects.exists()
    tell(station, "Downloading")
    tell(station, "Installed")

    row = FirmwareUpdate.objects.get()
    assert (row.status, row.requested_by) == ("Installed", "station")


def test_an_update_typed_by_hand_gets_its_row(station):
    if station.version == "1.6":
        payload = {"location": ELSEWHERE, "retrieveDate": station.stamp}
    else:
        file = {"location": ELSEWHERE, "retrieveDateTime": station.stamp}
        payload = {"requestId": 7, "firmware": file}
    agree(station, by_hand(station, "UpdateFirmware", payload))
    tell(station, "Downloading")

    row = FirmwareUpdate.objects.get()
    assert (row.status, row.retrieve_at) == ("Downloading", station.now)
    assert "s3cret" not in row.location


@pytest.mark.parametrize(
    ("code", "left"), [("NotSupported", "Refused"), ("Timeout", "Requested")]
)
def test_without_answer_nobody_knows_but_an_error_is_an_end(station, code, left):
    row = order(station)
    fail(station, sent(station, row), code)

    assert status_of(row) == left
    assert row.detail == code


def test_an_order_is_made_once_per_key(new):
    wanted = NewUpdate(charge_point_id=new.id, idempotency_key="k", location=ELSEWHERE)
    first = firmware.request_update(wanted=wanted, by="test", at=new.now)
    again = firmware.request_update(wanted=wanted, by="test", at=new.now)

    assert first.pk == again.pk
    assert Command.objects.count() == 1


def test_orders_without_sense_are_refused(new):
    foreign = uploaded(Station("2.0.1", operator="other"))
    for wanted in (
        {"location": "", "firmware_id": None},
        {"location": ELSEWHERE, "firmware_id": foreign.pk},
        {"firmware_id": foreign.pk},
    ):
        with pytest.raises(firmware.UnableToUpdateFirmware):
            order(new, **wanted)
    with pytest.raises(firmware.UnableToUpdateFirmware):
        firmware.request_update(
            wanted=NewUpdate(charge_point_id=0, idempotency_key="k", location="x"),
            by="test",
            at=new.now,
        )
    assert not FirmwareUpdate.objects.exists()


def test_every_word_of_the_schemas_is_in_the_table():
    schema = {"Downloading", "DownloadPaused", "SignatureVerified", "InstallRebooting"}
    assert schema <= set(FIRMWARE_UPDATE.states)


# -- local controllers (2.0.1 L03, L04) ------------------------------------------------


def publish(new, word="Accepted"):
    payload = {"requestId": 4, "checksum": "0" * 32, "location": ELSEWHERE}
    return answer(new, by_hand(new, "PublishFirmware", payload), {"status": word})


def tell_publication(new, status, **more):
    payload = {"status": status, "requestId": 4, **more}
    assert new.call("PublishFirmwareStatusNotification", payload) == {}


def test_a_publication_is_followed_and_taken_back(new):
    assert publish(new).accepted
    for word in ("Idle", "Downloading", "Downloaded", "ChecksumVerified"):
        tell_publication(new, word)
    tell_publication(new, "Published", location=["http://10.0.0.2/x.bin"])
    row = FirmwarePublication.objects.get()
    assert row.status == "Published"
    assert row.published_at_addresses == ["http://10.0.0.2/x.bin"]

    unpublish = by_hand(new, "UnpublishFirmware", {"checksum": "0" * 32})
    assert not answer(new, unpublish, {"status": "DownloadOngoing"}).accepted
    assert status_of(row) == "Published"
    assert answer(new, unpublish, {"status": "Unpublished"}).accepted
    assert status_of(row) == "Unpublished"


def test_a_refused_publication_says_so(new):
    assert not publish(new, "Rejected").accepted
    tell_publication(new, "Published", location=["http://10.0.0.2/x.bin"])

    assert FirmwarePublication.objects.get().status == "Refused"


# -- diagnostics and logs ------------------------------------------------------------


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


# -- triggers ------------------------------------------------------------

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
