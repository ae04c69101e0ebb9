import pytest


def test_a_saved_card_is_a_method_of_its_own(provider):
    customer, method = provider.saved_card()
    assert method != "pm_card_visa"
    found = provider.get(f"/v1/payment_methods/{method}")
    assert found["customer"] == customer
    assert found["card"]["last4"] == "4242"
    assert not any(name.startswith("_") for name in found)
    listed = provider.get("/v1/payment_methods", {"customer": customer})
    assert [one["id"] for one in listed["data"]] == [method]


def test_a_method_is_cloned_to_an_account_and_pays_there(provider, account):
    customer, method = provider.saved_card()
    clone = provider.post(
        "/v1/payment_methods",
        {"customer": customer, "payment_method": method},
        account=account,
    )
    assert clone["id"] != method
    assert clone["customer"] is None
    assert (
        clone["card"]["fingerprint"]
        == (provider.get(f"/v1/payment_methods/{method}")["card"]["fingerprint"])
    )
    held = provider.hold(account, card=clone["id"], off_session=True)
    assert held["status"] == "requires_capture"


def test_cloning_needs_the_right_customer_and_an_account(provider, account):
    customer, method = provider.saved_card()
    other, _ = provider.saved_card()
    for values, acting in (
        ({"customer": other, "payment_method": method}, account),
        ({"payment_method": method}, account),
        ({"customer": customer, "payment_method": "pm_unknown"}, account),
        ({"customer": customer, "payment_method": method}, None),
    ):
        answer = provider.refused("POST", "/v1/payment_methods", values, account=acting)
        assert answer.status == 400


def test_a_platform_method_is_unknown_on_an_account(provider, account):
    _, method = provider.saved_card()
    answer = provider.refused(
        "POST",
        "/v1/payment_intents",
        {"amount": 100, "currency": "eur", "confirm": True, "payment_method": method},
        account=account,
    )
    assert answer.error["code"] == "resource_missing"


def test_a_changed_card_changes_its_clones(provider, account):
    customer, method = provider.saved_card()
    clone = provider.post(
        "/v1/payment_methods",
        {"customer": customer, "payment_method": method},
        account=account,
    )["id"]
    path = f"payment_methods/{method}"
    provider.control(path, {"behaviour": "insufficient_funds"})
    answer = provider.refused(
        "POST",
        "/v1/payment_intents",
        {"amount": 100, "currency": "eur", "confirm": True, "payment_method": clone},
        account=account,
    )
    assert answer.error["decline_code"] == "insufficient_funds"
    assert provider.control_answer(path, {"behaviour": "sing"}).status == 400


def test_cards_that_decline_at_once_cannot_be_saved(provider):
    customer = provider.post("/v1/customers", {"email": "a@example.org"})["id"]
    answer = provider.refused(
        "POST",
        "/v1/payment_methods/pm_card_chargeDeclined/attach",
        {"customer": customer},
    )
    assert answer.status == 402
    for later in ("pm_card_chargeCustomerFail", "pm_sim_insufficientFundsLater"):
        path = f"/v1/payment_methods/{later}/attach"
        assert provider.post(path, {"customer": customer})["customer"] == customer


def test_a_method_belongs_to_one_customer(provider):
    customer, method = provider.saved_card()
    other = provider.post("/v1/customers", {})["id"]
    path = f"/v1/payment_methods/{method}/attach"
    assert provider.post(path, {"customer": customer})["customer"] == customer
    provider.refused("POST", path, {"customer": other})
    provider.refused("POST", path, {"customer": "cus_x"})
    provider.refused("POST", path)
    answer = provider.refused(
        "POST",
        "/v1/payment_intents",
        {"amount": 100, "currency": "eur", "payment_method": method},
    )
    assert answer.error["param"] == "payment_method"


def test_card_numbers_are_refused_and_never_recorded(provider):
    values = {
        "type": "card",
        "card": {"number": "4242424242424242", "exp_month": 1, "exp_year": 2030},
    }
    answer = provider.refused("POST", "/v1/payment_methods", values)
    assert answer.error["param"] == "card[number]"
    assert "4242424242424242" not in str(list(provider.api.calls))


def test_tokens_make_methods(provider):
    made = provider.post(
        "/v1/payment_methods",
        {"type": "card", "card": {"token": "tok_mastercard"}, "metadata": {"a": "1"}},
    )
    assert made["card"]["brand"] == "mastercard"
    assert made["metadata"] == {"a": "1"}
    path = f"/v1/payment_methods/{made['id']}"
    assert provider.post(path, {"metadata": {"b": "2"}})["metadata"] == {
        "a": "1",
        "b": "2",
    }
    for wrong in ({}, {"type": "card"}, {"type": "card", "card": {"token": "tok_x"}}):
        provider.refused("POST", "/v1/payment_methods", wrong)


def test_customers_are_made_changed_listed_and_removed(provider):
    made = provider.post(
        "/v1/customers",
        {"email": "a@example.org", "name": "A", "payment_method": "pm_card_visa"},
    )
    path = f"/v1/customers/{made['id']}"
    methods = provider.get("/v1/payment_methods", {"customer": made["id"]})["data"]
    changed = provider.post(
        path,
        {
            "name": "B",
            "metadata": {"x": "1"},
            "invoice_settings": {"default_payment_method": methods[0]["id"]},
        },
    )
    assert changed["name"] == "B"
    assert changed["invoice_settings"]["default_payment_method"] == methods[0]["id"]
    provider.post("/v1/customers", {"email": "b@example.org"})
    found = provider.get("/v1/customers", {"email": "a@example.org"})["data"]
    assert [one["id"] for one in found] == [made["id"]]
    assert provider.request("DELETE", path).json["deleted"]
    assert provider.refused("GET", path).status == 404
    assert provider.event_types() == [
        "payment_method.attached",
        "customer.created",
        "customer.created",
    ]


@pytest.mark.parametrize("usage", ["off_session", "on_session"])
def test_a_setup_saves_a_card(provider, usage):
    customer = provider.post("/v1/customers", {})["id"]
    made = provider.post(
        "/v1/setup_intents",
        {
            "customer": customer,
            "payment_method": "pm_card_visa",
            "confirm": True,
            "usage": usage,
        },
    )
    assert made["status"] == "succeeded"
    listed = provider.get("/v1/payment_methods", {"customer": customer})["data"]
    assert [one["id"] for one in listed] == [made["payment_method"]]


def test_a_setup_asks_the_card_holder(provider):
    customer = provider.post("/v1/customers", {})["id"]
    setup = provider.post("/v1/setup_intents", {"customer": customer})
    path = f"/v1/setup_intents/{setup['id']}"
    assert provider.refused("POST", f"{path}/confirm").status == 400
    provider.post(path, {"payment_method": "pm_card_authenticationRequiredOnSetup"})
    asked = provider.post(f"{path}/confirm", {"return_url": "https://a.example/b"})
    assert asked["status"] == "requires_action"
    url = asked["next_action"]["redirect_to_url"]["url"]
    done = provider.page("POST", url, {"outcome": "succeed"})
    assert done.headers["location"].startswith("https://a.example/b?setup_intent=seti_")
    assert provider.get(path)["status"] == "succeeded"
    for again in (f"{path}/confirm", path):
        values = {} if again.endswith("confirm") else {"payment_method": "pm_card_visa"}
        answer = provider.refused("POST", again, values)
        assert answer.error["code"] == "setup_intent_unexpected_state"
    renamed = provider.post(path, {"metadata": {"a": "1"}})
    assert renamed["metadata"] == {"a": "1"}
    listed = provider.get("/v1/setup_intents", {"customer": customer})["data"]
    assert [one["id"] for one in listed] == [setup["id"]]


def test_a_setup_that_fails(provider):
    answer = provider.refused(
        "POST",
        "/v1/setup_intents",
        {"payment_method": "pm_card_chargeDeclined", "confirm": True},
    )
    assert answer.status == 402
    setup = answer.error["setup_intent"]["id"]
    kept = provider.get(f"/v1/setup_intents/{setup}")
    assert kept["status"] == "requires_payment_method"
    asked = provider.post(
        "/v1/setup_intents",
        {"payment_method": "pm_card_authenticationRequired", "confirm": True},
    )
    path = f"setup_intents/{asked['id']}/authenticate"
    failed = provider.control(path, {"outcome": "fail"})
    assert failed["status"] == "requires_payment_method"
    again = provider.control_answer(path, {"outcome": "succeed"})
    assert again.error["code"] == "setup_intent_unexpected_state"
    provider.refused("POST", "/v1/setup_intents", {"customer": "cus_x"})
