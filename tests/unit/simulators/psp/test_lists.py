def test_payments_of_one_account_are_invisible_to_others(provider, account):
    intent = provider.hold(account)
    other = provider.account()
    for acting in (other, None):
        answer = provider.refused(
            "GET", f"/v1/payment_intents/{intent['id']}", account=acting
        )
        assert answer.status == 404
        assert answer.error["code"] == "resource_missing"


def test_lists_are_newest_first_and_page_both_ways(provider, account):
    made = [provider.hold(account)["id"] for _ in range(5)]

    def page(**values):
        answer = provider.get("/v1/payment_intents", values, account=account)
        return [one["id"] for one in answer["data"]], answer["has_more"]

    assert page() == (made[::-1], False)
    assert page(limit=2) == ([made[4], made[3]], True)
    assert page(limit=2, starting_after=made[3]) == ([made[2], made[1]], True)
    assert page(limit=2, ending_before=made[1]) == ([made[3], made[2]], True)
    assert page(limit=3, ending_before=made[1]) == ([made[4], made[3], made[2]], False)
    for wrong in (
        {"limit": 0},
        {"limit": 101},
        {"starting_after": "pi_x"},
        {"starting_after": made[0], "ending_before": made[1]},
    ):
        provider.refused("GET", "/v1/payment_intents", wrong, account=account)


def test_lists_filter_by_date(provider, account):
    intent = provider.hold(account)
    created = intent["created"]

    def count(**values):
        answer = provider.get("/v1/payment_intents", values, account=account)
        return len(answer["data"])

    assert count(created={"gte": created}) == 1
    assert count(created={"gt": created}) == 0
    assert count(created={"lt": created + 1, "gte": created}) == 1
    assert count(created={"lte": created - 1}) == 0
    assert count(created=created) == 1
    assert count(created=created + 1) == 0


def test_expansion_goes_through_references_and_refuses_others(provider, account):
    intent = provider.paid(account)
    path = f"/v1/payment_intents/{intent['id']}"
    deep = provider.get(
        path, {"expand": ["latest_charge.balance_transaction"]}, account=account
    )
    assert deep["latest_charge"]["balance_transaction"]["net"] == 860
    listed = provider.get(
        "/v1/payment_intents", {"expand": ["data.payment_method"]}, account=account
    )
    assert listed["data"][0]["payment_method"]["card"]["last4"] == "4242"
    for wrong in ("amount.x", "status", "nothing", "a.b.c.d.e"):
        answer = provider.refused("GET", path, {"expand": [wrong]}, account=account)
        assert answer.status == 400
    provider.refused("GET", path, {"expand": ["x"] * 21}, account=account)


def test_metadata_of_charges_can_be_changed(provider, account):
    intent = provider.paid(account)
    path = f"/v1/charges/{intent['latest_charge']}"
    changed = provider.post(path, {"metadata": {"a": "1"}}, account=account)
    assert changed["metadata"] == {"a": "1"}
