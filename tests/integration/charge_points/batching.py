"""One command for many charge points, by REST and by service."""

from datetime import timedelta

import pytest
from django.core.cache import cache
from django.utils import timezone

from charge_points.models import ChargePoint
from charge_points.services import commands
from charge_points.services.commands import batches
from charge_points.services.facts import CommandAnswer
from tests.integration.charge_points.api_world import system_of
from tests.integration.charge_points.world import make_station

BATCHES = "/api/v1/operator/command-batches"

SECRET = {"key": "AuthorizationKey", "value": "70617373776f7264"}


def set_up(station, version="1.6", *, online=True, **fields):
    now = timezone.now()
    told = {"ocpp_version": version, "connected_at": now, **fields}
    told["disconnected_at"] = None if online else now
    ChargePoint.objects.filter(pk=station.id).update(**told)
    return station


@pytest.fixture
def ours(station, as_role):
    cache.clear()
    set_up(station)
    return system_of(as_role)


@pytest.fixture
def three(station):
    return [
        set_up(station),
        set_up(make_station("CP-10")),
        set_up(make_station("CP-11")),
    ]


def send(caller, stations=(), *, key=None, action="ClearCache", payload=None, **more):
    body = {"action": action, "payload": payload or {}, **more}
    if stations:
        body["charge_points"] = [station.identity for station in stations]
    return caller.post(BATCHES, body, key=key)


def show(caller, batch_id, **query):
    answer = caller.get(f"{BATCHES}/{batch_id}", **query)
    assert answer.status_code == 200, answer.content
    return answer.json()


def nonzero(counts):
    return {name: number for name, number in counts.items() if number}


def take(*stations):
    return commands.take_for_delivery(
        charge_point_ids=[s.id for s in stations], node="node-1", at=timezone.now()
    )


def answer_all(sent, **more):
    told = {"accepted": True, "status": "Accepted", "at": timezone.now(), **more}
    commands.record_answers(
        answers=[CommandAnswer(command_id=one.command_id, **told) for one in sent]
    )


def new_batch(stations, **more):
    now = timezone.now()
    told = {
        "operator_id": stations[0].operator_id,
        "charge_point_ids": tuple(s.id for s in stations),
        "action": "ChangeConfiguration",
        "payload": SECRET,
        "selection": {"identities": [s.identity for s in stations]},
        "idempotency_key": "key",
        "not_before": now,
        "expires_at": now + timedelta(minutes=10),
        **more,
    }
    return batches.NewBatch(**told)


def send_here(stations, **more):
    return batches.send(
        wanted=new_batch(stations, **more), by="anna", at=timezone.now()
    )
