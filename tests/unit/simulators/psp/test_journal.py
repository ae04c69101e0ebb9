import pytest

from simulators.psp.journal import Journal, UnableToReadJournal
from tests.unit.simulators.psp.harness import Provider

HOLD = {
    "amount": 1000,
    "currency": "eur",
    "capture_method": "manual",
    "confirm": True,
    "payment_method": "pm_card_visa",
}


def test_a_restart_keeps_books_objects_and_answers(tmp_path):
    path = tmp_path / "deep" / "psp.jsonl"
    first = Provider(path)
    account = first.account()
    intent = first.paid(account, 1000, fee=100)
    how = {"account": account, "key": "k1"}
    held = first.request("POST", "/v1/payment_intents", HOLD, **how).json
    first.control("clock", {"advance_s": 100})
    before = first.control("books", method="GET")
    first.world.store.close()

    second = Provider(path)
    assert second.control("books", method="GET") == before
    assert second.world.clock.offset_s == 100
    again = second.request("POST", "/v1/payment_intents", HOLD, **how)
    assert again.json == held
    assert again.headers["idempotent-replayed"] == "true"
    refund = {"payment_intent": intent["id"], "refund_application_fee": True}
    second.post("/v1/refunds", refund, account=account)
    # What becomes due by time is known again, too.
    second.control("clock", {"advance_s": 8 * 86_400})
    seen = second.get(f"/v1/payment_intents/{held['id']}", account=account)
    assert seen["status"] == "canceled"


def test_payouts_sessions_and_removals_survive(tmp_path):
    path = tmp_path / "psp.jsonl"
    first = Provider(path)
    account = first.account()
    customer = first.post("/v1/customers", {})["id"]
    first.request("DELETE", f"/v1/customers/{customer}")
    first.paid(account)
    first.control("clock", {"advance_s": 2 * 86_400})
    payout = first.control("payouts", {"account": account})["payouts"][0]
    session = first.post(
        "/v1/checkout/sessions",
        {
            "mode": "payment",
            "line_items": [
                {
                    "price_data": {
                        "currency": "eur",
                        "unit_amount": 100,
                        "product_data": {"name": "x"},
                    }
                }
            ],
        },
        account=account,
    )
    first.world.store.close()
    second = Provider(path)
    second.control("clock", {"advance_s": 86_401})
    assert second.refused("GET", f"/v1/customers/{customer}").status == 404
    for kind, thing, status in (
        ("payouts", payout, "paid"),
        ("checkout/sessions", session, "expired"),
    ):
        seen = second.get(f"/v1/{kind}/{thing['id']}", account=account)
        assert seen["status"] == status


def test_a_line_cut_short_is_dropped_and_writing_goes_on(tmp_path):
    path = tmp_path / "psp.jsonl"
    first = Provider(path)
    account = first.account()
    first.paid(account)
    before = first.control("books", method="GET")
    first.world.store.close()
    with path.open("ab") as file:
        file.write(b'{"objects":[["acct_platform","custom')
    second = Provider(path)
    assert second.control("books", method="GET") == before
    second.paid(account)
    second.world.store.close()
    third = Provider(path)
    assert third.control("books", method="GET")["entries"] == 2


def test_a_file_that_is_no_journal_is_refused(tmp_path):
    path = tmp_path / "psp.jsonl"
    path.write_text("not json\n")
    with pytest.raises(UnableToReadJournal, match="line 1"):
        list(Journal(path).replay())


def test_the_journal_is_for_its_owner_only_and_must_be_open(tmp_path):
    journal = Journal(tmp_path / "psp.jsonl")
    with pytest.raises(RuntimeError):
        journal.append(b"{}")
    journal.open()
    journal.append(b"{}")
    journal.close()
    journal.close()
    assert journal.path.stat().st_mode & 0o077 == 0


def test_keys_are_kept_as_digests(tmp_path):
    path = tmp_path / "psp.jsonl"
    provider = Provider(path)
    account = provider.account()
    key = provider.control("keys", {"account": account})["api_key"]
    provider.world.store.close()
    assert key not in path.read_text()
    own = {"authorization": f"Bearer {key}"}
    assert Provider(path).get("/v1/balance", headers=own)["object"] == "balance"
