import pytest


def books(provider, account):
    report = provider.control("books", method="GET")
    assert report["balanced"]
    return report["accounts"][account]["eur"]


def test_a_dispute_takes_amount_and_fee_from_the_account_only(provider, account):
    intent = provider.paid(account, 1000, fee=100)
    opened = provider.control("disputes", {"payment_intent": intent["id"]})
    assert opened["status"] == "needs_response"
    mine = books(provider, account)
    assert mine["disputed_minor"] == 1000
    assert mine["dispute_fee_minor"] == 1500
    assert mine["balance_minor"] == 860 - 1000 - 1500
    charge = provider.get(f"/v1/charges/{intent['latest_charge']}", account=account)
    assert charge["disputed"]
    types = provider.event_types(account)
    assert types[-2:] == ["charge.dispute.created", "charge.dispute.funds_withdrawn"]
    answer = provider.refused(
        "POST", "/v1/refunds", {"charge": charge["id"]}, account=account
    )
    assert answer.error["code"] == "charge_disputed"


def test_a_won_dispute_gives_the_amount_back(provider, account):
    intent = provider.paid(account, 1000, fee=0)
    opened = provider.control(
        "disputes", {"charge": intent["latest_charge"], "amount": 400}
    )
    path = f"/v1/disputes/{opened['id']}"
    told = provider.post(
        path,
        {"evidence": {"product_description": "5 kWh"}, "metadata": {"a": "1"}},
        account=account,
    )
    assert told["status"] == "under_review"
    assert told["evidence"]["product_description"] == "5 kWh"
    assert told["evidence_details"]["submission_count"] == 1
    late = provider.refused("POST", path, {"submit": True}, account=account)
    assert late.error["code"] == "dispute_unexpected_state"
    refund = {"charge": intent["latest_charge"], "amount": 50}
    early = provider.refused("POST", "/v1/refunds", refund, account=account)
    assert early.error["code"] == "charge_disputed"
    won = provider.control(f"disputes/{opened['id']}", {"outcome": "won"})
    assert won["status"] == "won"
    assert books(provider, account)["balance_minor"] == 960 - 1500
    again = provider.control_answer(f"disputes/{opened['id']}", {"outcome": "lost"})
    assert again.status == 400
    back = provider.post("/v1/refunds", refund, account=account)
    assert (back["status"], back["amount"]) == ("succeeded", 50)


def test_a_dispute_can_be_accepted(provider, account):
    intent = provider.paid(account)
    opened = provider.control("disputes", {"payment_intent": intent["id"]})
    path = f"/v1/disputes/{opened['id']}"
    draft = provider.post(
        path,
        {"evidence": {"customer_name": "A"}, "submit": False},
        account=account,
    )
    assert draft["status"] == "needs_response"
    closed = provider.post(f"{path}/close", account=account)
    assert closed["status"] == "lost"
    assert provider.get(path, account=account)["status"] == "lost"
    wanted = {"payment_intent": intent["id"]}
    listed = provider.get("/v1/disputes", wanted, account=account)["data"]
    assert [one["id"] for one in listed] == [opened["id"]]


def test_a_disputing_card_opens_its_dispute_by_itself(provider, account):
    intent = provider.hold(account, 1000, card="pm_card_createDispute")
    assert provider.get("/v1/disputes", account=account)["data"] == []
    provider.capture(account, intent["id"], 1000)
    assert len(provider.get("/v1/disputes", account=account)["data"]) == 1


@pytest.mark.parametrize(
    "values",
    [
        {"charge": "ch_unknown"},
        {"payment_intent": "pi_unknown"},
        {"amount": 1001},
        {"amount": 0},
        {"amount": "ten"},
        {"reason": "mood"},
    ],
)
def test_wrong_disputes_are_refused(provider, account, values):
    intent = provider.paid(account, 1000)
    sent = {"charge": intent["latest_charge"], **values}
    assert provider.control_answer("disputes", sent).status in {400, 404}
    assert provider.get("/v1/disputes", account=account)["data"] == []


def test_a_hold_cannot_be_disputed(provider, account):
    intent = provider.hold(account)
    answer = provider.control_answer("disputes", {"payment_intent": intent["id"]})
    assert answer.status == 400


def test_money_becomes_available_and_is_paid_out_by_the_operator_alone(
    provider, account
):
    provider.paid(account, 1000, fee=100)
    balance = provider.get("/v1/balance", account=account)
    assert balance["pending"][0]["amount"] == 860
    assert balance["available"][0]["amount"] == 0
    ask = {"amount": 860, "currency": "eur"}
    early = provider.refused("POST", "/v1/payouts", ask, account=account)
    assert early.error["code"] == "balance_insufficient"
    provider.control("clock", {"advance_s": 2 * 86_400})
    balance = provider.get("/v1/balance", account=account)
    assert balance["available"][0]["amount"] == 860
    own_key = provider.control("keys", {"account": account})["api_key"]
    own = {"authorization": f"Bearer {own_key}"}
    payout = provider.post("/v1/payouts", ask | {"metadata": {"a": "1"}}, headers=own)
    assert payout["status"] == "pending"
    assert books(provider, account)["balance_minor"] == 0
    provider.control("clock", {"advance_s": 86_400})
    path = f"/v1/payouts/{payout['id']}"
    assert provider.get(path, account=account)["status"] == "paid"
    assert provider.event_types(account)[-1] == "payout.paid"
    renamed = provider.post(path, {"metadata": {"b": "2"}}, account=account)
    assert renamed["metadata"] == {"a": "1", "b": "2"}
    lines = provider.get(
        "/v1/balance_transactions", {"payout": payout["id"]}, account=account
    )["data"]
    assert [line["amount"] for line in lines] == [-860]
    listed = provider.get("/v1/payouts", {"status": "paid"}, account=account)
    assert len(listed["data"]) == 1


def test_automatic_payouts_by_control(provider, account):
    provider.paid(account, 1000, fee=100)
    provider.control("clock", {"advance_s": 2 * 86_400})
    made = provider.control("payouts", {"account": account})["payouts"]
    assert [(one["amount"], one["automatic"]) for one in made] == [(860, True)]
    fees = provider.control("payouts")["payouts"]
    assert [one["amount"] for one in fees] == [100]
    assert provider.control("payouts", {"account": account})["payouts"] == []
    provider.control("clock", {"advance_s": 86_400})
    paid = provider.get(f"/v1/payouts/{made[0]['id']}", account=account)
    assert paid["reconciliation_status"] == "completed"


def test_balance_transactions_change_their_status_with_time(provider, account):
    provider.paid(account, 1000)
    listed = provider.get(
        "/v1/balance_transactions", {"type": "charge"}, account=account
    )["data"]
    assert listed[0]["status"] == "pending"
    provider.control("clock", {"advance_s": 2 * 86_400})
    path = f"/v1/balance_transactions/{listed[0]['id']}"
    assert provider.get(path, account=account)["status"] == "available"


def test_an_untouched_account_has_an_empty_balance(provider, account):
    balance = provider.get("/v1/balance", account=account)
    assert balance["available"] == [
        {"amount": 0, "currency": "eur", "source_types": {"card": 0}}
    ]
