"""Webhooks: told once, signed, tried again, never to another operator."""

import base64
import hashlib
import hmac
from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from cpms.notifications.models import WebhookEndpoint, WebhookMessage
from cpms.notifications.services import endpoints, fan_out, sending, signing
from cpms.notifications.services.endpoints import UnableToKeepEndpoint, Wanted
from cpms.notifications.services.fan_out import interest
from cpms.outbox.models import Delivery
from cpms.outbox.publishing import publish
from cpms.outbox.subscriptions import RetryLater
from tests.factories import accounts
from tests.outbox import drain

URL = "/api/v1/operator/webhooks"
PAYLOAD = {"payment_id": 1, "order_number": "AB", "amount_minor": 5, "currency": "EUR"}


def endpoint(operator, url, **wanted):
    kept = endpoints.create(
        operator_id=operator.pk,
        wanted=Wanted(url=url, **wanted),
        by="test",
        at=timezone.now(),
    )
    interest.forget()
    return kept


def tell(operator, topic="PaymentCaptured", payload=None):
    with transaction.atomic():
        return publish(
            topic, operator_id=operator.pk, key="k", payload=payload or PAYLOAD
        )


def verified(headers, secret):
    key = base64.b64decode(secret.removeprefix("whsec_"))
    content = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode()
    digest = hmac.new(key, content + headers["raw"], hashlib.sha256).digest()
    wanted = f"v1,{base64.b64encode(digest).decode()}"
    return wanted in headers["webhook-signature"].split(" ")


def test_an_event_reaches_the_operators_system_signed(operator, receiver):
    kept = endpoint(operator, receiver.url)
    event_id = tell(operator)

    drain()

    (headers, body) = receiver.told[0]
    assert len(receiver.told) == 1
    assert body["type"] == "payment.captured"
    assert body["operator"] == "north"
    assert body["data"] == PAYLOAD
    assert headers["webhook-id"] == body["id"] == f"evt_{event_id}"
    assert verified(headers, kept.secret)
    row = WebhookMessage.objects.get()
    assert (row.state, row.last_status, row.attempts) == ("delivered", 200, 1)


def test_the_signature_is_that_of_the_specifications_example():
    # The example of the Standard Webhooks specification.
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    body = b'{"test": 2432232314}'
    signed = signing.sign(
        secret,
        message_id="msg_p5jXN8AQM9LWM0D4loKWxJek",
        timestamp=1614265330,
        body=body,
    )
    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_another_operators_endpoint_hears_nothing(operator, receiver):
    other = accounts.operator("south")
    endpoint(other, receiver.url)
    endpoint(operator, receiver.url, types=["payment.refunded"])
    tell(operator)

    drain()

    assert receiver.told == []
    assert WebhookMessage.objects.count() == 0


def test_without_endpoints_no_delivery_is_written(operator):
    tell(operator)

    assert not Delivery.objects.filter(subscriber="notifications.webhooks").exists()


def test_a_delivery_that_runs_twice_writes_one_message(operator, receiver):
    endpoint(operator, receiver.url)
    tell(operator)
    drain()

    Delivery.objects.update(state="pending")
    drain()

    assert len(receiver.told) == 1


def test_a_failure_is_tried_again_with_pauses_and_dies_at_the_end(operator, receiver):
    endpoint(operator, receiver.url)
    receiver.status = 500
    tell(operator)
    drain(impatient=False)
    message = WebhookMessage.objects.get()
    now = timezone.now()

    pauses = []
    for number in range(1, len(sending.PAUSES_S)):
        at = now + number * timedelta(hours=1)
        with pytest.raises(RetryLater) as later:
            sending.send(message_id=message.pk, at=at)
        pauses.append(later.value.seconds)
    sending.send(message_id=message.pk, at=now + timedelta(days=1))

    message.refresh_from_db()
    assert pauses == list(sending.PAUSES_S[1:])
    assert (message.state, message.last_status) == ("dead", 500)
    assert len(receiver.told) == len(sending.PAUSES_S) + 1

    receiver.status = 204
    with transaction.atomic():
        assert sending.replay([message.pk]) == 1
    WebhookEndpoint.objects.update(rest_until=None)
    drain()
    message.refresh_from_db()
    assert message.state == "delivered"


def test_an_endpoint_that_failed_is_left_alone_for_a_while(operator, receiver):
    endpoint(operator, receiver.url)
    receiver.status = 503
    tell(operator)
    tell(operator)

    drain(impatient=False)

    assert len(receiver.told) == 1
    assert WebhookMessage.objects.filter(state="pending").count() == 2


def test_gone_switches_off_and_what_waits_is_given_up(operator, receiver):
    kept = endpoint(operator, receiver.url)
    receiver.status = 410
    tell(operator)
    drain()

    kept.row.refresh_from_db()
    assert not kept.row.is_active
    assert "410" in kept.row.disabled_reason
    tell(operator)
    interest.forget()
    drain()
    assert len(receiver.told) == 1


def test_days_of_failures_switch_off(operator, receiver):
    kept = endpoint(operator, receiver.url)
    receiver.status = 500
    now = timezone.now()
    long_ago = now - sending.DISABLE_AFTER - timedelta(hours=1)
    WebhookEndpoint.objects.update(failing_since=long_ago)
    tell(operator)
    drain(impatient=False)

    kept.row.refresh_from_db()
    assert not kept.row.is_active
    assert kept.row.disabled_reason.startswith("it failed since")


def test_a_redirect_is_not_followed(operator, receiver):
    endpoint(operator, receiver.url)
    receiver.status, receiver.location = 302, receiver.url
    tell(operator)
    drain(impatient=False)

    assert len(receiver.told) == 1
    assert WebhookMessage.objects.get().last_status == 302


def test_both_secrets_sign_while_one_is_replaced(operator, receiver):
    old = endpoint(operator, receiver.url)
    new = endpoints.rotate_secret(old.row, by="test", at=timezone.now())
    tell(operator)
    drain()

    headers = receiver.told[0][0]
    assert verified(headers, old.secret)
    assert verified(headers, new.secret)
    later = timezone.now() + endpoints.OVERLAP
    assert endpoints.live_secrets(new.row, at=later) == [new.secret]


@pytest.mark.parametrize(
    ("wanted", "code"),
    [
        (Wanted(url="ftp://example.org/"), "address_invalid"),
        (Wanted(url="https://user:pw@example.org/"), "address_invalid"),
        (Wanted(url="https://example.org:99999/"), "address_invalid"),
        (Wanted(url="https://exa mple.org/"), "address_invalid"),
        (Wanted(url="https://e.org/" + "x" * 500), "address_invalid"),
        (Wanted(url=""), "address_invalid"),
        (Wanted(url="https://e.org/", types=["nothing"]), "unknown_event_type"),
    ],
)
def test_what_cannot_be_an_endpoint_is_refused(operator, wanted, code):
    with pytest.raises(UnableToKeepEndpoint) as refusal:
        endpoints.create(
            operator_id=operator.pk, wanted=wanted, by="test", at=timezone.now()
        )
    assert refusal.value.code == code


def test_an_operator_has_so_many_endpoints_and_no_more(operator):
    for _ in range(endpoints.ENDPOINTS_MAX):
        endpoint(operator, "https://example.org/")
    with pytest.raises(UnableToKeepEndpoint) as refusal:
        endpoint(operator, "https://example.org/")
    assert refusal.value.code == "too_many_webhooks"


def test_the_whole_life_by_rest(operator, receiver, client):
    headers = accounts.api_key(operator, "webhooks:write")
    json = "application/json"

    made = client.post(URL, {"url": receiver.url}, json, headers=headers)
    assert made.status_code == 201
    one = f"{URL}/{made.json()['id']}"
    assert "secret" not in client.get(one, headers=headers).json()

    key = {**headers, "Idempotency-Key": "try"}
    first = client.post(f"{one}/test", {}, json, headers=key)
    again = client.post(f"{one}/test", {}, json, headers=key)
    assert first.status_code == 202
    assert first.json()["id"] == again.json()["id"]
    drain()
    assert [body["type"] for body in receiver.events()] == ["webhook.test"]
    assert verified(receiver.told[0][0], made.json()["secret"])

    rows = client.get(f"{one}/messages?state=delivered", headers=headers).json()
    replay = f"{one}/messages/{rows['results'][0]['id']}/replay"
    assert client.post(replay, {}, json, headers=headers).status_code == 202
    drain()
    assert len(receiver.told) == 2

    changed = client.patch(one, {"is_active": False}, json, headers=headers)
    assert changed.json()["disabled_reason"] == "switched off"
    assert client.post(f"{one}/rotate-secret", {}, json, headers=headers).json()[
        "secret"
    ]
    assert len(client.get(URL, headers=headers).json()["results"]) == 1
    assert client.delete(one, headers=headers).status_code == 204
    assert client.get(one, headers=headers).json()["code"] == "unknown_webhook"


def test_a_foreign_operator_and_a_poor_key_reach_nothing(operator, receiver, client):
    kept = endpoint(operator, receiver.url)
    one = f"{URL}/{kept.row.pk}"
    foreign = accounts.api_key(accounts.operator("south"), "webhooks:write")
    poor = accounts.api_key(operator, "orders:read")

    for path in (one, f"{one}/messages"):
        assert client.get(path, headers=foreign).status_code == 404
        assert client.get(path, headers=poor).status_code == 403
    assert client.post(f"{one}/rotate-secret", headers=foreign).status_code == 404
    assert client.delete(one, headers=foreign).status_code == 404
    assert client.get(one).status_code == 401
    unknown = client.post(f"{one}/messages/77/replay", headers=poor)
    assert unknown.status_code == 403


def test_bad_questions_say_what_is_wrong(operator, client):
    headers = accounts.api_key(operator, "webhooks:write")
    for body, code in (
        ({}, "validation_failed"),
        ({"url": "gopher://x"}, "address_invalid"),
        ({"url": "https://e.org", "types": ["x"]}, "unknown_event_type"),
        ({"url": "https://e.org", "operator": "south"}, "operator_ambiguous"),
    ):
        answer = client.post(URL, body, "application/json", headers=headers)
        assert answer.status_code == 400, body
        assert answer.json()["code"] == code


def test_a_message_for_nobody_is_no_error(operator):
    sending.send(message_id=77, at=timezone.now())
    with transaction.atomic():
        assert fan_out.send_again([]) == 0
