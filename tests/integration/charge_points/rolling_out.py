"""Firmware campaigns and the stations that take part."""

import pytest
from django.db import transaction

from charge_points.models import (
    ChargePoint,
    FirmwareCampaignMember,
    FirmwareFile,
    FirmwareUpdate,
)
from charge_points.services import campaigns, commands, firmware
from charge_points.services.facts import CommandAnswer
from tests.integration.charge_points.world import NOON, later, make_station

CAMPAIGNS = "/api/v1/operator/firmware-campaigns"

END = later(days=30)


def set_up(station, *, online=True, version="1.6", **fields):
    ChargePoint.objects.filter(pk=station.id).update(
        ocpp_version=version,
        connected_at=NOON,
        disconnected_at=None if online else NOON,
        **{"firmware_version": "1.0", "vendor": "ACME", **fields},
    )


@pytest.fixture
def five(station):
    found = [station, *(make_station(f"CP-1{n}") for n in range(4))]
    for one in found:
        set_up(one)
    return found


@pytest.fixture
def file(operator):
    return make_file(operator.pk)


def make_file(operator_id, **more):
    told_of = {
        "vendor": "acme",
        "version": "2.0",
        "file_name": "f.bin",
        "stored_as": "firmware/f",
        "size_bytes": 1,
        "sha256": "0" * 64,
        "md5": "0" * 32,
        "uploaded_by": "anna",
        "uploaded_at": NOON,
        **more,
    }
    return FirmwareFile.objects.create(operator_id=operator_id, **told_of)


def begin(stations, file, at=NOON, **more):
    wanted = {
        "operator_id": file.operator_id,
        "name": "Spring",
        "firmware_id": file.pk,
        "stations": tuple(station.row for station in stations),
        "selection": {"vendor": "acme"},
        "idempotency_key": "key",
        "starts_at": at,
        "ends_at": END,
        "first_wave_size": 2,
        "wave_size": 2,
        "success_quota_percent": 100,
        "failure_limit_percent": 50,
        **more,
    }
    return campaigns.create(wanted=campaigns.Wanted(**wanted), by="anna", at=at)


def step(at=NOON):
    return campaigns.sweep(at=at)


@transaction.atomic
def killed_step():
    step()
    raise RuntimeError("the worker was killed before the commit")


def send_all(stations, at=NOON):
    """What the gateway does with those that are connected."""
    sent = commands.take_for_delivery(
        charge_point_ids=[s.id for s in stations], node="n", at=at
    )
    commands.record_answers(
        answers=[
            CommandAnswer(
                command_id=one.command_id, accepted=True, status="Accepted", at=at
            )
            for one in sent
        ]
    )
    return sent


def tell(station, status, at=NOON):
    firmware.record_status(
        **station.who,
        request_id=FirmwareUpdate.objects.filter(charge_point_id=station.id)
        .latest("pk")
        .request_id,
        status=status,
        at=at,
    )


def states(row):
    return {k: n for k, n in campaigns.counts_of([row.pk])[row.pk].items() if n}


def member(row, station):
    return FirmwareCampaignMember.objects.get(campaign=row, charge_point_id=station.id)


def by_wave(row, wave):
    found = FirmwareCampaignMember.objects.filter(campaign=row, wave=wave)
    return list(found.order_by("pk").values_list("charge_point__identity", flat=True))


def again(row):
    row.refresh_from_db()
    return row
