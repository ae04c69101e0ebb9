import pytest

from simulators.psp.faults import KINDS
from simulators.psp.web import ConnectionBroken
from tests.unit.simulators.psp.harness import Provider

HOLD = {
    "amount": 1000,
    "currency": "eur",
    "capture_method": "manual",
    "confirm": True,
    "payment_method": "pm_card_visa",
}


def count(provider, account):
    return len(provider.get("/v1/payment_intents", account=account)["data"])


def test_error_before_does_nothing_and_the_key_stays_free(provider, account):
    provider.control("faults", {"kind": "error_before", "status": 503})
    how = {"account": account, "key": "k1"}
    answer = provider.refused("POST", "/v1/payment_intents", HOLD, **how)
    assert answer.status == 503
    assert answer.error["type"] == "api_error"
    assert count(provider, account) == 0
    assert provider.request("POST", "/v1/payment_intents", HOLD, **how).status == 200


def test_error_stored_stays_under_its_key(provider, account):
    provider.control("faults", {"kind": "error_stored"})
    how = {"account": account, "key": "k1"}
    for _ in range(2):
        answer = provider.refused("POST", "/v1/payment_intents", HOLD, **how)
        assert answer.status == 500
    assert count(provider, account) == 0
    made = provider.request(
        "POST", "/v1/payment_intents", HOLD, account=account, key="k2"
    )
    assert made.status == 200


def test_error_after_did_the_work_and_the_same_key_shows_it(provider, account):
    provider.control("faults", {"kind": "error_after", "status": 502})
    how = {"account": account, "key": "k1"}
    assert provider.refused("POST", "/v1/payment_intents", HOLD, **how).status == 502
    again = provider.request("POST", "/v1/payment_intents", HOLD, **how)
    assert again.headers["idempotent-replayed"] == "true"
    assert count(provider, account) == 1


@pytest.mark.parametrize(
    ("kind", "done"),
    [("lost_answer", 1), ("timeout", 1), ("refuse", 0), ("timeout_before", 0)],
)
def test_broken_connections_before_and_after_the_work(provider, account, kind, done):
    provider.control("faults", {"kind": kind, "seconds": 0})
    with pytest.raises(ConnectionBroken):
        provider.request("POST", "/v1/payment_intents", HOLD, account=account, key="k1")
    assert count(provider, account) == done
    call = provider.control("calls?path=payment_intents", method="GET")["calls"][0]
    assert call["fault"] == kind
    assert call["status"] == 0


def test_rate_limit_by_rule_and_by_setting(provider, account):
    provider.control("faults", {"kind": "rate_limit"})
    answer = provider.refused("GET", "/v1/balance", account=account)
    assert answer.status == 429
    assert answer.error["code"] == "rate_limit"
    provider.control("settings", {"rate_limit_per_s": 1})
    provider.api._second = 0
    provider.world.clock.now = lambda: 1_000_000
    statuses = [provider.request("GET", "/v1/balance").status for _ in range(3)]
    assert statuses == [200, 429, 429]


def test_rules_match_path_method_account_count_and_skip(provider, account):
    rule = {
        "kind": "error_before",
        "path": "/capture",
        "method": "POST",
        "account": account,
        "skip": 1,
        "times": 1,
    }
    provider.control("faults", rule)
    ids = [provider.hold(account)["id"] for _ in range(3)]
    statuses = [
        provider.request(
            "POST", f"/v1/payment_intents/{one}/capture", account=account
        ).status
        for one in ids
    ]
    assert statuses == [200, 500, 200]
    told = provider.control("faults", method="GET")
    assert told["rules"][0]["hits"] == 1
    assert set(told["kinds"]) == set(KINDS)
    provider.control("faults", method="DELETE")
    assert provider.control("faults", method="GET")["rules"] == []


def test_a_probability_is_repeatable_by_its_seed():
    def statuses():
        provider = Provider()
        provider.control(
            "faults", {"kind": "error_before", "probability_percent": 50, "times": 0}
        )
        return [provider.request("GET", "/v1/balance").status for _ in range(30)]

    first = statuses()
    assert first == statuses()
    assert set(first) == {200, 500}


@pytest.mark.parametrize(
    "rule",
    [
        {},
        {"kind": "explode"},
        {"kind": "latency", "latency_ms": -1},
        {"kind": "latency", "latency_ms": True},
        {"kind": "error_before", "status": 200},
        {"kind": "error_before", "colour": "red"},
        {"kind": "error_before", "path": 7},
    ],
)
def test_wrong_rules_are_refused(provider, rule):
    assert provider.control_answer("faults", rule).status == 400


def test_the_number_of_rules_is_limited(provider):
    for _ in range(100):
        provider.control("faults", {"kind": "refuse", "path": "/none"})
    answer = provider.control_answer("faults", {"kind": "refuse"})
    assert answer.status == 400


def test_latency_waits_and_then_works(provider, account):
    provider.control("settings", {"latency_ms": 1, "latency_jitter_ms": 1})
    provider.control("faults", {"kind": "latency", "latency_ms": 1})
    assert provider.hold(account)["status"] == "requires_capture"


def test_a_defect_of_the_simulator_is_a_500_and_leaves_nothing(
    provider, account, monkeypatch, capsys
):
    def broken(*_args, **_values):
        raise ZeroDivisionError

    monkeypatch.setattr("simulators.psp.ledger.post_capture", broken)
    intent = provider.hold(account)
    path = f"/v1/payment_intents/{intent['id']}"
    answer = provider.refused("POST", f"{path}/capture", account=account)
    assert answer.status == 500
    assert "ZeroDivisionError" in capsys.readouterr().err
    assert provider.get(path, account=account)["status"] == "requires_capture"
