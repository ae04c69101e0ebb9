"""A command that is too long for the station: several CALLs, one answer."""

from datetime import timedelta

import pytest

from charge_points.models import Command
from charge_points.services import commands
from charge_points.services.facts import CommandAnswer, VariableFact
from charge_points.services.variables import record
from tests.integration.charge_points.world import NOON, later


def items_max(station, number):
    fact = VariableFact(
        component="DeviceDataCtrlr",
        variable="ItemsPerMessage",
        variable_instance="GetVariables",
        value=str(number),
    )
    record(**station.who, facts=[fact], source="test", at=NOON)


def ask(station, number, key="k"):
    wanted = [
        {"component": {"name": "C"}, "variable": {"name": f"V{n}"}}
        for n in range(number)
    ]
    return commands.queue(
        charge_point_id=station.id,
        action="GetVariables",
        payload={"getVariableData": wanted},
        by="test",
        idempotency_key=key,
        expires_at=later(minutes=5),
        at=NOON,
    )


def take(station):
    taken = commands.take_for_delivery(
        charge_point_ids=[station.id], node="n", at=later(seconds=1)
    )
    return taken[0] if taken else None


def answer(command, *, accepted=True):
    results = [
        {**asked, "attributeStatus": "Accepted" if accepted else "Rejected"}
        for asked in command.payload["getVariableData"]
    ]
    commands.record_answers(
        answers=[
            CommandAnswer(
                command_id=command.command_id,
                accepted=accepted,
                status="Accepted" if accepted else "Rejected",
                at=later(seconds=2),
                response={"getVariableResult": results},
            )
        ]
    )


def test_the_parts_are_sent_one_by_one_and_joined(station):
    items_max(station, 2)
    whole = ask(station, 5)

    sizes = []
    while (part := take(station)) is not None:
        assert part.command_id != whole.pk
        sizes.append(len(part.payload["getVariableData"]))
        whole.refresh_from_db()
        assert whole.state == "queued"
        answer(part)

    assert sizes == [2, 2, 1]
    whole.refresh_from_db()
    assert whole.state == "accepted"
    names = [r["variable"]["name"] for r in whole.response["getVariableResult"]]
    assert names == ["V0", "V1", "V2", "V3", "V4"]
    assert ask(station, 5).pk == whole.pk


def test_one_refused_part_refuses_the_whole(station):
    items_max(station, 1)
    whole = ask(station, 2)
    answer(take(station))
    answer(take(station), accepted=False)

    whole.refresh_from_db()
    assert (whole.state, whole.status_text) == ("rejected", "Rejected")
    assert len(whole.response["getVariableResult"]) == 2


@pytest.mark.parametrize("known", [None, 5])
def test_what_fits_is_sent_as_it_is(station, known):
    if known:
        items_max(station, known)
    whole = ask(station, 5)

    assert take(station).command_id == whole.pk


def test_a_cancelled_whole_takes_its_parts_along(station):
    items_max(station, 1)
    whole = ask(station, 3)
    answer(take(station))

    assert commands.cancel(command_id=whole.pk, at=later(seconds=3))
    assert take(station) is None


def test_the_whole_expires_with_its_parts(station):
    items_max(station, 1)
    whole = ask(station, 2)

    commands.settle_overdue(at=NOON + timedelta(hours=1))

    whole.refresh_from_db()
    assert whole.state == "expired"
    assert set(Command.objects.values_list("state", flat=True)) == {"expired"}
