"""Firmware of both versions, by the real handlers."""

from datetime import timedelta

import pytest

from charge_points.models import (
    Command,
    FirmwareFile,
    FirmwarePublication,
    FirmwareUpdate,
)
from charge_points.models.states import FIRMWARE_UPDATE
from charge_points.services import firmware, transfers
from charge_points.services.firmware import NewUpdate
from charge_points.services.masking import mask_payload
from tests.conformance.file_orders import (
    ELSEWHERE,
    agree,
    answer,
    by_hand,
    fail,
    keys,
    sent,
    status_of,
    tell,
    words,
)
from tests.conformance.stations import Station

pytestmark = pytest.mark.django_db


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
