"""Commands by REST, and the station's part of them."""

import pytest
from django.core.cache import cache
from django.utils import timezone

from charge_points.models import ChargePoint
from charge_points.services import commands
from charge_points.services.facts import CommandAnswer, CommandWording
from tests.integration.charge_points.api_world import STATIONS, system_of

ANSWER_S = 30

DEEP = "[" * 200 + "]" * 200


def speak(station, version):
    ChargePoint.objects.filter(pk=station.id).update(ocpp_version=version)
    return station


@pytest.fixture
def station(station):
    return speak(station, "1.6")


@pytest.fixture
def ours(station, as_role):
    cache.clear()
    return system_of(as_role)


def path_of(station, command_id=None):
    own = f"{STATIONS}/{station.identity}/commands"
    return own if command_id is None else f"{own}/{command_id}"


def send(caller, station, action="ClearCache", payload=None, *, key=None, **more):
    body = {"action": action, "payload": payload or {}, **more}
    return caller.post(path_of(station), body, key=key)


def take(station, at=None):
    """What the gateway does: take the next command and say what goes out."""
    (found,) = commands.take_for_delivery(
        charge_point_ids=[station.id], node="node-1", at=at or timezone.now()
    )
    commands.mark_sent(
        wordings=[CommandWording(found.command_id, found.action, found.payload)]
    )
    return found


def answer_with(command_id, **values):
    told = {"accepted": False, "status": "", **values}
    answer = CommandAnswer(command_id=command_id, at=timezone.now(), **told)
    commands.record_answers(answers=[answer])
