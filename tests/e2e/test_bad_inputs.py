"""Bad input from outside: a clear refusal, and the system stays usable."""

import asyncio
import base64
import json
import urllib.error
import urllib.request

import pytest
import websockets

pytestmark = pytest.mark.e2e
TIMEOUT_S = 60
SUBPROTOCOLS = {"1.6": "ocpp1.6", "2.0.1": "ocpp2.0.1"}


def http(town, path, *, method="GET", body=None, headers=None):
    """Status, media type and parsed body of an answer, whatever its status."""
    request = urllib.request.Request(
        town.system.web_url + path, body, headers or {}, method=method
    )
    try:
        answer = urllib.request.urlopen(request, timeout=TIMEOUT_S)
    except urllib.error.HTTPError as refusal:
        answer = refusal
    with answer:
        return (
            answer.status,
            answer.headers.get_content_type(),
            json.loads(answer.read()),
        )


def connect(town, identity, version, password):
    pair = base64.b64encode(f"{identity}:{password}".encode()).decode()
    return websockets.connect(
        f"{town.system.ocpp_url}/{identity}",
        subprotocols=[SUBPROTOCOLS[version]],
        additional_headers={"Authorization": f"Basic {pair}"},
        open_timeout=TIMEOUT_S,
    )


async def heartbeat(socket):
    """The station is still served: its heartbeat is answered on this connection."""
    await socket.send('[2,"alive","Heartbeat",{}]')
    while True:
        frame = json.loads(await asyncio.wait_for(socket.recv(), TIMEOUT_S))
        if frame[1] == "alive":
            assert frame[0] == 3, frame
            assert "currentTime" in frame[2]
            return


async def boot(socket, version):
    payload = {"chargePointVendor": "Stock", "chargePointModel": "One"}
    if version == "2.0.1":
        payload = {
            "reason": "PowerUp",
            "chargingStation": {"vendorName": "Stock", "model": "One"},
        }
    await socket.send(json.dumps([2, "boot", "BootNotification", payload]))
    while True:
        frame = json.loads(await asyncio.wait_for(socket.recv(), TIMEOUT_S))
        if frame[1] == "boot":
            assert frame[2]["status"] == "Accepted", frame
            return


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer of-nobody"}])
def test_who_is_not_known_is_told_to_authenticate(town, headers):
    status, media, told = http(town, "/api/v1/operator/orders", headers=headers)

    assert (status, media) == (401, "application/problem+json"), told
    assert told["code"]
    assert told["detail"]


@pytest.mark.parametrize(
    ("body", "media_type", "expected"),
    [(b"{", "application/json", 400), (b"a=1", "text/csv", 415)],
)
def test_a_body_that_cannot_be_read_is_refused(town, body, media_type, expected):
    status, media, told = http(
        town,
        "/api/v1/driver/sign-up",
        method="POST",
        body=body,
        headers={"Content-Type": media_type},
    )

    assert (status, media) == (expected, "application/problem+json"), told
    assert told["code"]
    assert told["detail"]


def test_a_foreign_operator_does_not_see_a_charge_point(town):
    path = "/api/v1/operator/charge-points/N-16"
    north, south = (town.places[name].operator for name in ("N-16", "S-16"))

    status, media, told = http(
        town, path, headers={"Authorization": south.authorization}
    )

    assert (status, media) == (404, "application/problem+json"), told
    assert told["code"]
    own = http(town, path, headers={"Authorization": north.authorization})
    assert own[0] == 200


@pytest.mark.parametrize("name", ["N-16", "S-201"])
@pytest.mark.parametrize("fault", ["identity", "password"])
def test_a_station_that_is_not_known_is_not_let_in(town, name, fault):
    place = town.places[name]
    identity = "NOBODY" if fault == "identity" else name
    password = place.password if fault == "identity" else "wrong-" + place.password

    async def attempt():
        with pytest.raises(websockets.InvalidStatus) as refused:
            async with connect(town, identity, place.version, password):
                pass
        async with connect(town, name, place.version, place.password) as socket:
            await boot(socket, place.version)
            await heartbeat(socket)
        return refused.value.response.status_code

    assert asyncio.run(attempt()) in {401, 404}


@pytest.mark.parametrize("name", ["N-16", "S-201"])
@pytest.mark.parametrize("frame", ["not json", '{"no":"array"}', "[]"])
def test_a_frame_that_is_none_leaves_the_connection_usable(town, name, frame):
    place = town.places[name]

    async def attempt():
        async with connect(town, name, place.version, place.password) as socket:
            await boot(socket, place.version)
            await socket.send(frame)
            await heartbeat(socket)

    asyncio.run(attempt())


@pytest.mark.parametrize("name", ["N-16", "S-201"])
def test_an_unknown_action_is_answered_with_a_call_error(town, name):
    place = town.places[name]

    async def attempt():
        async with connect(town, name, place.version, place.password) as socket:
            await boot(socket, place.version)
            await socket.send('[2,"odd","MakeCoffee",{}]')
            while True:
                frame = json.loads(await asyncio.wait_for(socket.recv(), TIMEOUT_S))
                if frame[1] == "odd":
                    break
            await heartbeat(socket)
            return frame

    answer = asyncio.run(attempt())
    assert answer[0] == 4
    assert answer[2] in {"NotImplemented", "NotSupported"}
