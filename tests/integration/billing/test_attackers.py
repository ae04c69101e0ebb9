"""Somebody with an account of the platform and its documentation in hand.

Each test is an attempt to charge, see or stop at another's cost; the table in
docs/explanation/security.md names them.
"""

import re
from datetime import timedelta

import pytest
from django.urls import URLPattern
from django.utils import timezone
from rest_framework.throttling import ScopedRateThrottle

from billing.api.urls import urlpatterns
from billing.models import Order, Receipt
from billing.services import guests, ordering
from charge_points.models import StartHandle
from cpms.accounts.guesses import MISSES_MAX
from cpms.accounts.models import Vehicle
from cpms.kernel.ids import new_order_number
from settlement.models import DriverPaymentMethod, Payment
from tests.factories import accounts, network
from tests.integration.billing.claiming import car, claim, issued, post
from tests.integration.billing.driver_requests import DRIVER, code_of, web
from tests.integration.billing.thieves import _nobody_guessed_yet, thief
from tests.integration.billing.world import API, CLAIM, api, fresh, make_world
from tests.outbox import drain

__all__ = ["_nobody_guessed_yet", "car", "claim", "issued", "post", "thief", "web"]


BODY = {"email": "friend@example.org", "csr_pem": "x", "label": "mine", "code": "x"}


def own_addresses():
    """Every address of the drivers' REST that names something of somebody."""
    for each in urlpatterns:
        assert isinstance(each, URLPattern)
        route = str(each.pattern)
        if route.startswith("api/v1/driver/") and "<" in route:
            yield route


@pytest.fixture
def owned(world, car):
    """What the addresses name: once the victim's, once nobody's."""
    accounts.driver(email=BODY["email"])
    order = world.closed()
    receipt = Receipt.objects.get()
    method = DriverPaymentMethod.objects.get(driver=world.driver, is_default=True)
    return {
        "number": (order.number, "F" * 20),
        "vehicle_id": (car.row.pk, 999_999),
        "method_id": (method.pk, 999_999),
        "contract_id": (999_998, 999_999),
        "other_id": (world.driver.pk, 999_999),
        "kind": ("receipt", "receipt"),
        "document": (receipt.pk, 999_999),
    }


def state_of_everything(world):
    return (
        list(Order.objects.order_by("pk").values("state", "driver_id", "moved_at")),
        list(Vehicle.objects.order_by("pk").values("status", "label", "payer_id")),
        list(
            DriverPaymentMethod.objects.filter(driver=world.driver)
            .order_by("pk")
            .values("is_default", "removed_at")
        ),
    )


@pytest.fixture
def at_address(thief, owned, as_role):
    """What the thief is answered at an address of the victim's, and of nobody's."""

    def ask(method, route, index):
        names = {name: str(values[index]) for name, values in owned.items()}
        path = re.sub(r"<\w+:(\w+)>", lambda found: names[found[1]], route)
        more = {"data": BODY, "content_type": "application/json"}
        with as_role("app"):
            answer = getattr(api(thief.headers), method)(
                f"/{path}", **({} if method == "get" else more)
            )
        return answer.status_code, answer.content

    return ask


@pytest.mark.parametrize("method", ["get", "post", "patch", "delete"])
def test_what_is_anothers_looks_as_if_it_were_not_there(world, at_address, method):
    before = state_of_everything(world)
    routes = list(own_addresses())
    assert len(routes) >= 15
    for route in routes:
        theirs, nobodys = (at_address(method, route, index) for index in (0, 1))
        assert theirs == nobodys, route
        assert theirs[0] >= 400 or not theirs[1] or theirs[1] == b"[]", route
    assert state_of_everything(world) == before


def test_order_numbers_cannot_be_guessed():
    numbers = {new_order_number() for _ in range(2000)}
    assert len(numbers) == 2000
    assert all(re.fullmatch(r"[0-9A-F]{20}", number) for number in numbers)
    # Every digit takes every value: nothing counts and nothing is the time.
    assert all(len({number[place] for number in numbers}) == 16 for place in range(20))


def test_a_proof_made_at_one_operator_buys_nothing_at_another(world, psp, car, post):
    mine = world.station.certificate()
    other = make_world(psp)
    theirs = other.station.certificate()
    for named in (world.station.identity, other.station.identity):
        proof = car.proof(mine.jti, named)
        answer = post({"certificate": theirs.jws, "proof": proof})
        assert answer.status_code == 403
    assert not Order.objects.exists()


def test_no_certificate_is_claimed_while_another_vehicle_charges_there(
    world, issued, claim
):
    charge = world.station.start(network.token(operator=world.operator))
    drain()
    answer = claim()
    assert (answer.status_code, code_of(answer)) == (409, "connector_busy")
    assert Order.objects.count() == 1
    assert charge.row.order_number == Order.objects.get().number


def test_a_start_on_the_neighbours_connector_consumes_nothing(world, claim):
    number = claim().json()["order"]
    drain()
    wrong = world.station.start(number, evse=2)
    assert wrong.status == "Invalid"
    assert StartHandle.objects.get(order_number=number).state == "pending"
    assert world.station.start(number).status == "Accepted"


def test_a_key_used_by_one_account_tells_nothing_to_another(world, web, thief):
    network.station(world.operator, "CP-TWO")
    body = {"charge_point": world.station.identity}
    key = {"Idempotency-Key": "1234"}
    first = api({**world.person.headers, **key}).post(
        f"{DRIVER}/orders", body, content_type="application/json"
    )
    second = api({**thief.headers, **key}).post(
        f"{DRIVER}/orders", body, content_type="application/json"
    )
    assert first.status_code == 201
    assert (second.status_code, code_of(second)) == (409, "connector_busy")
    assert "Idempotent-Replayed" not in second
    assert first.json()["order"] not in second.content.decode()


def test_a_stolen_claim_with_its_key_gives_the_thief_no_order(world, issued, thief):
    body = {"certificate": issued.code}
    key = {"Idempotency-Key": "the very same"}
    first = api({**world.person.headers, **key}).post(
        CLAIM, body, content_type="application/json"
    )
    stolen = api({**thief.headers, **key}).post(
        CLAIM, body, content_type="application/json"
    )
    assert first.status_code == 201
    assert code_of(stolen) == "certificate_already_claimed"
    assert first.json()["order"] not in stolen.content.decode()
    assert Order.objects.get().driver == world.driver


def test_a_vehicle_that_is_sold_while_it_charges_is_paid_by_who_began(
    world, web, car, claim, thief
):
    number = claim().json()["order"]
    drain()
    charge = world.begin(Order.objects.get(number=number))
    path = f"{DRIVER}/vehicles/{car.row.pk}/transfer"
    code = web("post", path, headers=world.person.headers).json()["code"]
    body = {"code": code, "label": "bought"}
    taken = web("post", f"{DRIVER}/vehicles/transfers", body, headers=thief.headers)
    assert taken.status_code == 201
    stopped = web("post", f"{DRIVER}/orders/{number}/stop", headers=thief.headers)
    assert stopped.status_code == 404
    world.finish(charge)
    order = Order.objects.get(number=number)
    assert (order.driver, order.payment_state) == (world.driver, "CAPTURED")
    assert Payment.objects.get().driver_id == world.driver.pk


def test_a_key_is_good_for_one_account(world, web, car, thief):
    body = {"label": "mine", "public_key_pem": car.key.public_pem}
    answer = web("post", f"{DRIVER}/vehicles", body, headers=thief.headers)
    assert code_of(answer) == "vehicle_enrolled_already"
    assert Vehicle.objects.get().driver == world.driver


def test_a_cheap_charges_hold_buys_nothing_for_the_next_one(world):
    first = world.closed(100)
    held = first.hold_minor
    second = world.claimed()
    assert Payment.objects.filter(order_number=second.number).count() == 1
    charge = world.begin(second)
    limit_wh = fresh(second).energy_limit_wh
    charge.meter(limit_wh, charge.started_at + timedelta(hours=4))
    assert charge.row.stop_requested_at is not None
    world.finish(charge, limit_wh, minutes=240)
    paid = Payment.objects.get(order_number=second.number)
    assert paid.captured_minor <= held
    assert Payment.objects.get(order_number=first.number).captured_minor == 6


@pytest.fixture
def three_a_minute(monkeypatch):
    monkeypatch.setattr(ScopedRateThrottle, "THROTTLE_RATES", {"claim": "3/min"})


def test_a_made_up_forwarding_header_makes_no_new_address(world, thief, three_a_minute):
    statuses = []
    for number in range(5):
        headers = {"X-Forwarded-For": f"192.0.2.{number}", "Forwarded": f"for={number}"}
        answer = api(headers).post(
            CLAIM,
            {"certificate": "A" * 43, "proof": "x"},
            content_type="application/json",
        )
        statuses.append(answer.status_code)
    assert statuses[3:] == [429, 429]


def test_an_account_is_not_guessed_at_from_many_addresses(world):
    def log_in(password, last):
        body = {"email": world.driver.email, "password": password}
        return api().post(
            f"{DRIVER}/token",
            body,
            content_type="application/json",
            REMOTE_ADDR=f"192.0.2.{last}",
        )

    for number in range(MISSES_MAX["account"]):
        assert code_of(log_in("wrong", number)) == "invalid_credentials"
    assert log_in(accounts.PASSWORD, 100).status_code == 429


def test_unknown_addresses_and_wrong_passwords_look_the_same(world, web):
    answers = [
        web("post", f"{DRIVER}/token", {"email": email, "password": "wrong"})
        for email in (world.driver.email, "nobody@example.org")
    ]
    assert answers[0].status_code == answers[1].status_code
    assert answers[0].json() == answers[1].json()


def test_sharing_is_no_list_of_who_has_an_account(world, web, car):
    path = f"{DRIVER}/vehicles/{car.row.pk}/drivers"
    headers = world.person.headers
    for number in range(MISSES_MAX["account"]):
        body = {"email": f"guess{number}@example.org"}
        assert code_of(web("post", path, body, headers=headers)) == "unknown_driver"
    known = accounts.driver()
    answer = web("post", path, {"email": known.driver.email}, headers=headers)
    assert answer.status_code == 429


@pytest.mark.parametrize(
    "language",
    [
        '"><script>alert(1)</script>',
        "../../etc/passwd",
        "de" * 500,
        "\u202ede",
        "zz-ZZ",
    ],
)
def test_a_language_is_one_of_ours_whatever_is_asked(world, client, language):
    world.station.status("preparing")
    code = world.station.connector().code
    for query in ({"lang": language}, {}):
        answer = client.get(
            f"{API}/driver/price",
            query_params={"connector": code, **query},
            headers={"Accept-Language": language.encode("ascii", "ignore").decode()},
        )
        assert answer.status_code == 200
        assert "<script>" not in answer.content.decode()
        assert answer.json()["price_words"]
    begun = guests.start(code=code, locale="en", email=None, at=timezone.now())
    assert Order.objects.get(number=begun.order_number).language == "en"


def test_who_stops_needs_the_secret_of_the_very_charge(world):
    mine, theirs = world.claimed(), new_order_number()
    token = guests.live_token(theirs)
    secret = token.partition(".")[2]
    with pytest.raises(ordering.UnableToFindOrder):
        guests.stop(live_token=f"{mine.number}.{secret}", at=timezone.now())
    assert fresh(mine).state in {"CREATED", "STARTING"}
