import pytest

PLATFORM_ONLY_FEES = {
    "captured_minor",
    "refunded_minor",
    "provider_fee_minor",
    "disputed_minor",
    "paid_out_minor",
}


def charge_of(provider, account, intent):
    return provider.get(f"/v1/charges/{intent['latest_charge']}", account=account)


def test_a_hold_moves_no_money_and_says_until_when_it_lives(provider, account):
    intent = provider.hold(account, 5000, expand=["latest_charge"])
    assert intent["status"] == "requires_capture"
    assert intent["amount_capturable"] == 5000
    assert intent["amount_received"] == 0
    card = intent["latest_charge"]["payment_method_details"]["card"]
    assert card["capture_before"] == intent["created"] + 7 * 86_400
    assert provider.books.entries == 0


def test_a_capture_credits_the_account_and_gives_the_platform_only_its_fee(
    provider, account
):
    intent = provider.hold(account, 5000)
    captured = provider.capture(account, intent["id"], 1234, fee=100)
    assert captured["status"] == "succeeded"
    assert captured["amount_received"] == 1234
    assert captured["amount_capturable"] == 0
    books = provider.control("books", method="GET")
    assert books["balanced"]
    assert books["transfers"] == 0
    mine = books["accounts"][account]["eur"]
    assert mine["captured_minor"] == 1234
    assert mine["provider_fee_minor"] == 44
    assert mine["application_fee_minor"] == 100
    assert mine["balance_minor"] == 1234 - 44 - 100
    platform = books["platform"]["eur"]
    assert platform["application_fee_earned_minor"] == 100
    assert platform["balance_minor"] == 100
    assert all(platform[name] == 0 for name in PLATFORM_ONLY_FEES)
    assert books["counterparties"]["issuers"] == {"eur": -1234}


def test_the_balance_transaction_shows_both_fees(provider, account):
    intent = provider.paid(account, 1000, fee=100)
    charge = charge_of(provider, account, intent)
    found = provider.get(
        f"/v1/balance_transactions/{charge['balance_transaction']}", account=account
    )
    assert (found["amount"], found["fee"], found["net"]) == (1000, 140, 860)
    assert {fee["type"]: fee["amount"] for fee in found["fee_details"]} == {
        "stripe_fee": 40,
        "application_fee": 100,
    }
    assert found["source"] == charge["id"]
    assert found["status"] == "pending"


def test_the_application_fee_is_an_object_of_the_platform(provider, account):
    intent = provider.paid(account, 1000, fee=100)
    charge = charge_of(provider, account, intent)
    fee = provider.get(f"/v1/application_fees/{charge['application_fee']}")
    assert (fee["account"], fee["amount"], fee["charge"]) == (
        account,
        100,
        charge["id"],
    )
    listed = provider.get("/v1/application_fees", {"charge": charge["id"]})
    assert [one["id"] for one in listed["data"]] == [fee["id"]]
    path = f"/v1/application_fees/{fee['id']}"
    answer = provider.refused("GET", path, account=account)
    assert answer.error["code"] == "platform_account_required"


def test_a_capture_without_a_fee_gives_the_platform_nothing(provider, account):
    provider.paid(account, 1000, fee=0)
    assert provider.control("books", method="GET")["platform"] == {}
    assert provider.get("/v1/application_fees")["data"] == []


def test_a_second_capture_is_refused(provider, account):
    intent = provider.paid(account)
    answer = provider.refused(
        "POST", f"/v1/payment_intents/{intent['id']}/capture", account=account
    )
    assert answer.status == 400
    assert answer.error["code"] == "payment_intent_unexpected_state"
    assert answer.error["payment_intent"]["status"] == "succeeded"
    assert provider.books.entries == 1


@pytest.mark.parametrize(
    ("values", "param"),
    [
        ({"amount_to_capture": 5001}, "amount_to_capture"),
        ({"amount_to_capture": 0}, "amount_to_capture"),
        (
            {"amount_to_capture": 100, "application_fee_amount": 101},
            "application_fee_amount",
        ),
    ],
)
def test_wrong_captures_leave_the_hold(provider, account, values, param):
    intent = provider.hold(account, 5000)
    path = f"/v1/payment_intents/{intent['id']}"
    answer = provider.refused("POST", f"{path}/capture", values, account=account)
    assert answer.error["param"] == param
    assert provider.get(path, account=account)["status"] == "requires_capture"
    assert provider.books.entries == 0


def test_the_platform_itself_takes_no_application_fee(provider):
    answer = provider.refused(
        "POST",
        "/v1/payment_intents",
        {"amount": 1000, "currency": "eur", "application_fee_amount": 1},
    )
    assert answer.error["param"] == "application_fee_amount"


def test_cancel_releases_the_hold(provider, account):
    intent = provider.hold(account)
    path = f"/v1/payment_intents/{intent['id']}/cancel"
    cancelled = provider.post(
        path, {"cancellation_reason": "requested_by_customer"}, account=account
    )
    assert cancelled["status"] == "canceled"
    assert cancelled["amount_capturable"] == 0
    assert cancelled["cancellation_reason"] == "requested_by_customer"
    charge = charge_of(provider, account, intent)
    assert charge["refunded"]
    assert not charge["captured"]
    assert provider.books.entries == 0
    answer = provider.refused("POST", path, account=account)
    assert answer.error["code"] == "payment_intent_unexpected_state"


def test_a_hold_expires_at_its_time_and_can_no_longer_be_captured(provider, account):
    short = provider.hold(account, card="pm_sim_shortHold")
    long = provider.hold(account)
    provider.control("clock", {"advance_s": 59})
    path = f"/v1/payment_intents/{short['id']}"
    assert provider.get(path, account=account)["status"] == "requires_capture"
    provider.control("clock", {"advance_s": 2})
    gone = provider.get(path, account=account)
    assert gone["status"] == "canceled"
    assert gone["cancellation_reason"] == "expired"
    other = provider.get(f"/v1/payment_intents/{long['id']}", account=account)
    assert other["status"] == "requires_capture"
    assert "charge.expired" in provider.event_types(account)
    provider.refused("POST", f"{path}/capture", account=account)


def test_a_captured_hold_does_not_expire(provider, account):
    intent = provider.hold(account, card="pm_sim_shortHold")
    provider.capture(account, intent["id"], 1000)
    provider.control("clock", {"advance_s": 3600})
    path = f"/v1/payment_intents/{intent['id']}"
    assert provider.get(path, account=account)["status"] == "succeeded"


@pytest.mark.parametrize(
    ("card", "code", "decline_code"),
    [
        ("pm_card_chargeDeclined", "card_declined", "generic_decline"),
        (
            "pm_card_visa_chargeDeclinedInsufficientFunds",
            "card_declined",
            "insufficient_funds",
        ),
        ("pm_card_visa_chargeDeclinedLostCard", "card_declined", "lost_card"),
        ("pm_card_chargeDeclinedExpiredCard", "expired_card", "expired_card"),
        (
            "pm_card_chargeDeclinedProcessingError",
            "processing_error",
            "processing_error",
        ),
    ],
)
def test_a_declined_card_is_a_402_and_a_fact(
    provider, account, card, code, decline_code
):
    answer = provider.refused(
        "POST",
        "/v1/payment_intents",
        {
            "amount": 1000,
            "currency": "eur",
            "confirm": True,
            "payment_method": card,
            "capture_method": "manual",
        },
        account=account,
    )
    assert answer.status == 402
    assert answer.error["type"] == "card_error"
    assert answer.error["code"] == code
    assert answer.error["decline_code"] == decline_code
    told = answer.error["payment_intent"]
    kept = provider.get(f"/v1/payment_intents/{told['id']}", account=account)
    assert kept["status"] == "requires_payment_method"
    assert kept["last_payment_error"]["decline_code"] == decline_code
    charge = charge_of(provider, account, kept)
    assert charge["status"] == "failed"
    assert not charge["paid"]
    assert "payment_intent.payment_failed" in provider.event_types(account)


def test_off_session_authentication_is_a_decline(provider, account):
    answer = provider.refused(
        "POST",
        "/v1/payment_intents",
        {
            "amount": 1000,
            "currency": "eur",
            "confirm": True,
            "off_session": True,
            "payment_method": "pm_card_authenticationRequired",
        },
        account=account,
    )
    assert answer.status == 402
    assert answer.error["code"] == "authentication_required"
    assert answer.error["payment_intent"]["status"] == "requires_payment_method"


def test_on_session_authentication_sends_the_payer_to_the_bank(provider, account):
    intent = provider.hold(
        account,
        card="pm_card_threeDSecure2Required",
        return_url="https://pay.example.org/back?x=1",
        expand=["latest_charge"],
    )
    assert intent["status"] == "requires_action"
    assert intent["latest_charge"] is None
    redirect = intent["next_action"]["redirect_to_url"]
    assert redirect["return_url"] == "https://pay.example.org/back?x=1"
    page = provider.page("GET", redirect["url"])
    assert page.status == 200
    answer = provider.page("POST", redirect["url"], {"outcome": "succeed"})
    assert answer.status == 303
    assert answer.headers["location"].startswith("https://pay.example.org/back?x=1&")
    path = f"/v1/payment_intents/{intent['id']}"
    held = provider.get(path, {"expand": ["latest_charge"]}, account=account)
    assert held["status"] == "requires_capture"
    card = held["latest_charge"]["payment_method_details"]["card"]
    assert card["three_d_secure"]["result"] == "authenticated"


def test_a_failed_challenge_can_be_tried_with_another_card(provider, account):
    intent = provider.hold(account, card="pm_card_threeDSecure2Required")
    assert intent["next_action"]["type"] == "use_stripe_sdk"
    path = f"payment_intents/{intent['id']}"
    failed = provider.control(f"{path}/authenticate", {"outcome": "fail"})
    assert failed["status"] == "requires_payment_method"
    assert (
        failed["last_payment_error"]["code"] == "payment_intent_authentication_failure"
    )
    confirmed = provider.post(
        f"/v1/{path}/confirm", {"payment_method": "pm_card_visa"}, account=account
    )
    assert confirmed["status"] == "requires_capture"
    again = provider.control_answer(f"{path}/authenticate", {"outcome": "succeed"})
    assert again.error["code"] == "payment_intent_unexpected_state"


def test_a_card_authenticated_once_pays_off_session_afterwards(provider, account):
    card = "pm_card_authenticationRequiredOnSetup"
    customer, method = provider.saved_card(card)
    clone = {"customer": customer, "payment_method": method}
    first = provider.post("/v1/payment_methods", clone, account=account)["id"]
    intent = provider.hold(account, card=first)
    assert intent["status"] == "requires_action"
    path = f"payment_intents/{intent['id']}/authenticate"
    provider.control(path, {"outcome": "succeed"})
    second = provider.post("/v1/payment_methods", clone, account=account)["id"]
    held = provider.hold(account, card=second, off_session=True)
    assert held["status"] == "requires_capture"


def test_automatic_capture_takes_the_money_at_once(provider, account):
    intent = provider.hold(
        account, 1000, capture_method="automatic", application_fee_amount=70
    )
    assert intent["status"] == "succeeded"
    assert provider.books.account_report(account, 0)["eur"]["captured_minor"] == 1000
    assert provider.event_types()[-1] == "application_fee.created"


def test_create_then_confirm_later(provider, account):
    made = provider.post(
        "/v1/payment_intents",
        {"amount": 1000, "currency": "EUR", "capture_method": "manual"},
        account=account,
    )
    assert made["status"] == "requires_payment_method"
    path = f"/v1/payment_intents/{made['id']}"
    answer = provider.refused("POST", f"{path}/confirm", account=account)
    assert answer.error["code"] == "payment_intent_unexpected_state"
    changed = provider.post(
        path,
        {"amount": 1500, "payment_method": "pm_card_visa", "metadata": {"a": "1"}},
        account=account,
    )
    assert changed["status"] == "requires_confirmation"
    held = provider.post(f"{path}/confirm", account=account)
    assert held["amount_capturable"] == 1500
    late = provider.refused("POST", path, {"amount": 2000}, account=account)
    assert late.error["code"] == "payment_intent_unexpected_state"
    renamed = provider.post(path, {"metadata": {"b": "2"}}, account=account)
    assert renamed["metadata"] == {"a": "1", "b": "2"}


def test_incremental_authorization_only_where_asked_for(provider, account):
    plain = provider.hold(account, 1000)
    answer = provider.refused(
        "POST",
        f"/v1/payment_intents/{plain['id']}/increment_authorization",
        {"amount": 1500},
        account=account,
    )
    assert answer.error["code"] == "payment_intent_increment_not_supported"
    options = {"card": {"request_incremental_authorization": "if_available"}}
    asked = provider.hold(account, 1000, payment_method_options=options)
    path = f"/v1/payment_intents/{asked['id']}/increment_authorization"
    raised = provider.post(path, {"amount": 1500}, account=account)
    assert raised["amount_capturable"] == 1500
    lower = provider.refused("POST", path, {"amount": 1500}, account=account)
    assert lower.error["param"] == "amount"
    provider.capture(account, asked["id"], 1500)


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"amount": 49, "currency": "eur"}, "amount_too_small"),
        ({"amount": 100_000_000, "currency": "eur"}, "amount_too_large"),
        ({"amount": 100}, "parameter_missing"),
        ({"currency": "eur"}, "parameter_missing"),
        ({"amount": "ten", "currency": "eur"}, "parameter_invalid_integer"),
        ({"amount": 100, "currency": "euro"}, None),
        ({"amount": 100, "currency": "eur", "off_session": True}, None),
        ({"amount": 100, "currency": "eur", "capture_method": "later"}, None),
        ({"amount": 100, "currency": "eur", "customer": "cus_x"}, "resource_missing"),
        (
            {"amount": 100, "currency": "eur", "payment_method": "pm_x"},
            "resource_missing",
        ),
        (
            {"amount": 100, "currency": "eur", "transfer_data": {"destination": "x"}},
            "parameter_unknown",
        ),
        (
            {"amount": 100, "currency": "eur", "on_behalf_of": "acct_x"},
            "parameter_unknown",
        ),
        (
            {"amount": 100, "currency": "eur", "payment_method_types": ["sepa_debit"]},
            None,
        ),
        (
            {
                "amount": 100,
                "currency": "eur",
                "payment_method_types": ["card"],
                "allowed_payment_method_types": ["card"],
            },
            None,
        ),
    ],
)
def test_wrong_intents_are_refused_and_leave_nothing(provider, account, values, code):
    answer = provider.refused("POST", "/v1/payment_intents", values, account=account)
    assert answer.status == 400
    assert answer.error["type"] == "invalid_request_error"
    assert answer.error.get("code") == code
    assert provider.get("/v1/payment_intents", account=account)["data"] == []
