"""The operator's REST on orders: its own rows, refunds, decisions."""

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from billing.models import (
    Cdr,
    Order,
    OrderMove,
    Receipt,
    ReceiptCounter,
    Tariff,
    TariffAssignment,
    UsedProof,
)
from cpms.accounts.models import User
from cpms.accounts.tenancy import acting_as_driver, acting_for
from tests.factories import accounts, network
from tests.integration.billing.world import API, api, fresh, make_world, payment_of
from tests.outbox import drain

ORDERS = f"{API}/operator/orders"


@pytest.fixture
def web(as_role):
    def call(method, path, body=None, headers=None, client=None, **query):
        client = client or api(headers)
        with as_role("app"):
            if method == "get":
                return client.get(path, query_params=query)
            return client.post(path, body or {}, content_type="application/json")

    return call


@pytest.fixture
def ours(web, world):
    key = accounts.api_key(world.operator)

    def call(method, path="", body=None, **query):
        return web(method, f"{ORDERS}{path}", body, key, **query)

    return call


@pytest.fixture
def other(world, psp):
    """A second operator with a whole business of its own."""
    return make_world(psp)


def test_an_operator_sees_its_orders_with_their_whole_story(world, ours):
    order = world.closed()
    (row,) = ours("get").json()["results"]
    assert (row["order"], row["state"]) == (order.number, "CLOSED")
    body = ours("get", f"/{order.number}").json()
    assert body["payee"]["reference"] == world.account.reference
    assert body["payment"]["captured_minor"] == 595
    assert {line["party"]: line["amount_minor"] for line in body["split_lines"]} == {
        "operator": 565,
        "platform": 30,
    }
    assert [move["to_state"] for move in body["moves"]][-1] == "CLOSED"
    assert body["cdrs"][0]["session_id"] == order.number
    assert body["tariff_text"]


def test_an_order_without_payment_has_none(world, ours):
    charge = world.station.start(network.token(operator=world.operator))
    drain()
    number = Order.objects.get().number
    assert ours("get", f"/{number}").json()["payment"] is None
    refund = ours("post", f"/{number}/refunds", {"reason": "x"})
    assert (refund.status_code, refund.json()["code"]) == (409, "nothing_captured")
    assert charge.status == "Accepted"


def test_orders_are_filtered_by_state_and_station(world, ours):
    order = world.closed()
    for query, count in (
        ({"state": "CLOSED"}, 1),
        ({"state": "FAILED"}, 0),
        ({"charge_point": world.station.identity}, 1),
        ({"charge_point": "NOPE"}, 0),
    ):
        assert len(ours("get", **query).json()["results"]) == count
    assert order.operator_id == world.operator.pk


def test_another_operators_order_is_as_unknown_as_no_order(world, other, ours):
    foreign = other.closed()
    assert ours("get").json()["results"] == []
    for number in (foreign.number, "0" * 20):
        for method, path, body in (
            ("get", "", None),
            ("post", "/refunds", {"reason": "x"}),
            ("post", "/review", {"note": "x"}),
        ):
            answer = ours(method, f"/{number}{path}", body)
            assert (answer.status_code, answer.json()["code"]) == (
                404,
                "unknown_order",
            )
    assert payment_of(foreign).refunded_minor == 0


def test_an_operator_refunds_from_its_own_account(world, ours):
    order = world.closed()
    answer = ours(
        "post",
        f"/{order.number}/refunds",
        {"amount_minor": 200, "reason": "broken", "refund_application_fee": True},
    )
    assert answer.status_code == 202
    assert answer.json()["refund"]["amount_minor"] == 200
    assert answer.json()["order"] == order.number
    drain()
    assert fresh(order).payment_state == "PARTLY_REFUNDED"
    rest = ours("post", f"/{order.number}/refunds", {"reason": "broken"})
    assert rest.json()["refund"]["amount_minor"] == 395
    drain()
    order = fresh(order)
    assert (order.state, order.payment_state) == ("CLOSED", "REFUNDED")
    assert world.books()["refunded_minor"] == 595


def test_a_refund_of_too_much_is_refused(world, ours):
    order = world.closed()
    body = {"amount_minor": 596, "reason": "x"}
    answer = ours("post", f"/{order.number}/refunds", body)
    assert (answer.status_code, answer.json()["code"]) == (422, "refund_too_large")


def test_a_refund_with_the_same_key_is_one_refund(world, web):
    order = world.closed()
    key = {**accounts.api_key(world.operator), "Idempotency-Key": "r1"}
    body = {"amount_minor": 100, "reason": "x"}
    for _ in range(2):
        path = f"{ORDERS}/{order.number}/refunds"
        assert web("post", path, body, key).status_code == 202
        drain()
    assert payment_of(order).refunded_minor == 100


def test_an_operator_decides_about_a_doubtful_charge(world, ours):
    order, charge = world.charging()
    world.finish(charge, 500_000)
    path = f"/{order.number}/review"
    answer = ours("post", path, {"energy_wh": 10_000, "note": "meter was changed"})
    assert (answer.status_code, answer.json()["state"]) == (200, "RATED")
    drain()
    assert fresh(order).payment_state == "CAPTURED"
    again = ours("post", path, {"note": "again"})
    assert (again.status_code, again.json()["code"]) == (409, "not_in_review")
    assert ours("post", path, {}).status_code == 400


@pytest.mark.parametrize(
    ("scopes", "path", "allowed"),
    [
        (("orders:read",), "get", True),
        (("charge_points:read",), "get", False),
        (("orders:read",), "post", False),
        (("payments:write",), "post", True),
    ],
)
def test_a_key_does_what_its_scopes_allow(world, web, scopes, path, allowed):
    order = world.closed()
    key = accounts.api_key(world.operator, *scopes)
    if path == "get":
        answer = web("get", f"{ORDERS}/{order.number}", headers=key)
    else:
        target = f"{ORDERS}/{order.number}/refunds"
        answer = web("post", target, {"reason": "x"}, key)
    assert (answer.status_code == 403) is not allowed


def test_staff_sees_the_operators_it_works_for(world, other, web):
    order, foreign = world.closed(), other.closed()
    user = User.objects.create_user("staff@example.org", "x", is_staff=True)
    user.membership_set.create(operator=world.operator, role="finance")
    client = api()
    client.force_login(user)
    page = web("get", ORDERS, client=client).json()
    assert [row["order"] for row in page["results"]] == [order.number]
    answer = web("get", f"{ORDERS}/{foreign.number}", client=client)
    assert answer.status_code == 404


def test_drivers_and_strangers_are_no_operators(world, web):
    assert web("get", ORDERS).status_code in {401, 403}
    assert web("get", ORDERS, headers=world.person.headers).status_code == 403


# -- walls -----------------------------------------------------------------------

TABLES = (
    Order,
    OrderMove,
    Tariff,
    TariffAssignment,
    Cdr,
    Receipt,
    ReceiptCounter,
    UsedProof,
)


@pytest.fixture
def both(world, other):
    car = accounts.vehicle(world.person)
    issued = world.station.certificate()
    proof = car.proof(issued.jti, world.station.identity)
    order = world.claim(issued, proof=proof, driver_id=None)
    drain()
    world.finish(world.begin(order))
    other.closed()
    return world, other


def test_the_web_sees_nothing_without_a_scope(both, as_role):
    with as_role("app"):
        assert [model.objects.count() for model in TABLES] == [0] * len(TABLES)


def test_an_operator_sees_its_own_rows_only(both, as_role):
    world, _ = both
    with as_role("app"), acting_for([world.operator.pk]):
        for model in (m for m in TABLES if m is not UsedProof):
            owners = set(model.objects.values_list("operator_id", flat=True))
            assert owners == {world.operator.pk}, model
        assert not UsedProof.objects.exists()


def test_a_driver_sees_its_own_charges_only(both, as_role):
    world, other = both
    with as_role("app"), acting_as_driver(world.driver.pk):
        assert set(Order.objects.values_list("driver_id", flat=True)) == {
            world.driver.pk
        }
        for model in (OrderMove, Cdr, Receipt):
            drivers = set(model.objects.values_list("order__driver_id", flat=True))
            assert drivers == {world.driver.pk}, model
        assert UsedProof.objects.count() == 1
        assert not ReceiptCounter.objects.exists()
        assert Tariff.objects.count() == 2
    with as_role("app"), acting_as_driver(other.driver.pk):
        assert not UsedProof.objects.exists()


@pytest.mark.parametrize("model", [OrderMove, Cdr, Receipt])
@pytest.mark.parametrize("role", ["app", "system"])
def test_facts_cannot_be_changed(both, as_role, model, role):
    world, _ = both
    with as_role(role):
        for deed in ("UPDATE {} SET operator_id = operator_id", "DELETE FROM {}"):
            with (
                pytest.raises(DatabaseError),
                transaction.atomic(),
                acting_for([world.operator.pk]),
                connection.cursor() as cursor,
            ):
                cursor.execute(deed.format(model._meta.db_table))


def test_a_row_cannot_point_to_another_operators_order(both):
    world, other = both
    order = Order.objects.get(operator=world.operator)

    @transaction.atomic
    def write():
        OrderMove.objects.create(
            operator=other.operator,
            order=order,
            to_state="CLOSED",
            cause="x",
            actor="x",
            at=order.created_at,
        )
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")

    with pytest.raises(IntegrityError, match="order_id_tenant_fk"):
        write()


# -- remote starts -------------------------------------------------------------------


def test_an_operator_starts_and_stops_on_its_own_account(world, ours):
    body = {"connector_code": world.station.connector().code}
    answer = ours("post", "", body)
    assert answer.status_code == 201, answer.json()
    number = answer.json()["order"]
    order = Order.objects.get(number=number)
    assert (order.state, order.started_by) == ("STARTING", "operator")
    assert (order.driver, order.payment_state) == (None, "NONE")
    charge = world.begin(order)
    assert ours("post", f"/{number}/stop").status_code == 202
    assert charge.row.stop_requested_at is not None
    world.finish(charge)
    order.refresh_from_db()
    assert (order.state, order.payment_state) == ("CLOSED", "RECEIVABLE")


def test_an_operator_never_starts_at_a_drivers_cost(world, ours):
    token = network.token(driver=world.driver)
    code = world.station.connector().code
    for text in (token, "NOBODY"):
        answer = ours("post", "", {"connector_code": code, "id_token": text})
        assert (answer.status_code, answer.json()["code"]) == (403, "token_not_own")
    own = network.token(operator=world.operator, group="fleet")
    answer = ours("post", "", {"connector_code": code, "id_token": own})
    assert answer.status_code == 201
    assert Order.objects.get().id_token == own


def test_an_operator_starts_and_stops_at_its_own_stations_only(world, other, ours):
    code = other.station.connector().code
    answer = ours("post", "", {"connector_code": code})
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_connector")
    order = other.claimed()
    assert ours("post", f"/{order.number}/stop").status_code == 404


def test_a_start_needs_the_right_to_command(world, web):
    key = accounts.api_key(world.operator, "orders:read")
    body = {"connector_code": world.station.connector().code}
    assert web("post", ORDERS, body, key).status_code == 403
    assert web("get", ORDERS, headers=key).status_code == 200
