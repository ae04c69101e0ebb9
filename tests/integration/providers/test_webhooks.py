"""Signed webhooks, as the provider process really sends them."""

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from queue import Queue

import pytest

from settlement.providers.base import UnableToVerifyWebhook
from settlement.providers.stripe_connect import webhook
from simulators.psp.webhooks import sign
from tests.integration.providers.conftest import (
    adapter_for,
    hold_request,
    new_driver,
    onboarded,
)
from tests.psp_process import running_psp

NOW = 1_800_000_000
BODY = (
    b'{"id":"evt_1","object":"event","type":"charge.captured","created":1800000000,'
    b'"account":"acct_1","data":{"object":{"id":"ch_1","object":"charge",'
    b'"payment_intent":"pi_1"}}}'
)


@pytest.fixture
def inbox():
    got: Queue = Queue()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"]))
            got.put((body, self.headers["stripe-signature"]))
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/webhooks", got
    server.shutdown()
    server.server_close()
    thread.join()


def test_delivered_webhooks_verify_and_name_account_and_payment(inbox):
    url, got = inbox
    with running_psp(webhook_url=url, webhook_secret="whsec_of_this_test") as psp:
        assert psp.webhook_secret == "whsec_of_this_test"
        stripe = adapter_for(psp)
        account = onboarded(psp, stripe)
        payment = stripe.authorize(hold_request(account, new_driver(stripe)))
        found = {}
        while "payment_intent.amount_capturable_updated" not in found:
            body, signature = got.get(timeout=20)
            told_at = int(signature.partition(",")[0].removeprefix("t="))
            event = stripe.verify_webhook(
                payload=body, signature=signature, now=told_at
            )
            found[event.type] = event
        last = found["payment_intent.amount_capturable_updated"]
        assert (last.account, last.payment_ref) == (account, payment.ref)
        assert last.object_type == "payment_intent"
        events = stripe.list_events(account=account, after=None, limit=100)
        assert last in events
        with pytest.raises(UnableToVerifyWebhook):
            stripe.verify_webhook(payload=body + b" ", signature=signature, now=told_at)


def test_a_right_signature_is_accepted_within_the_tolerance():
    for told_at in (NOW, NOW - webhook.TOLERANCE_S, NOW + webhook.TOLERANCE_S):
        event = webhook.verify(BODY, sign(BODY, "whsec_a", told_at), ["whsec_a"], NOW)
        assert event.ref == "evt_1"
        assert event.payment_ref == "pi_1"


def test_either_secret_is_right_while_it_is_rolled():
    secrets = ("whsec_new", "whsec_old")
    for secret in secrets:
        signature = sign(BODY, secret, NOW)
        assert webhook.verify(BODY, signature, secrets, NOW).object_ref == "ch_1"
    both = f"{sign(BODY, 'whsec_other', NOW)},{sign(BODY, 'whsec_old', NOW)[-67:]}"
    assert both.count("v1=") == 2
    assert webhook.verify(BODY, both, secrets, NOW).ref == "evt_1"


@pytest.mark.parametrize(
    ("payload", "signature", "code"),
    [
        (BODY, sign(BODY, "whsec_b", NOW), "webhook_signature_invalid"),
        (BODY + b" ", sign(BODY, "whsec_a", NOW), "webhook_signature_invalid"),
        (BODY, sign(BODY, "whsec_a", NOW - 301), "webhook_too_old"),
        (BODY, sign(BODY, "whsec_a", NOW + 301), "webhook_too_old"),
        (BODY, "", "webhook_signature_malformed"),
        (BODY, "t=1", "webhook_signature_malformed"),
        (BODY, "v1=abc", "webhook_signature_malformed"),
        (BODY, "t=now,v1=abc", "webhook_signature_malformed"),
        (BODY, "t=1,t=2,v1=abc", "webhook_signature_malformed"),
        (BODY, f"t={NOW},v0=abc", "webhook_signature_malformed"),
        (BODY, f"t={NOW},v1=ü", "webhook_signature_invalid"),
        (b"{}", sign(b"{}", "whsec_a", NOW), "webhook_malformed"),
        (b"[]", sign(b"[]", "whsec_a", NOW), "webhook_malformed"),
        (b"no", sign(b"no", "whsec_a", NOW), "webhook_malformed"),
        (b"\xff", sign(b"\xff", "whsec_a", NOW), "webhook_malformed"),
    ],
)
def test_everything_else_is_refused(payload, signature, code):
    with pytest.raises(UnableToVerifyWebhook) as refused:
        webhook.verify(payload, signature, ["whsec_a"], NOW)
    assert refused.value.code == code
    assert "whsec_a" not in str(refused.value)


def test_no_secret_no_webhook():
    with pytest.raises(UnableToVerifyWebhook):
        webhook.verify(BODY, sign(BODY, "", NOW), [], NOW)


def test_a_webhook_has_a_size():
    body = b" " * (webhook.PAYLOAD_BYTES_MAX + 1)
    with pytest.raises(UnableToVerifyWebhook) as refused:
        webhook.verify(body, sign(body, "whsec_a", NOW), ["whsec_a"], NOW)
    assert refused.value.code == "webhook_too_large"
