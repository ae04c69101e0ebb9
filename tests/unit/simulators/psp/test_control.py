import pytest

from simulators.psp.errors import ApiError
from simulators.psp.web import Request
from tests.unit.simulators.psp.harness import KEY, Provider


def test_health_needs_no_key(provider):
    response = provider.send(Request("GET", "/_sim/health", "", {}, b""))
    assert response.body == b'{"ok":true}'


def test_settings_change_what_happens_next(provider, account):
    provider.control("settings", {"fee_basis_points": 0, "fee_fixed_minor": 1})
    provider.paid(account, 1000, fee=0)
    report = provider.control("books", method="GET")
    assert report["accounts"][account]["eur"]["provider_fee_minor"] == 1
    assert provider.control("settings", method="GET")["fee_fixed_minor"] == 1


@pytest.mark.parametrize(
    "values", [{"unknown": 1}, {"hold_s": -1}, {"hold_s": "1"}, {"hold_s": True}]
)
def test_wrong_settings_change_nothing(provider, values):
    before = provider.control("settings", method="GET")
    answer = provider.control_answer("settings", {"latency_ms": 7, **values})
    assert answer.status == 400
    assert provider.control("settings", method="GET") == before


def test_calls_are_recorded_and_cleared(provider, account):
    provider.control("calls", method="DELETE")
    provider.hold(account)
    provider.refused("GET", "/v1/none")
    told = provider.control("calls", method="GET")
    assert told["total"] == 2
    assert [call["status"] for call in told["calls"]] == [200, 404]
    first = told["calls"][0]
    assert first["account"] == account
    assert first["params"]["amount"] == "5000"
    only = provider.control("calls?path=payment_intents", method="GET")["calls"]
    assert len(only) == 1
    provider.control("calls", method="DELETE")
    assert provider.control("calls", method="GET")["calls"] == []


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/_sim/nothing", b""),
        ("POST", "/_sim/clock", b"[]"),
        ("POST", "/_sim/clock", b"{"),
        ("POST", "/_sim/clock", b'{"advance_s": -1}'),
        ("POST", "/_sim/clock", b'{"advance_s": 1e3}'),
        ("POST", "/_sim/payment_intents/pi_x/authenticate", b"{}"),
        ("POST", "/_sim/keys", b'{"account": "acct_x"}'),
        ("POST", "/_sim/payouts", b'{"account": "acct_x", "x": 1}'),
    ],
)
def test_wrong_control_requests_are_refused(provider, method, path, body):
    headers = {"authorization": f"Bearer {KEY}"}
    response = provider.send(Request(method, path, "", headers, body))
    if path == "/_sim/payouts":
        assert response.body == b'{"payouts":[]}'
    else:
        assert response.status in {400, 403, 404}


def test_other_addresses_are_not_served(provider):
    assert provider.send(Request("GET", "/", "", {}, b"")).status == 404


def test_forms_must_be_text(provider):
    headers = {"authorization": f"Bearer {KEY}"}
    response = provider.send(Request("POST", "/v1/customers", "", headers, b"a=\xff"))
    assert response.status == 400


def test_the_number_of_objects_is_limited(monkeypatch):
    monkeypatch.setattr("simulators.psp.store.OBJECTS_MAX", 3)
    provider = Provider()
    answers = [provider.request("POST", "/v1/customers") for _ in range(4)]
    assert [answer.status for answer in answers] == [200, 200, 429, 429]
    assert answers[-1].error["code"] == "rate_limit"


def test_an_error_says_what_it_is():
    error = ApiError(400, {"message": "Too small.", "param": None})
    assert str(error) == "Too small."
    assert error.body == {"error": {"message": "Too small."}}
