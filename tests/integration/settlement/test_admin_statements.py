import csv
import io

import pytest
from django.utils import timezone

from settlement.models import Dispute, SplitLine
from settlement.services import disputes, webhooks
from tests.integration.settlement.test_admin import act, member
from tests.integration.settlement.test_disputes import FACTS
from tests.outbox import drain

pytestmark = pytest.mark.integration
LIST = "/admin/settlement/splitline/"


def test_finance_sees_sums_and_takes_statements_away(shop, client, as_role):
    shop.captured(1001)
    rows = list(SplitLine.objects.values_list("pk", flat=True))
    member(client, shop.operator)
    with as_role("app"):
        page = client.get(LIST).content.decode()
        answer = act(client, "splitline", "as_csv", *rows)
        text = b"".join(answer.streaming_content).decode()
        told = act(client, "splitline", "as_json", *rows).json()
    assert "7.01" in page
    lines = list(csv.DictReader(io.StringIO(text)))
    assert sum(int(line["amount_minor"]) for line in lines) == 1001
    assert sum(one["total_minor"] for one in told["parties"]) == 1001


def test_finance_answers_a_dispute(shop, client, as_role):
    payment = shop.captured(1000)
    shop.psp.control("disputes", {"payment_intent": payment.provider_ref})
    webhooks.poll(payee_account_id=shop.account.pk, at=timezone.now())
    drain()
    row = Dispute.objects.get()
    disputes.assemble(dispute_id=row.pk, facts=FACTS)
    member(client, shop.operator)
    with as_role("app"):
        act(client, "dispute", "send_evidence", row.pk)
    drain()
    row.refresh_from_db()
    assert row.state == "submitted"
