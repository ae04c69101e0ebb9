"""Operators' own keys: given in the console, tried, changed while in use."""

import hashlib
import hmac
import io
import json
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.utils import timezone

from cpms.accounts.models import AuditEntry
from settlement import tasks
from settlement.models import OwnKeySubmission, PayeeAccount
from settlement.services import own_keys, payees
from tests.integration.settlement.test_admin import member
from tests.integration.settlement.test_own_key import SECRET, new_account, register
from tests.integration.settlement.world import make_operator
from tests.outbox import drain

pytestmark = pytest.mark.integration
ADD = "/admin/settlement/ownkeysubmission/add/"
LIST = "/admin/settlement/ownkeysubmission/"


@pytest.fixture
def owned(operator, psp):
    """An account that is reached with a key of its own."""
    return register(psp, operator)


def fresh_key(psp, reference):
    return psp.control("keys", {"account": reference})["api_key"]


def give(client, operator, reference, key, secret="whsec_new"):
    return client.post(
        ADD,
        {
            "operator": operator.pk,
            "provider": "stripe",
            "reference": reference,
            "api_key": key,
            "webhook_secret": secret,
        },
    )


def test_an_owner_gives_a_key_and_sees_no_more_than_its_ending(
    operator, psp, client, as_role
):
    reference, key = new_account(psp, operator)
    member(client, operator, "owner")
    with as_role("app"):
        assert client.get(ADD).status_code == 200
        assert give(client, operator, reference, key).status_code == 302
        waiting = client.get(LIST).content.decode()
    assert f"…{key[-4:]}" in waiting
    row = OwnKeySubmission.objects.get()
    assert key not in row.sealed_key
    assert (row.state, row.submitted_by) == ("pending", "owner@one.example")

    drain()
    row.refresh_from_db()
    assert (row.state, row.sealed_key, row.sealed_webhook_secret) == (
        "accepted",
        "",
        "",
    )
    account = PayeeAccount.objects.get(reference=reference)
    assert (account.mode, account.charges_enabled) == ("own_key", True)
    assert account.key_ending == key[-4:]
    for page in (LIST, f"{LIST}{row.pk}/change/", "/admin/settlement/payeeaccount/"):
        text = client.get(page).content.decode()
        assert key not in text
        assert "whsec" not in text
    told = AuditEntry.objects.filter(action__startswith="own_key")
    assert key not in str(list(told.values()))


@pytest.mark.parametrize("role", ["finance", "technician", "viewer"])
def test_nobody_but_owners_sees_or_gives_keys(operator, psp, client, as_role, role):
    reference, key = new_account(psp, operator)
    member(client, operator, role)
    with as_role("app"):
        assert client.get(ADD).status_code == 403
        assert give(client, operator, reference, key).status_code == 403
        assert client.get(LIST).status_code == 403
    assert not OwnKeySubmission.objects.exists()


def test_an_owner_gives_no_key_for_another_operator(
    operator, other, psp, client, as_role
):
    reference, key = new_account(psp, other)
    member(client, operator, "owner")
    with as_role("app"):
        answer = give(client, other, reference, key)
    assert answer.status_code == 200
    assert key not in answer.content.decode()
    assert not OwnKeySubmission.objects.exists()


def test_an_unrestricted_key_is_refused_and_not_repeated(operator, client, as_role):
    member(client, operator, "owner")
    with as_role("app"):
        answer = give(client, operator, "acct_1", "sk_live_mighty")
    text = answer.content.decode()
    assert answer.status_code == 200
    assert "restricted key" in text
    assert "sk_live_mighty" not in text
    assert not OwnKeySubmission.objects.exists()


def submitted(operator, reference, key, secret="whsec_new", at=None):
    return own_keys.submit(
        operator_id=operator.pk,
        provider="stripe",
        reference=reference,
        own=payees.OwnKey(key, secret),
        by="owner",
        at=at or timezone.now(),
    )


def test_a_key_of_another_account_changes_nothing(owned, operator, other, psp):
    _, foreign = new_account(psp, other)
    before = PayeeAccount.objects.get(pk=owned.pk).sealed_key
    row = submitted(operator, owned.reference, foreign)
    drain()
    row.refresh_from_db()
    assert row.state == "refused"
    assert row.note
    assert foreign not in row.note
    assert PayeeAccount.objects.get(pk=owned.pk).sealed_key == before


def signed(client, reference, secret, event):
    now = int(timezone.now().timestamp())
    body = (
        b'{"id":"%s","object":"event","type":"charge.captured","created":%d,'
        b'"data":{"object":{"id":"ch_x","object":"charge","payment_intent":null}}}'
    ) % (event.encode(), now)
    mac = hmac.new(secret.encode(), b"%d." % now + body, hashlib.sha256).hexdigest()
    return client.post(
        f"/webhooks/payments/stripe/{reference}/",
        body,
        content_type="application/json",
        headers={"Stripe-Signature": f"t={now},v1={mac}"},
    ).status_code


def test_a_new_key_takes_over_while_former_webhooks_are_still_believed(
    owned, operator, psp, client
):
    key = fresh_key(psp, owned.reference)
    submitted(operator, owned.reference, key)
    assert signed(client, owned.reference, "whsec_new", "evt_1") == 400
    drain()
    account = PayeeAccount.objects.get(pk=owned.pk)
    assert account.key_ending == key[-4:]
    assert payees.verify(payee_account_id=owned.pk, at=timezone.now()).charges_enabled
    assert signed(client, owned.reference, "whsec_new", "evt_2") == 200
    assert signed(client, owned.reference, SECRET, "evt_3") == 200

    now = timezone.now()
    assert own_keys.forget_former(at=now) == 0
    later = now + own_keys.FORMER_SECRET_LIFE + timedelta(minutes=1)
    assert own_keys.forget_former(at=later) == 1
    assert signed(client, owned.reference, "whsec_new", "evt_4") == 200
    assert signed(client, owned.reference, SECRET, "evt_5") == 400


def test_a_key_waits_while_the_provider_is_away_and_is_tried_again(
    owned, operator, psp
):
    psp.fault("refuse", path="/v1/accounts", times=0)
    at = timezone.now() - own_keys.LOOK_AFTER - timedelta(minutes=1)
    row = submitted(operator, owned.reference, fresh_key(psp, owned.reference), at=at)
    drain()
    row.refresh_from_db()
    assert row.state == "pending"
    psp.control("faults", method="DELETE")
    assert own_keys.to_look_at(at=timezone.now()) == [row.pk]
    assert own_keys.to_look_at(at=timezone.now()) == []
    OwnKeySubmission.objects.update(looked_at=None)
    tasks.look_after()
    row.refresh_from_db()
    assert row.state == "accepted"
    own_keys.decide(submission_id=row.pk, at=timezone.now())


def test_an_account_of_another_kind_is_refused_at_once(operator, shop):
    with pytest.raises(own_keys.UnableToTakeKey) as refused:
        submitted(shop.operator, shop.account.reference, "rk_test_1")
    assert refused.value.code == "account_of_another_kind"
    with pytest.raises(own_keys.UnableToTakeKey, match="longer"):
        submitted(operator, "acct_1", "rk_" + "x" * 300)


def test_an_account_that_was_taken_meanwhile_is_refused(operator, other, psp):
    reference, key = new_account(psp, other)
    row = submitted(operator, reference, key)
    payees.register_own_key(
        operator_id=other.pk,
        provider="stripe",
        reference=reference,
        own=payees.OwnKey(key, SECRET),
        by="test",
        at=timezone.now(),
    )
    drain()
    row.refresh_from_db()
    assert row.state == "refused"


def by_command(operator, reference, key, monkeypatch):
    text = json.dumps({"api_key": key, "webhook_secret": "whsec_new"})
    monkeypatch.setattr("sys.stdin", io.StringIO(text))
    call_command(
        "register_own_key",
        operator=operator.code,
        account=reference,
        key_file="-",
        json=True,
    )


def test_the_command_changes_a_key_and_says_why_it_cannot(
    owned, operator, psp, monkeypatch, capsys
):
    key = fresh_key(psp, owned.reference)
    by_command(operator, owned.reference, key, monkeypatch)
    assert json.loads(capsys.readouterr().out)["account"] == owned.reference
    assert PayeeAccount.objects.get(pk=owned.pk).key_ending == key[-4:]

    _, foreign = new_account(psp, make_operator("third"))
    with pytest.raises(SystemExit):
        by_command(operator, owned.reference, foreign, monkeypatch)
    refused = json.loads(capsys.readouterr().out)
    assert refused["error"] == "key_refused"
    assert foreign not in refused["message"]
