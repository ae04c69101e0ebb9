import pytest
from hypothesis import given, settings, strategies as st

from tests.unit.simulators.psp.harness import Provider


def refund(provider, account, intent, **values):
    sent = {"payment_intent": intent["id"], **values}
    return provider.post("/v1/refunds", sent, account=account)


def books(provider, account):
    report = provider.control("books", method="GET")
    assert report["balanced"]
    return report["accounts"][account]["eur"], report["platform"].get("eur")


def test_a_full_refund_with_fee_leaves_only_the_providers_fee(provider, account):
    intent = provider.paid(account, 1000, fee=100)
    made = refund(provider, account, intent, refund_application_fee=True)
    assert (made["amount"], made["status"]) == (1000, "succeeded")
    mine, platform = books(provider, account)
    assert mine["balance_minor"] == -40
    assert platform["balance_minor"] == 0
    assert platform["application_fee_refunded_minor"] == 100
    charge = provider.get(f"/v1/charges/{intent['latest_charge']}", account=account)
    assert charge["refunded"]
    fee = provider.get(f"/v1/application_fees/{charge['application_fee']}")
    assert fee["refunded"]
    assert fee["refunds"]["data"][0]["amount"] == 100


def test_a_refund_without_fee_leaves_the_platform_alone(provider, account):
    intent = provider.paid(account, 1000, fee=100)
    refund(provider, account, intent, amount=300)
    mine, platform = books(provider, account)
    assert mine["refunded_minor"] == 300
    assert mine["balance_minor"] == 860 - 300
    assert platform["balance_minor"] == 100


@settings(max_examples=40, deadline=None)
@given(
    amount=st.integers(50, 5000),
    fee_share=st.integers(0, 100),
    parts=st.lists(st.integers(1, 2000), max_size=5),
)
def test_partial_refunds_give_the_whole_fee_back_in_the_end(amount, fee_share, parts):
    provider = Provider()
    account = provider.account()
    fee = max(1, amount * fee_share // 100)
    intent = provider.paid(account, amount, fee=fee)
    left = amount
    for part in parts:
        if part < left:
            refund(provider, account, intent, amount=part, refund_application_fee=True)
            left -= part
    refund(provider, account, intent, refund_application_fee=True)
    mine, platform = books(provider, account)
    assert platform["balance_minor"] == 0
    assert mine["application_fee_returned_minor"] == fee
    assert mine["balance_minor"] == -mine["provider_fee_minor"]
    lines = provider.get("/v1/balance_transactions", {"limit": 100}, account=account)[
        "data"
    ]
    assert sum(line["net"] for line in lines) == mine["balance_minor"]
    lines = provider.get("/v1/balance_transactions", {"limit": 100})["data"]
    assert sum(line["net"] for line in lines) == 0


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"amount": 1001}, "amount_too_large"),
        ({"amount": 0}, "parameter_invalid_integer"),
        ({"reason": "because"}, None),
    ],
)
def test_wrong_refunds_are_refused(provider, account, values, code):
    intent = provider.paid(account, 1000)
    sent = {"payment_intent": intent["id"], **values}
    answer = provider.refused("POST", "/v1/refunds", sent, account=account)
    assert answer.error.get("code") == code
    assert provider.get("/v1/refunds", account=account)["data"] == []


def test_what_is_not_captured_or_already_refunded_cannot_be_refunded(provider, account):
    hold = provider.hold(account)
    fresh = provider.post(
        "/v1/payment_intents", {"amount": 100, "currency": "eur"}, account=account
    )
    for intent in (hold, fresh):
        sent = {"payment_intent": intent["id"]}
        answer = provider.refused("POST", "/v1/refunds", sent, account=account)
        assert answer.error["code"] == "payment_intent_unexpected_state"
    paid = provider.paid(account)
    sent = {"charge": paid["latest_charge"]}
    provider.post("/v1/refunds", sent, account=account)
    answer = provider.refused("POST", "/v1/refunds", sent, account=account)
    assert answer.error["code"] == "charge_already_refunded"
    for missing in ({}, {"charge": "ch_x"}, {"payment_intent": "pi_x"}):
        provider.refused("POST", "/v1/refunds", missing, account=account)


def test_a_fee_refund_needs_a_fee(provider, account):
    intent = provider.paid(account, 1000, fee=0)
    answer = provider.refused(
        "POST",
        "/v1/refunds",
        {"payment_intent": intent["id"], "refund_application_fee": True},
        account=account,
    )
    assert answer.error["param"] == "refund_application_fee"


def test_refunds_are_listed_fetched_and_labelled(provider, account):
    intent = provider.paid(account)
    made = refund(provider, account, intent, amount=10, reason="duplicate")
    path = f"/v1/refunds/{made['id']}"
    provider.post(path, {"metadata": {"case": "7"}}, account=account)
    assert provider.get(path, account=account)["metadata"] == {"case": "7"}
    wanted = {"payment_intent": intent["id"]}
    listed = provider.get("/v1/refunds", wanted, account=account)
    assert [one["id"] for one in listed["data"]] == [made["id"]]
    assert "charge.refunded" in provider.event_types(account)


def test_the_platform_can_give_its_fee_back_alone(provider, account):
    intent = provider.paid(account, 1000, fee=100)
    charge = provider.get(f"/v1/charges/{intent['latest_charge']}", account=account)
    path = f"/v1/application_fees/{charge['application_fee']}/refunds"
    provider.post(path, {"amount": 30})
    provider.refused("POST", path, {"amount": 71})
    provider.post(path)
    provider.refused("POST", path)
    mine, platform = books(provider, account)
    assert platform["balance_minor"] == 0
    assert mine["balance_minor"] == 1000 - 40
    amounts = [one["amount"] for one in provider.get(path)["data"]]
    assert amounts == [70, 30]
    # Nothing is left for a refund to give back.
    refund(provider, account, intent, refund_application_fee=True)
    assert books(provider, account)[1]["balance_minor"] == 0
