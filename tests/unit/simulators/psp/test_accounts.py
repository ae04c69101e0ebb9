import base64

import pytest

from simulators.psp.web import Request
from tests.unit.simulators.psp.harness import KEY


def test_a_new_account_cannot_take_payments(provider):
    made = provider.post(
        "/v1/accounts",
        {
            "country": "GB",
            "email": "owner@example.org",
            "capabilities": {"card_payments": {"requested": True}},
            "controller": {"fees": {"payer": "account"}},
        },
    )
    assert not made["charges_enabled"]
    assert not made["payouts_enabled"]
    assert made["default_currency"] == "gbp"
    assert made["requirements"]["disabled_reason"] == "requirements.past_due"
    assert made["requirements"]["currently_due"]
    assert made["capabilities"] == {"card_payments": "inactive"}
    answer = provider.refused(
        "POST",
        "/v1/payment_intents",
        {
            "amount": 100,
            "currency": "gbp",
            "confirm": True,
            "payment_method": "pm_card_visa",
        },
        account=made["id"],
    )
    assert answer.error["code"] == "account_cannot_make_charges"


def test_onboarding_by_the_hosted_page(provider):
    account = provider.account(enabled=False)
    link = provider.post(
        "/v1/account_links",
        {
            "account": account,
            "type": "account_onboarding",
            "refresh_url": "https://cpms.example.org/again",
            "return_url": "https://cpms.example.org/done",
        },
    )
    page = provider.page("GET", link["url"])
    assert page.status == 200
    assert b"Complete onboarding" in page.body
    assert not provider.get(f"/v1/accounts/{account}")["charges_enabled"]
    done = provider.page("POST", link["url"])
    assert done.headers["location"] == "https://cpms.example.org/done"
    assert provider.get(f"/v1/accounts/{account}")["charges_enabled"]
    assert provider.event_types(account) == ["account.updated"]
    assert provider.page("GET", link["url"]).status == 404


def test_an_old_onboarding_link_leads_to_a_new_one(provider):
    account = provider.account(enabled=False)
    link = provider.post(
        "/v1/account_links",
        {
            "account": account,
            "type": "account_onboarding",
            "refresh_url": "https://cpms.example.org/again",
            "return_url": "https://cpms.example.org/done",
        },
    )
    provider.control("clock", {"advance_s": 301})
    late = provider.page("POST", link["url"])
    assert late.headers["location"] == "https://cpms.example.org/again"
    assert not provider.get(f"/v1/accounts/{account}")["charges_enabled"]


def test_the_provider_can_degrade_an_account(provider, account):
    changed = provider.control(
        f"accounts/{account}",
        {
            "charges_enabled": False,
            "payouts_enabled": False,
            "disabled_reason": "under_review",
            "requirements_due": ["individual.id_number"],
        },
    )
    assert changed["requirements"]["disabled_reason"] == "under_review"
    seen = provider.get(f"/v1/accounts/{account}")
    assert not seen["charges_enabled"]
    assert seen["requirements"]["currently_due"] == ["individual.id_number"]
    answer = provider.refused(
        "POST", "/v1/payouts", {"amount": 1, "currency": "eur"}, account=account
    )
    assert answer.error["code"] == "payouts_not_allowed"
    for wrong in ({"disabled_reason": "mood"}, {"colour": "red"}):
        assert provider.control_answer(f"accounts/{account}", wrong).status == 400


def test_a_degraded_account_still_captures_its_holds(provider, account):
    intent = provider.hold(account)
    provider.control(f"accounts/{account}", {"charges_enabled": False})
    assert provider.capture(account, intent["id"], 500)["status"] == "succeeded"


def test_accounts_are_listed_changed_and_deleted(provider, account):
    path = f"/v1/accounts/{account}"
    changed = provider.post(
        path,
        {"email": "new@example.org", "default_currency": "CHF", "metadata": {"a": "1"}},
    )
    assert (changed["email"], changed["default_currency"]) == ("new@example.org", "chf")
    assert [one["id"] for one in provider.get("/v1/accounts")["data"]] == [account]
    provider.paid(account)
    answer = provider.refused("DELETE", path)
    assert answer.error["code"] == "balance_not_zero"
    other = provider.account()
    assert provider.request("DELETE", f"/v1/accounts/{other}").json["deleted"]
    assert provider.refused("GET", f"/v1/accounts/{other}").status == 403


def test_an_account_sees_itself_and_nobody_else(provider, account):
    other = provider.account()
    assert provider.get(f"/v1/accounts/{account}", account=account)["id"] == account
    answer = provider.refused("GET", f"/v1/accounts/{other}", account=account)
    assert answer.status == 404
    for method, path in (("GET", "/v1/accounts"), ("POST", "/v1/accounts")):
        answer = provider.refused(method, path, account=account)
        assert answer.error["code"] == "platform_account_required"


def test_wrong_countries_are_refused(provider):
    assert (
        provider.refused("POST", "/v1/accounts", {"country": "Germany"}).status == 400
    )


@pytest.mark.parametrize(
    "header",
    [
        None,
        "Bearer ",
        "Bearer sk_test_wrong",
        "Token x",
        "Basic %%%",
        "Basic " + base64.b64encode(b"\xff").decode(),
    ],
)
def test_no_key_no_answer(provider, header):
    headers = {} if header is None else {"authorization": header}
    for path in ("/v1/balance", "/_sim/books"):
        response = provider.send(Request("GET", path, "", headers, b""))
        assert response.status == 401
        assert b"wrong" not in response.body


def test_basic_authentication_with_the_key_as_user(provider):
    value = base64.b64encode(f"{KEY}:".encode()).decode()
    headers = {"authorization": f"Basic {value}"}
    assert provider.send(Request("GET", "/v1/balance", "", headers, b"")).status == 200


def test_an_unknown_account_is_out_of_reach(provider):
    answer = provider.refused("GET", "/v1/balance", account="acct_unknown")
    assert answer.status == 403
    assert answer.error["code"] == "account_invalid"


def test_an_accounts_own_key_acts_for_itself_only(provider, account):
    other = provider.account()
    issued = provider.control("keys", {"account": account})
    own = {"authorization": f"Bearer {issued['api_key']}"}
    provider.paid(account)
    balance = provider.get("/v1/balance", headers=own)
    assert balance["pending"][0]["amount"] == 860
    answer = provider.refused("GET", "/v1/balance", headers=own, account=other)
    assert answer.status == 403
    books = provider.send(Request("GET", "/_sim/books", "", own, b""))
    assert books.status == 403


def test_only_the_pinned_version_is_spoken(provider):
    answer = provider.refused(
        "GET", "/v1/balance", headers={"stripe-version": "2020-08-27"}
    )
    assert "2026-08-26.dahlia" in answer.error["message"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/transfers"),
        ("GET", "/v1/transfers"),
        ("GET", "/v1/nothing"),
        ("DELETE", "/v1/payment_intents"),
        ("GET", "/v1/charges"),
    ],
)
def test_other_paths_do_not_exist(provider, method, path):
    answer = provider.refused(method, path)
    assert answer.status == 404
    assert "Unrecognized request URL" in answer.error["message"]


def test_every_answer_carries_request_id_and_version(provider):
    answer = provider.request("GET", "/v1/balance")
    assert answer.headers["request-id"].startswith("req_")
    assert answer.headers["stripe-version"] == "2026-08-26.dahlia"
