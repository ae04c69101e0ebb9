"""Orders of files to stations of both versions: their commands, answers and news."""

import itertools

from django.db import transaction

from charge_points.handlers.registry import SentCommand
from charge_points.models import Command
from charge_points.ocpp.schemas import validate_call, validate_result
from cpms.outbox.models import EventRecord
from tests.conformance.stations import TABLES

keys = itertools.count(1000)

ELSEWHERE = "ftp://user:s3cret@files.example/x.bin"


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
