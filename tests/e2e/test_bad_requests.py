"""Requests and frames that are too much, and keys that are used twice."""

import asyncio
import base64
import contextlib
import json
import uuid

import pytest
import websockets

from simulators.vehicle.keys import VehicleKey
from tests.e2e.trying import PATIENCE_S, driver_of, post, refusal_of

pytestmark = pytest.mark.e2e
CLAIM = "/api/v1/charging-certificates/claim"
FRAME = json.dumps([2, "big", "Heartbeat", {"x": "y" * 8_000_000}])


def test_a_body_that_is_too_large_is_refused_with_the_limit(town):
    body = {"certificate": "x" * 2_000_000, "proof": "y"}

    refusal = refusal_of(post, town, CLAIM, body)

    assert (refusal.status, refusal.code) == (413, "request_too_large")
    assert "1 MiB" in refusal.detail
    assert refusal_of(post, town, CLAIM, {}).status in {400, 422}


def test_a_key_that_is_used_again_for_another_body_is_refused(town):
    account = driver_of(town, "twice")
    authorization = account.client.authorization
    path, key = "/api/v1/driver/vehicles", str(uuid.uuid4())
    first = {"label": "one", "public_key_pem": VehicleKey.generate().public_pem}
    made = post(town, path, first, authorization=authorization, key=key)

    other = {"label": "two", "public_key_pem": VehicleKey.generate().public_pem}
    refusal = refusal_of(post, town, path, other, authorization=authorization, key=key)

    assert (refusal.status, refusal.code) == (422, "idempotency_key_reused")
    assert "take a new one" in refusal.detail
    again = post(town, path, first, authorization=authorization, key=key)
    assert again == made
    assert post(town, path, other, authorization=authorization) != made


@pytest.mark.parametrize("name", ["N-16", "S-201"])
def test_a_frame_that_is_too_large_harms_nobody_else(town, name):
    place = town.places[name]
    pair = base64.b64encode(f"{name}:{place.password}".encode()).decode()
    protocol = {"1.6": "ocpp1.6", "2.0.1": "ocpp2.0.1"}[place.version]

    def connect():
        return websockets.connect(
            f"{town.system.ocpp_url}/{name}",
            subprotocols=[protocol],
            additional_headers={"Authorization": f"Basic {pair}"},
            open_timeout=PATIENCE_S,
        )

    async def main():
        # The client's own close trips over a transport that was closed meanwhile.
        with contextlib.suppress(websockets.ConnectionClosed, AttributeError):
            async with connect() as socket:
                await socket.send(
                    json.dumps([2, "big", "Heartbeat", {"x": "y" * 8_000_000}])
                )
                frame = json.loads(await asyncio.wait_for(socket.recv(), PATIENCE_S))
                assert frame[0] == 4, frame
        async with connect() as socket:
            await socket.send('[2,"alive","Heartbeat",{}]')
            while True:
                frame = json.loads(await asyncio.wait_for(socket.recv(), PATIENCE_S))
                if frame[1] == "alive":
                    return frame

    assert asyncio.run(main())[0] in {3, 4}
