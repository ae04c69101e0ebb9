"""Vehicle and driver against a small HTTP platform."""

import socket
import threading

import jwt
import pytest

from simulators.charge_point import CertificateOffer
from simulators.driver import SimulatedDriver
from simulators.errors import SimulatorError, UnableToReach, WaitedTooLong
from simulators.rest import ApiRefusal, RestClient
from simulators.vehicle import Attack, SimulatedVehicle, VehicleKey
from simulators.vehicle.vehicle import UnableToTrust
from tests.integration.simulators.ocpp_server import OFFER

CLAIM = "/api/v1/charging-certificates/claim"


@pytest.fixture
def vehicle(platform):
    made = SimulatedVehicle(api=platform.api)
    platform.enrol(made.key)
    return made


def offer_of(certificate, station="CP1"):
    return CertificateOffer(
        station=station,
        evse=1,
        connector=1,
        certificate=certificate,
        code="C",
        uri="",
        expires_at="",
    )


# -- the client ------------------------------------------------------------------


def test_a_refusal_keeps_status_code_and_detail(platform):
    platform.answers["GET", "/x"] = (402, {"code": "payment_declined", "detail": "no"})

    with pytest.raises(ApiRefusal, match="payment_declined no") as caught:
        platform.api.get("/x", {"a": "b c"})
    assert (caught.value.status, caught.value.code) == (402, "payment_declined")
    assert platform.requests[0].query == "a=b+c"


def test_a_refusal_that_is_no_json_is_shown_as_it_is(platform):
    platform.answers["GET", "/x"] = (502, b"<html>bad gateway</html>")

    with pytest.raises(ApiRefusal, match="bad gateway"):
        platform.api.get("/x")


def test_an_empty_answer_is_nothing(platform):
    platform.answers["GET", "/x"] = (204, b"")

    assert platform.api.get("/x") is None


def test_every_post_has_an_idempotency_key_and_authorization(platform):
    platform.answers["POST", "/x"] = (200, {})
    platform.api.as_driver("TOKEN").post("/x", {"a": 1})
    platform.api.as_operator("p.s").post("/x", {"a": 1}, idempotency_key="K")

    first, second = platform.requests
    assert first.headers["Authorization"] == "Bearer TOKEN"
    assert len(first.headers["Idempotency-Key"]) == 36
    assert second.headers["Authorization"] == "Api-Key p.s"
    assert second.headers["Idempotency-Key"] == "K"
    assert second.body == {"a": 1}


@pytest.mark.asyncio
async def test_requests_can_be_awaited(platform):
    platform.answers["GET", "/x"] = (200, {"n": 1})
    platform.answers["POST", "/x"] = (200, {"n": 2})

    assert await platform.api.aget("/x") == {"n": 1}
    assert await platform.api.apost("/x", {}) == {"n": 2}


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "https://127.0.0.1:1"])
def test_nobody_at_the_address_is_told_so(url):
    with pytest.raises(UnableToReach, match="No HTTP answer"):
        RestClient(base_url=url).get("/x")


def test_what_is_no_address_is_told_so():
    with pytest.raises(UnableToReach, match="no address"):
        RestClient(base_url="localhost:80").get("/x")


def test_what_answers_no_http_is_told_so():
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def garble():
            connection, _ = listening.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(b"nonsense\r\n")

        thread = threading.Thread(target=garble)
        thread.start()
        port = listening.getsockname()[1]
        with pytest.raises(UnableToReach, match="BadStatusLine"):
            RestClient(base_url=f"http://127.0.0.1:{port}").get("/x")
        thread.join()


# -- the vehicle -----------------------------------------------------------------


@pytest.mark.parametrize("by_csr", [False, True])
def test_a_vehicle_enrols_by_key_or_request(platform, vehicle, by_csr):
    path = "/api/v1/driver/vehicles"
    platform.answers["POST", path] = (201, {"id": 1})

    assert vehicle.enrol("TOKEN", by_csr=by_csr) == {"id": 1}
    (request,) = platform.requests
    assert request.headers["Authorization"] == "Bearer TOKEN"
    assert set(request.body) == {"label", "csr_pem" if by_csr else "public_key_pem"}


@pytest.mark.asyncio
async def test_an_offered_certificate_is_checked_and_claimed(platform, vehicle):
    vehicle.max_amount_minor, vehicle.currency = 3000, "EUR"
    await vehicle.offered(offer_of(platform.certificate()))

    assert await vehicle.wait_for_order(5) == "A" * 20
    assert vehicle.results[0].order == "A" * 20
    assert [request.path for request in platform.requests] == [
        "/.well-known/jwks.json",
        CLAIM,
    ]
    body = platform.requests[1].body
    proof = jwt.decode(body["proof"], options={"verify_signature": False})
    assert proof["certificate_hash"] == "HASH"
    assert proof["station"] == "CP1"
    assert proof["max_amount_minor"] == 3000


def test_a_certificate_of_a_stranger_is_not_claimed(platform, vehicle):
    stranger = VehicleKey.generate()
    content = jwt.decode(platform.certificate(), options={"verify_signature": False})
    for forged in (
        jwt.encode(content, stranger.private, "ES256", headers={"kid": "K1"}),
        jwt.encode(content, stranger.private, "ES256", headers={"kid": "K9"}),
        jwt.encode({"jti": "x"}, platform.key, "ES256", headers={"kid": "K1"}),
        platform.certificate(lifetime_s=-600),
        "a.b.c",
    ):
        with pytest.raises(UnableToTrust):
            vehicle.claim(forged)
    assert all(request.path != CLAIM for request in platform.requests)


def test_a_certificate_of_another_station_is_not_claimed(platform, vehicle):
    with pytest.raises(UnableToTrust, match="CP2"):
        vehicle.claim(platform.certificate("CP2"), station="CP1")


@pytest.mark.parametrize(
    ("attack", "code"),
    [
        (Attack.WRONG_STATION, "station_mismatch"),
        (Attack.FOREIGN_KEY, "proof_invalid"),
        (Attack.NO_SIGNATURE, "proof_invalid"),
        (Attack.REPLAYED_PROOF, "proof_replayed"),
    ],
)
def test_an_attack_is_refused_and_told(platform, vehicle, attack, code):
    vehicle.attack = attack
    result = vehicle.claim(platform.certificate(), station="CP1")

    assert result.refusal.code == code
    assert result.order == ""
    assert vehicle.journal.all("claim_refused")[0].data["code"] == code


def test_a_retry_with_the_same_key_says_the_same_idempotency_key(platform, vehicle):
    platform.answers["POST", CLAIM] = (201, {"order": "B" * 20})
    for _ in range(2):
        vehicle.claim(platform.certificate(), idempotency_key="K")

    keys = [
        request.headers["Idempotency-Key"]
        for request in platform.requests
        if request.path == CLAIM
    ]
    assert keys == ["K", "K"]


def test_a_trusting_vehicle_claims_without_looking(platform, vehicle):
    vehicle.verifies = False
    assert vehicle.claim(platform.certificate("CP2"), station="CP1").refusal.code == (
        "station_mismatch"
    )
    with pytest.raises(UnableToTrust, match="cannot be read"):
        vehicle.claim("a.b.c")
    assert all("jwks" not in request.path for request in platform.requests)


@pytest.mark.parametrize("shown", ["CODE", "https://host.example/c/CODE"])
def test_a_short_code_is_claimed_by_its_hash(platform, vehicle, shown):
    platform.answers["POST", CLAIM] = (201, {"order": "B" * 20})
    assert vehicle.claim(shown, station="CP1").order == "B" * 20

    body = platform.requests[-1].body
    proof = jwt.decode(body["proof"], options={"verify_signature": False})
    assert body["certificate"] == shown
    assert proof["certificate_hash"] == "B6nXtKmiORWmG8ibsDV79Hs0jPQXTrllux34-_oYsLU"


@pytest.mark.asyncio
async def test_a_station_and_a_vehicle_make_the_first_four_steps(
    platform, station_of, vehicle, monkeypatch
):
    certificate = platform.certificate()
    monkeypatch.setitem(OFFER, "certificate", certificate)
    async with station_of("1.6") as station:
        await station.plug_in(1, vehicle)
        assert await vehicle.wait_for_order(5) == "A" * 20


@pytest.mark.asyncio
async def test_a_vehicle_that_fails_shows_in_the_stations_journal(station_of, vehicle):
    async with station_of("2.0.1") as station:
        await station.plug_in(1, vehicle)
        event = await station.wait_for("failed")

    assert "not to be trusted" in event.data["error"]


# -- the driver ------------------------------------------------------------------

ORDER = "C" * 20
BASE = "/api/v1/driver"


@pytest.fixture
def driver(platform):
    return SimulatedDriver(platform.api, "TOKEN")


@pytest.mark.parametrize(
    ("work", "method", "path", "body"),
    [
        (lambda d: d.me(), "GET", "/me", None),
        (lambda d: d.vehicles(), "GET", "/vehicles", None),
        (lambda d: d.payment_methods(), "GET", "/payment-methods", None),
        (lambda d: d.orders(), "GET", "/orders", None),
        (lambda d: d.order(ORDER), "GET", f"/orders/{ORDER}", None),
        (lambda d: d.live(ORDER), "GET", f"/orders/{ORDER}/live", None),
        (lambda d: d.receipts(), "GET", "/receipts", None),
        (lambda d: d.receipt(ORDER), "GET", f"/receipts/{ORDER}", None),
        (lambda d: d.stop(ORDER), "POST", f"/orders/{ORDER}/stop", {}),
        (lambda d: d.log_out(), "DELETE", "/token", None),
        (
            lambda d: d.add_payment_method("pm_card_visa", "stripe"),
            "POST",
            "/payment-methods",
            {"provider": "stripe", "payment_method": "pm_card_visa"},
        ),
        (
            lambda d: d.start("CP1", 2, 1),
            "POST",
            "/orders",
            {"charge_point": "CP1", "evse": 2, "connector": 1},
        ),
        (
            lambda d: d.start(connector_code="Q7"),
            "POST",
            "/orders",
            {"connector_code": "Q7"},
        ),
    ],
)
def test_a_driver_asks_as_the_api_is_written(
    platform, driver, work, method, path, body
):
    platform.answers[method, BASE + path] = (200, {})
    work(driver)

    (request,) = platform.requests
    assert request.headers["Authorization"] == "Bearer TOKEN"
    assert request.body == body


def test_signing_up_and_in_keeps_the_token(platform):
    driver = SimulatedDriver(platform.api)
    platform.answers["POST", f"{BASE}/sign-up"] = (201, {"token": "ONE"})
    platform.answers["POST", f"{BASE}/token"] = (200, {"token": "TWO"})

    driver.sign_up("a@b.example", "secret", "de")
    assert driver.token == "ONE"
    driver.log_in("a@b.example", "secret")
    assert driver.token == "TWO"
    assert platform.requests[0].body["locale"] == "de"


def test_prices_are_asked_for_a_connector_or_a_certificate(platform, driver):
    platform.answers["GET", f"{BASE}/price"] = (200, {})
    driver.price(connector="Q7")
    driver.price(certificate="C")

    assert [each.query for each in platform.requests] == [
        "connector=Q7",
        "certificate=C",
    ]


def test_a_phone_claims_with_its_account(platform, driver):
    platform.answers["POST", CLAIM] = (201, {"order": ORDER})

    assert driver.claim("CODE", "K") == {"order": ORDER}
    assert platform.requests[0].headers["Authorization"] == "Bearer TOKEN"


def test_a_driver_waits_until_the_order_is_where_it_should_be(platform, driver):
    path = f"{BASE}/orders/{ORDER}"
    platform.answers["GET", path] = (200, {"state": "CHARGING"})

    assert driver.wait_for(ORDER, 1, state="CHARGING")
    with pytest.raises(WaitedTooLong, match="CHARGING"):
        driver.wait_for(ORDER, 0.0, state="CLOSED")
    platform.answers["GET", path] = (200, {"state": "FAILED"})
    with pytest.raises(SimulatorError, match="FAILED"):
        driver.wait_for(ORDER, 1, state="CLOSED")


@pytest.mark.asyncio
async def test_waiting_for_an_order_that_never_comes_ends(vehicle):
    with pytest.raises(WaitedTooLong, match="claimed"):
        await vehicle.wait_for_order(0.01)
