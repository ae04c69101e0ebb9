import hashlib
import hmac
import json
from datetime import timedelta

import pytest
from django.utils import timezone

from settlement.models import Dispute, PaymentAttempt, WebhookEvent
from settlement.providers.registry import get_provider
from settlement.services import asking, holds, payments, webhooks
from tests.integration.settlement.shop import settle, told, topics
from tests.outbox import drain

pytestmark = pytest.mark.integration
ADDRESS = "/webhooks/payments/stripe/"


def signed(psp, body, *, at=None, secret=None):
    seconds = int((at or timezone.now()).timestamp())
    payload = json.dumps(body).encode()
    digest = hmac.new(
        (secret or psp.webhook_secret).encode(),
        b"%d." % seconds + payload,
        hashlib.sha256,
    ).hexdigest()
    return payload, {"Stripe-Signature": f"t={seconds},v1={digest}"}


def event(account, thing, *, kind="payment_intent.succeeded", ref="evt_1"):
    return {
        "id": ref,
        "object": "event",
        "type": kind,
        "account": account,
        "created": int(timezone.now().timestamp()),
        "data": {"object": thing},
    }


def send(client, psp, body, **options):
    payload, headers = signed(psp, body, **options)
    return client.post(
        ADDRESS, payload, content_type="application/json", headers=headers
    )


def intent(payment):
    return {"id": payment.provider_ref, "object": "payment_intent"}


@pytest.fixture
def action(shop):
    """A payment whose payer is asked by the bank."""
    shop.card("authenticate")
    return shop.hold(off_session=False)


def answer(psp, payment, outcome):
    psp.control(
        f"payment_intents/{payment.provider_ref}/authenticate", {"outcome": outcome}
    )


def test_the_bank_asks_and_the_payer_answers(shop, psp, action, client):
    assert action.state == "REQUIRES_ACTION"
    topic, payload = told(action.order_number)[-1]
    assert topic == "PaymentActionRequired"
    assert payload["url"].startswith(psp.base_url)
    answer(psp, action, "succeed")

    assert send(client, psp, event(shop.account.reference, intent(action))).json() == {
        "new": True
    }
    assert shop.payment(action).state == "REQUIRES_ACTION"
    drain()

    assert shop.payment(action).state == "AUTHORIZED"
    assert WebhookEvent.objects.get().state == "done"


def test_a_failed_answer_is_a_decline(shop, psp, action):
    answer(psp, action, "fail")

    assert holds.to_look_at(at=timezone.now() + timedelta(minutes=1)) == [action.pk]
    assert holds.refresh(payment_id=action.pk, at=timezone.now())

    assert shop.payment(action).state == "DECLINED"
    assert topics(action.order_number)[-1] == "PaymentDeclined"


def test_no_answer_changes_nothing(shop, action):
    assert not holds.refresh(payment_id=action.pk, at=timezone.now())

    assert shop.payment(action).state == "REQUIRES_ACTION"


def test_an_unanswered_question_can_be_released(shop, action):
    payments.request_release(payment_id=action.pk, reason="gone", at=timezone.now())
    drain()

    assert shop.payment(action).state == "RELEASED"
    assert shop.intent(action).state == "cancelled"


def test_the_same_event_is_kept_once(shop, psp, client):
    payment = shop.hold()
    body = event(shop.account.reference, intent(payment))

    assert send(client, psp, body).json() == {"new": True}
    assert send(client, psp, body).json() == {"new": False}
    assert WebhookEvent.objects.count() == 1


def test_an_echo_of_another_event_is_kept_and_costs_no_question(shop, psp, client):
    payment = shop.hold()
    drain()
    echo = event(
        shop.account.reference,
        {"id": "ch_1", "object": "charge", "payment_intent": payment.provider_ref},
        kind="charge.succeeded",
        ref="evt_echo",
    )
    asked = len(psp.calls())

    assert send(client, psp, echo).json() == {"new": True}
    drain()

    assert len(psp.calls()) == asked
    row = WebhookEvent.objects.get(event_ref="evt_echo")
    assert (row.state, row.processed_at) == ("ignored", None)
    assert "another event" in row.note


def test_accounts_have_event_ids_of_their_own(shop, psp, client):
    payment = shop.hold()
    for account in (shop.account.reference, "acct_other"):
        send(client, psp, event(account, intent(payment)))

    assert WebhookEvent.objects.count() == 2


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"secret": "whsec_wrong"}, "webhook_signature_invalid"),
        ({"at": timezone.now() - timedelta(hours=1)}, "webhook_too_old"),
    ],
)
def test_what_the_provider_did_not_sign_now_is_refused(
    shop, psp, client, options, code
):
    answer = send(client, psp, event(shop.account.reference, {"id": "x"}), **options)

    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert not WebhookEvent.objects.exists()


def test_a_body_without_signature_is_refused(psp, client, db):
    answer = client.post(ADDRESS, b"{}", content_type="application/json")

    assert answer.status_code == 400


def test_an_unknown_provider_has_no_inbox(psp, client, db):
    answer = client.post("/webhooks/payments/bank/", b"{}", "application/json")

    assert answer.status_code == 404


def test_only_posts_are_taken(psp, client, db):
    assert client.get(ADDRESS).status_code == 405


def test_the_inbox_works_under_the_webs_role(shop, psp, client, as_role):
    payment = shop.hold()
    with as_role("app"):
        answer = send(client, psp, event(shop.account.reference, intent(payment)))

    assert answer.json() == {"new": True}


def test_amounts_in_a_body_are_never_believed(shop, psp, client):
    payment = shop.hold()
    lie = {**intent(payment), "status": "succeeded", "amount_received": 999_999}

    send(client, psp, event(shop.account.reference, lie))
    drain()

    payment = shop.payment(payment)
    assert (payment.state, payment.captured_minor) == ("AUTHORIZED", 0)


@pytest.mark.parametrize(
    "body",
    [
        ("acct", {"id": "re_1", "object": "refund"}),
        ("acct", {"id": "acct_unknown", "object": "account"}),
        (None, {"id": "pi_1", "object": "payment_intent"}),
    ],
)
def test_what_is_not_ours_is_ignored_with_a_reason(shop, psp, client, body):
    send(client, psp, event(*body))
    drain()

    row = WebhookEvent.objects.get()
    assert (row.state, bool(row.note)) == ("ignored", True)


def test_a_payment_of_somebody_else_on_the_account_is_ignored(shop, psp, client):
    payment = shop.hold()
    shop.payment(payment).__class__.objects.update(
        provider_ref="pi_other", order_number="D" * 20
    )
    send(client, psp, event(shop.account.reference, intent(payment)))
    drain()

    assert WebhookEvent.objects.get().note == "not a payment of ours"


def test_a_change_of_the_account_is_mirrored(shop, psp, client):
    reference = shop.account.reference
    psp.control(f"accounts/{reference}", {"charges_enabled": False})

    send(client, psp, event(reference, {"id": reference, "object": "account"}))
    drain()

    shop.account.refresh_from_db()
    assert not shop.account.charges_enabled


def test_an_event_that_overtakes_the_answer_is_taken(shop, psp, client, monkeypatch):
    """The capture's event arrives while its answer is still on the way."""
    payment = shop.hold()
    real = asking.ask

    def slow(question):
        found = real(question)
        monkeypatch.setattr(asking, "ask", real)
        send(client, psp, event(shop.account.reference, intent(payment)))
        drain()
        return found

    monkeypatch.setattr(asking, "ask", slow)
    shop.capture(payment, 1001)

    assert shop.payment(payment).state == "CAPTURED"
    assert shop.books()["captured_minor"] == 1001
    assert topics(payment.order_number).count("PaymentCaptured") == 1
    attempt = PaymentAttempt.objects.get(kind="capture")
    assert (attempt.state, attempt.error_code) == ("succeeded", "answered_otherwise")


def test_an_event_of_a_hold_that_overtakes_its_answer_is_taken(shop, psp, monkeypatch):
    view = shop.open()
    payments.request_capture(payment_id=view.id, amount_minor=500, at=timezone.now())
    real = asking.ask

    def slow(question):
        monkeypatch.setattr(asking, "ask", real)
        found = real(question)
        webhooks.poll(payee_account_id=shop.account.pk, at=timezone.now())
        drain()
        return found

    monkeypatch.setattr(asking, "ask", slow)
    settle()

    payment = shop.payment(view)
    assert (payment.state, payment.captured_minor) == ("CAPTURED", 500)


def test_a_capture_made_in_the_providers_own_pages_counts(shop):
    payment = shop.hold()
    get_provider("stripe").capture(
        account=payment.account_reference,
        payment_ref=payment.provider_ref,
        amount_minor=300,
        application_fee_minor=0,
        idempotency_key="by-hand",
    )

    holds.refresh(payment_id=payment.pk, at=timezone.now())

    payment = shop.payment(payment)
    assert (payment.state, payment.captured_minor) == ("CAPTURED", 300)
    lines = payment.split_lines.values_list("party", "amount_minor")
    assert sum(amount for _, amount in lines) == 300
    assert "platform" not in dict(lines)


def test_a_hold_released_in_the_providers_own_pages_counts(shop):
    payment = shop.hold()
    get_provider("stripe").cancel(
        account=payment.account_reference,
        payment_ref=payment.provider_ref,
        idempotency_key="by-hand",
    )

    holds.refresh(payment_id=payment.pk, at=timezone.now())

    assert shop.payment(payment).state == "RELEASED"


def test_the_poller_fills_what_no_webhook_brought(shop, psp, action):
    answer(psp, action, "succeed")

    assert webhooks.poll(payee_account_id=shop.account.pk, at=timezone.now()) > 0
    assert webhooks.poll(payee_account_id=shop.account.pk, at=timezone.now()) == 0
    drain()

    assert shop.payment(action).state == "AUTHORIZED"
    assert set(WebhookEvent.objects.values_list("via", flat=True)) == {"poll"}


def test_a_dispute_marks_the_payment(shop, psp):
    payment = shop.captured(1000)
    psp.control("disputes", {"payment_intent": payment.provider_ref})

    webhooks.poll(payee_account_id=shop.account.pk, at=timezone.now())
    drain()

    assert shop.payment(payment).state == "DISPUTED"
    assert Dispute.objects.get().state == "open"
    assert topics(payment.order_number)[-1] == "PaymentDisputed"


def test_the_page_after_the_bank_says_nothing_about_money(client, db):
    answer = client.get("/payments/returned/?payment_intent=pi_1")

    assert answer.status_code == 200
    assert b"pi_1" not in answer.content


def test_an_event_is_processed_once(shop, psp, client, monkeypatch):
    payment = shop.hold()
    send(client, psp, event(shop.account.reference, intent(payment)))
    drain()
    psp.control("calls", method="DELETE")

    row = WebhookEvent.objects.get()
    webhooks.process(webhook_event_id=row.pk, at=timezone.now())

    assert psp.calls() == []
