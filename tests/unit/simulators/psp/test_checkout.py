import pytest

SESSION = {
    "mode": "payment",
    "success_url": "https://pay.example.org/ok?s={CHECKOUT_SESSION_ID}",
    "cancel_url": "https://pay.example.org/no",
    "line_items": [
        {
            "quantity": 1,
            "price_data": {
                "currency": "eur",
                "unit_amount": 5000,
                "product_data": {"name": "Charging, at most"},
            },
        }
    ],
    "payment_intent_data": {
        "capture_method": "manual",
        "metadata": {"order_number": "A1"},
    },
    "metadata": {"order_number": "A1"},
}


@pytest.fixture
def session(provider, account):
    return provider.post("/v1/checkout/sessions", SESSION, account=account)


def test_a_guest_pays_on_the_hosted_page(provider, account, session):
    assert session["status"] == "open"
    assert session["amount_total"] == 5000
    assert not any(name.startswith("_") for name in session)
    page = provider.page("GET", session["url"])
    assert page.status == 200
    done = provider.page("POST", session["url"], {"payment_method": "pm_card_visa"})
    assert done.status == 303
    assert done.headers["location"] == f"https://pay.example.org/ok?s={session['id']}"
    path = f"/v1/checkout/sessions/{session['id']}"
    after = provider.get(path, {"expand": ["payment_intent"]}, account=account)
    assert after["status"] == "complete"
    assert after["payment_status"] == "unpaid"
    intent = after["payment_intent"]
    assert intent["status"] == "requires_capture"
    assert intent["metadata"] == {"order_number": "A1"}
    assert provider.event_types(account)[-1] == "checkout.session.completed"
    provider.capture(account, intent["id"], 1200, fee=60)
    closed = provider.page("POST", session["url"], {"payment_method": "pm_card_visa"})
    assert closed.status == 410


def test_a_guest_can_try_again_after_a_decline(provider, account, session):
    declined = {"payment_method": "pm_card_chargeDeclined"}
    page = provider.page("POST", session["url"], declined)
    assert page.status == 402
    assert b"Your card was declined." in page.body
    done = provider.page("POST", session["url"], {"payment_method": "pm_card_visa"})
    assert done.status == 303
    intents = provider.get("/v1/payment_intents", account=account)["data"]
    assert len(intents) == 1


def test_a_guest_is_sent_to_the_bank(provider, account, session):
    card = {"payment_method": "pm_card_threeDSecure2Required"}
    bank = provider.page("POST", session["url"], card).headers["location"]
    assert "/hosted/3ds/" in bank
    back = provider.page("POST", bank, {"outcome": "succeed"})
    assert back.status == 303
    path = f"/v1/checkout/sessions/{session['id']}"
    assert provider.get(path, account=account)["status"] == "complete"


def test_unknown_cards_and_wrong_secrets_open_nothing(provider, account, session):
    assert provider.page("POST", session["url"], {"payment_method": "x"}).status == 400
    assert provider.page("GET", session["url"] + "x").status == 404
    intent = provider.hold(
        account, card="pm_card_threeDSecure2Required", return_url="https://a.example"
    )
    url = intent["next_action"]["redirect_to_url"]["url"]
    assert provider.page("POST", url + "x", {"outcome": "succeed"}).status == 404
    for path in ("/hosted/none", "/hosted/checkout", "/hosted/onboarding/x"):
        assert provider.page("GET", path).status == 404
    assert provider.page("DELETE", session["url"]).status == 404


def test_a_session_can_be_closed_and_closes_by_itself(provider, account, session):
    path = f"/v1/checkout/sessions/{session['id']}"
    assert provider.post(f"{path}/expire", account=account)["status"] == "expired"
    again = provider.refused("POST", f"{path}/expire", account=account)
    assert again.error["code"] == "checkout_session_unexpected_state"
    page = provider.page("GET", session["url"])
    assert b"closed" in page.body
    other = provider.post("/v1/checkout/sessions", SESSION, account=account)
    provider.control("clock", {"advance_s": 86_401})
    path = f"/v1/checkout/sessions/{other['id']}"
    assert provider.get(path, account=account)["status"] == "expired"
    late = provider.page("POST", other["url"], {"payment_method": "pm_card_visa"})
    assert late.status == 410


def test_automatic_capture_pays_at_once(provider, account):
    values = {name: SESSION[name] for name in ("mode", "line_items")}
    values["payment_intent_data"] = {"application_fee_amount": 40}
    made = provider.post("/v1/checkout/sessions", values, account=account)
    page = provider.page("POST", made["url"], {"payment_method": "pm_card_visa"})
    assert page.status == 200
    path = f"/v1/checkout/sessions/{made['id']}"
    assert provider.get(path, account=account)["payment_status"] == "paid"
    report = provider.control("books", method="GET")
    assert report["platform"]["eur"]["balance_minor"] == 40


def test_sessions_are_listed_and_labelled(provider, account, session):
    path = f"/v1/checkout/sessions/{session['id']}"
    changed = provider.post(path, {"metadata": {"b": "2"}}, account=account)
    assert changed["metadata"] == {"order_number": "A1", "b": "2"}
    wanted = {"status": "open"}
    listed = provider.get("/v1/checkout/sessions", wanted, account=account)["data"]
    assert [one["id"] for one in listed] == [session["id"]]


@pytest.mark.parametrize(
    "change",
    [
        {"mode": "subscription"},
        {"mode": ""},
        {"line_items": []},
        {"line_items": [{"price_data": {"currency": "eur"}}]},
        {"expires_at": 5},
        {
            "line_items": [
                SESSION["line_items"][0],
                {
                    "price_data": {
                        "currency": "chf",
                        "unit_amount": 1,
                        "product_data": {"name": "x"},
                    }
                },
            ]
        },
    ],
)
def test_wrong_sessions_are_refused(provider, account, change):
    answer = provider.refused(
        "POST", "/v1/checkout/sessions", SESSION | change, account=account
    )
    assert answer.status == 400
