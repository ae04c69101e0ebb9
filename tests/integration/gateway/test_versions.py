"""A station that comes back speaking another version, and says nothing of a boot."""

from datetime import timedelta

import pytest
from django.utils import timezone

from charge_points.models import ChargePoint, Command
from charge_points.services import commands
from tests.integration.gateway.test_registration import (
    BOOTS,
    STATUSES,
    frame,
    in_database,
    opened,
    serve,
    station,  # noqa: F401 - a fixture
)
from tests.integration.gateway.world import call

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("versions", [("1.6", "2.0.1"), ("2.0.1", "1.6")])
def test_a_station_may_come_back_in_another_version(
    station,  # noqa: F811 - a fixture
    redis_url,
    settings,
    versions,
):
    def queue(key):
        now = timezone.now()
        commands.queue_intent(
            charge_point_id=station.charge_point_id,
            intent="reset",
            arguments={"kind": "immediate"},
            by="tests",
            idempotency_key=key,
            expires_at=now + timedelta(hours=1),
            at=now,
        )

    async def visit(world, version, *, boots):
        await in_database(queue, version)
        async with opened(world, version) as socket:
            asked = await frame(socket)
            await socket.send(f'[3,"{asked[1]}",{{"status":"Accepted"}}]')
            if boots:
                await call(socket, "BootNotification", BOOTS[version])
            told = await call(socket, "StatusNotification", STATUSES[version])
            known = ChargePoint.objects.values_list("ocpp_version", flat=True)
            return asked[2:], told[0], await in_database(known.get)

    async def scenario(world):
        first, second = versions
        return [
            await visit(world, first, boots=True),
            await visit(world, second, boots=False),
        ]

    words = {
        "1.6": ["Reset", {"type": "Hard"}],
        "2.0.1": ["Reset", {"type": "Immediate"}],
    }
    assert serve(redis_url, settings, scenario) == [
        (words[version], 3, version) for version in versions
    ]
    assert Command.objects.filter(state="accepted").count() == 2
