import asyncio
from urllib.parse import urlencode

import orjson
import pytest

from simulators.psp.limits import IDEMPOTENCY_LIFE_S
from simulators.psp.store import Remembered, Store
from simulators.psp.web import ConnectionBroken, Request
from tests.unit.simulators.psp.harness import KEY, flatten

HOLD = {
    "amount": 1000,
    "currency": "eur",
    "capture_method": "manual",
    "confirm": True,
    "payment_method": "pm_card_visa",
}


def intents(provider, account):
    return provider.get("/v1/payment_intents", account=account)["data"]


def test_the_same_key_and_parameters_replay_the_first_answer(provider, account):
    how = {"account": account, "key": "k1"}
    first = provider.request("POST", "/v1/payment_intents", HOLD, **how)
    again = provider.request("POST", "/v1/payment_intents", HOLD, **how)
    assert again.status == first.status == 200
    assert again.json == first.json
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    assert again.headers["idempotency-key"] == "k1"
    assert len(intents(provider, account)) == 1


def test_a_replay_shows_the_answer_of_then_not_the_state_of_now(provider, account):
    how = {"account": account, "key": "k1"}
    made = provider.request("POST", "/v1/payment_intents", HOLD, **how).json
    provider.capture(account, made["id"], 1000)
    again = provider.request("POST", "/v1/payment_intents", HOLD, **how).json
    assert again["status"] == "requires_capture"


@pytest.mark.parametrize("change", [{"amount": 1001}, {"metadata": {"a": "1"}}])
def test_the_same_key_with_other_parameters_is_an_error(provider, account, change):
    how = {"account": account, "key": "k1"}
    provider.request("POST", "/v1/payment_intents", HOLD, **how)
    answer = provider.refused("POST", "/v1/payment_intents", HOLD | change, **how)
    assert answer.status == 400
    assert answer.error["type"] == "idempotency_error"
    assert len(intents(provider, account)) == 1


def test_the_same_key_on_another_path_is_an_error(provider, account):
    provider.request("POST", "/v1/payment_intents", HOLD, account=account, key="k1")
    answer = provider.refused("POST", "/v1/refunds", HOLD, account=account, key="k1")
    assert answer.error["code"] == "parameter_unknown"
    answer = provider.refused("POST", "/v1/refunds", {}, account=account, key="k1")
    assert answer.error["type"] == "idempotency_error"


def test_keys_belong_to_the_acting_account(provider, account):
    other = provider.account()
    provider.request("POST", "/v1/payment_intents", HOLD, account=account, key="k1")
    made = provider.request(
        "POST", "/v1/payment_intents", HOLD, account=other, key="k1"
    )
    assert "idempotent-replayed" not in made.headers
    assert len(intents(provider, other)) == 1


def test_a_decline_is_remembered(provider, account):
    values = HOLD | {"payment_method": "pm_card_chargeDeclined"}
    how = {"account": account, "key": "k1"}
    first = provider.request("POST", "/v1/payment_intents", values, **how)
    again = provider.request("POST", "/v1/payment_intents", values, **how)
    assert first.status == again.status == 402
    assert again.headers["idempotent-replayed"] == "true"
    assert len(intents(provider, account)) == 1


def test_a_request_that_was_not_begun_is_not_remembered(provider, account):
    how = {"account": account, "key": "k1"}
    provider.refused("POST", "/v1/payment_intents", HOLD | {"amount": 1}, **how)
    made = provider.request("POST", "/v1/payment_intents", HOLD, **how)
    assert made.status == 200


def test_a_key_has_a_length_and_reads_ignore_it(provider, account):
    for wrong in ("k" * 256,):
        answer = provider.refused(
            "POST", "/v1/payment_intents", HOLD, account=account, key=wrong
        )
        assert answer.status == 400
    for _ in range(2):
        answer = provider.request("GET", "/v1/balance", account=account, key="r")
        assert "idempotent-replayed" not in answer.headers


def test_two_at_once_with_one_key_do_the_work_once(provider, account):
    provider.world.rules.latency_ms = 20
    headers = {
        "authorization": f"Bearer {KEY}",
        "stripe-account": account,
        "idempotency-key": "k1",
    }
    body = urlencode(flatten(HOLD)).encode()
    request = Request("POST", "/v1/payment_intents", "", headers, body)

    async def race():
        return await asyncio.gather(*(provider.api.handle(request) for _ in range(3)))

    answers = asyncio.run(race())
    assert sorted(answer.status for answer in answers) == [200, 409, 409]
    refused = next(answer for answer in answers if answer.status == 409)
    assert orjson.loads(refused.body)["error"]["code"] == "idempotency_key_in_use"
    provider.world.rules.latency_ms = 0
    assert len(intents(provider, account)) == 1


def test_requests_without_a_key_do_not_block_each_other(provider, account):
    provider.world.rules.latency_ms = 5
    headers = {"authorization": f"Bearer {KEY}", "stripe-account": account}
    body = urlencode(flatten(HOLD)).encode()
    request = Request("POST", "/v1/payment_intents", "", headers, body)

    async def race():
        return await asyncio.gather(*(provider.api.handle(request) for _ in range(3)))

    assert [answer.status for answer in asyncio.run(race())] == [200, 200, 200]


def test_the_key_is_free_again_after_a_broken_connection(provider, account):
    how = {"account": account, "key": "k1"}
    provider.control("faults", {"kind": "refuse", "path": "payment_intents"})
    with pytest.raises(ConnectionBroken):
        provider.request("POST", "/v1/payment_intents", HOLD, **how)
    assert provider.request("POST", "/v1/payment_intents", HOLD, **how).status == 200


def test_old_keys_are_forgotten():
    store = Store()
    for number, at in enumerate((0, 10, IDEMPOTENCY_LIFE_S + 5)):
        store.remember(f"k{number}", Remembered("f", 200, b"{}", at))
    assert list(store.remembered) == ["k1", "k2"]
