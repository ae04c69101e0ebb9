"""Every command message of both versions, sent by REST and answered by a station."""

import asyncio

import pytest

from tests.e2e.scripted import answer_of, call_of, scripted

pytestmark = pytest.mark.e2e
WAIT_S = 10
PATIENCE_S = 60

PERIODS = [{"startPeriod": 0, "limit": 11000.0}]
DEFAULT_16 = {
    "chargingProfileId": 1,
    "stackLevel": 0,
    "chargingProfilePurpose": "TxDefaultProfile",
    "chargingProfileKind": "Relative",
    "chargingSchedule": {"chargingRateUnit": "W", "chargingSchedulePeriod": PERIODS},
}
DEFAULT_201 = {
    "id": 1,
    "stackLevel": 0,
    "chargingProfilePurpose": "TxDefaultProfile",
    "chargingProfileKind": "Relative",
    "chargingSchedule": [
        {"id": 1, "chargingRateUnit": "W", "chargingSchedulePeriod": PERIODS}
    ],
}
MEANT = {
    ("1.6", "SetChargingProfile"): {"csChargingProfiles": DEFAULT_16},
    ("2.0.1", "SetChargingProfile"): {"chargingProfile": DEFAULT_201},
}
"""Where the least payload of the schema is not what the specification means."""


def actions_of(town, version):
    told = town.system.manage("ocpp_coverage")
    return told[version]["out"]


async def send(place, action, payload):
    """Send a command by REST and wait for the charger's answer."""
    path = f"/api/v1/operator/charge-points/{place.identity}/commands"
    body = {"action": action, "payload": payload, "wait_s": WAIT_S}
    told = await place.operator.apost(path, body)
    if told["status"] in {"queued", "sent"}:
        async with asyncio.timeout(PATIENCE_S):
            while told["status"] in {"queued", "sent"}:
                await asyncio.sleep(0.1)
                told = await place.operator.aget(f"{path}/{told['id']}")
    return told


@pytest.mark.parametrize("name", ["N-16", "S-201"])
def test_every_command_is_answered_through_the_whole_system(town, name):
    place = town.places[name]
    actions = actions_of(town, place.version)
    assert len(actions) == {"1.6": 26, "2.0.1": 40}[place.version]
    wrong = []

    async def main():
        # Booted once before: the commands of the first boot are over.
        async with scripted(town, place) as station:
            for action in actions:
                payload = {**call_of(place.version, action)}
                payload |= MEANT.get((place.version, action), {})
                told = await send(place, action, payload)
                expected = answer_of(place.version, action)
                if (told["status"], told["response"]) != ("accepted", expected):
                    wrong.append(told)
                if (action, payload) not in station.asked:
                    wrong.append((action, payload))

    asyncio.run(main())
    assert wrong == []
