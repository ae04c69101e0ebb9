"""Owners and finance decide in the console what is billed; others only look."""

import pytest
from django.urls import reverse
from django.utils import timezone

from billing.models import DocumentMail, Receipt
from charge_points.models import Transaction
from settlement.models import Correction
from tests.integration.billing.late_facts import corrected, kept, learn, prove
from tests.integration.billing.test_admin_story import at, get, serving, shown, staff
from tests.integration.billing.world import fresh
from tests.outbox import drain


@pytest.fixture
def web(client, world):
    client.force_login(staff(world.operator, role="finance"))
    return client


def decide(client, order, **form):
    with serving():
        answer = client.post(at("order_decide", order.pk), form, follow=True)
    drain()
    return answer


def test_a_bill_that_waits_is_listed_and_decided(web, world):
    order = world.closed()
    learn(order, 9000, review_reason="the register went backwards")
    drain()
    page = shown(web, order)
    assert "the register went backwards" in page
    assert "Decide what is billed" in page
    listed = get(web, at("order_changelist"), correction="waits").content.decode()
    assert order.number in listed
    front = get(web, reverse("admin:index")).content.decode()
    assert "Bills that wait for a decision" in front

    answer = decide(web, order, energy_wh="", note="looked at the meter")
    assert "It is billed as you decided." in answer.content.decode()
    order = fresh(order)
    assert (order.amount_minor, kept(order), order.correction_reason) == (536, 536, "")
    prove(order)
    listed = get(web, at("order_changelist"), correction="waits").content.decode()
    assert order.number not in listed
    page = shown(web, order)
    for each in ("replaces receipt 1", "for receipt 1", "Credit note", "No. 2"):
        assert each in page


def test_another_energy_is_stated_and_nonsense_is_sent_back(web, world):
    order = world.closed()
    for form in (
        {"energy_wh": "-1", "note": "read again"},
        {"energy_wh": "5000", "note": ""},
    ):
        answer = decide(web, order, **form)
        assert 'class="c-errors"' in answer.content.decode()
    answer = decide(web, order, energy_wh="", note="nothing to decide")
    assert "only one in REVIEW waits for a decision" in answer.content.decode()
    assert Receipt.objects.count() == 1
    decide(web, order, energy_wh="5000", note="read again")
    assert fresh(order).amount_minor == 298
    prove(order)


@pytest.mark.parametrize("role", ["technician", "support"])
def test_who_may_not_move_money_decides_nothing(client, world, role):
    order = world.closed()
    client.force_login(staff(world.operator, role=role))
    assert "Decide what is billed" not in shown(client, order)
    assert decide(client, order, energy_wh="1", note="mine").status_code == 403
    assert fresh(order).amount_minor == 595


def test_a_stuck_correction_is_tried_again_or_settled_in_the_console(web, world):
    for number, action in enumerate(("ask_again", "settled_elsewhere")):
        order = world.closed()
        world.psp.fault("error_stored", path="/v1/refunds", status=400, times=1)
        order = corrected(order, 8000)
        row = Correction.objects.latest("pk")
        assert row.state == "stuck"
        listed = reverse("admin:settlement_correction_changelist")
        assert order.number in get(web, listed).content.decode()
        form = {"action": action, "_selected_action": [row.pk]}
        with serving():
            web.post(listed, form)
        drain()
        row.refresh_from_db()
        assert row.state == "done"
        assert kept(order) == (476, 595)[number]
        world.station.status("available")


def test_a_mail_in_doubt_is_sent_again_from_the_console(web, world):
    world.closed()
    row = DocumentMail.objects.get()
    listed = at("documentmail_changelist")
    form = {"action": "send_again", "_selected_action": [row.pk]}
    with serving():
        answer = web.post(listed, form, follow=True)
    assert "is not in doubt" in answer.content.decode()
    DocumentMail.objects.update(state="in_doubt", moved_at=timezone.now())
    with serving():
        answer = web.post(listed, form, follow=True)
    assert "The mail is sent again." in answer.content.decode()
    drain()
    row.refresh_from_db()
    assert row.state == "sent"
    assert Transaction.objects.count() == 1
