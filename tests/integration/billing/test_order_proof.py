"""``manage.py order_verify``: whether papers, money and books say the same."""

import pytest
from django.utils import timezone

from billing.models import CreditNote, Order, Receipt
from billing.services import order_proof
from charge_points.models import ChargePointOwnership
from charge_points.services import ownership
from settlement.models import Correction, Payment, Receivable, Refund, SplitLine
from settlement.services import ledger, receivables
from tests.factories import accounts
from tests.integration.billing.late_facts import corrected, learn, refund
from tests.integration.billing.test_commands import run, run_json
from tests.integration.billing.world import ago, fresh
from tests.outbox import drain


def problems():
    code, found = run_json("order_verify")
    assert code == (1 if found["problems"] else 0)
    assert found["ok"] is (found["wrong"] == 0) is (not found["problems"])
    return found["problems"]


def credit(order, minor=95):
    """A document that no money followed."""
    receipt = Receipt.objects.get(order=order)
    return CreditNote.objects.create(
        operator=receipt.operator,
        order=order,
        receipt=receipt,
        refund_id=1,
        number=1,
        amount_minor=minor,
        currency="EUR",
        taxes=[],
        issued_at=receipt.issued_at,
    )


def test_whatever_became_of_charges_they_are_explained(world):
    world.closed()
    refund(world.closed(), 300, fee=False)
    corrected(world.closed(), 8000)
    back = world.closed()
    refund(back, None, key="b")
    corrected(back, 12_000)
    owed = corrected(world.closed(), 12_000)
    debt = Receivable.objects.get(order_number=owed.number)
    receivables.write_off(receivable_id=debt.pk, by="finance", at=timezone.now())
    world.claimed()

    code, found = run_json("order_verify")
    assert (code, found["orders"], found["problems"]) == (0, 6, [])
    assert run_json("order_verify", "--order", owed.number)[1]["orders"] == 1
    code = world.operator.code
    assert run_json("order_verify", "--operator", code)[1]["orders"] == 6


def test_papers_that_no_money_followed_are_named(world):
    order = world.closed()
    credit(order)
    said = "receipts less credit notes 500, paid, owed or given up 595"
    assert problems() == [f"order {order.number}: {said}"]
    code, text = run("order_verify")
    assert code == 1
    assert said in text


def test_a_refund_on_its_way_is_no_difference_yet(world):
    order = world.closed()
    refund(order, 95, work=False)
    credit(order)
    code, found = run_json("order_verify")
    assert (code, found["on_their_way"]) == (0, 1)
    Refund.objects.update(state="failed")
    assert len(problems()) == 1


def test_a_correction_on_its_way_is_no_difference_yet(world):
    learn(world.closed(), 8000)
    assert Correction.objects.get().state == "pending"
    code, found = run_json("order_verify")
    assert (code, found["on_their_way"]) == (0, 1)
    drain()
    assert problems() == []


def test_money_that_the_ledger_does_not_know_is_named(world):
    order = world.closed()
    Payment.objects.update(refunded_minor=1)
    first, second, third = problems()
    assert first.endswith("paid, owed or given up 594, the ledger says 595")
    assert second.endswith("kept 594, the parties got 595")
    assert third.endswith("receipts less credit notes 595, paid, owed or given up 594")
    assert all(text.startswith(f"order {order.number}: ") for text in (first, second))


def test_shares_that_nobody_agreed_on_are_named(world):
    world.closed()
    share = SplitLine.objects.order_by("pk")[0]
    share.pk, share.amount_minor, share.party = None, 1, "nobody"
    share.save()
    (said,) = problems()
    assert said.endswith("kept 595, the parties got 596")


def test_an_entry_by_hand_about_an_order_is_named_unless_it_explains_a_difference(
    world,
):
    order = world.closed()
    lines = [("bank", "EUR", 7), ("session_revenue", "EUR", -7)]
    values = {
        "operator_id": world.operator.pk,
        "effective_at": timezone.now(),
        "order_number": order.number,
        "lines": lines,
    }
    ledger.post(source="difference.resolved", key="1", **values)
    assert problems() == []
    ledger.post(source="payment.capture", key="x", **values)
    (said,) = problems()
    assert said.endswith("paid, owed or given up 595, the ledger says 602")


def test_a_bill_that_was_not_priced_is_named(world):
    order = world.closed()
    Order.objects.update(amount_minor=596)
    assert problems() == [f"order {order.number}: priced 595, the order says 596"]


def test_another_account_and_another_operator_are_named(world):
    world.closed()
    Payment.objects.update(account_reference="acct_other")
    (said,) = problems()
    assert "was paid on acct_other" in said


def test_the_owner_when_the_charge_began_is_the_seller(world):
    order = world.closed()
    buyer = accounts.operator(code="buyer")
    ownership.transfer(
        identity=world.station.identity,
        to_operator_code=buyer.code,
        site="",
        by="test",
        at=timezone.now(),
    )
    assert problems() == []
    ChargePointOwnership.objects.filter(operator=world.operator).delete()
    ChargePointOwnership.objects.update(owned_from=order.started_at)
    (said,) = problems()
    assert said.endswith(f"the charge point was operator {buyer.pk}'s")
    ChargePointOwnership.objects.update(owned_from=ago(days=2), owned_until=ago(days=1))
    assert problems() == []


def test_every_batch_is_looked_at_and_the_list_ends_somewhere(world, monkeypatch):
    monkeypatch.setattr(order_proof, "BATCH", 2)
    monkeypatch.setattr(order_proof, "PROBLEMS_MAX", 2)
    for _ in range(3):
        world.closed()
    Order.objects.update(amount_minor=596)
    _, found = run_json("order_verify")
    assert (found["orders"], found["wrong"], len(found["problems"])) == (3, 3, 2)


def test_what_was_wrong_for_a_moment_is_not_told(world, monkeypatch):
    """Between two statements of the proof an order may have moved on."""
    order = world.closed()
    seen = []
    real = order_proof.of_orders

    def moving(numbers):
        found = real(numbers)
        if not seen:
            found[order.number].kept_minor -= 1
        seen.append(numbers)
        return found

    monkeypatch.setattr(order_proof, "of_orders", moving)
    assert problems() == []
    assert len(seen) == 2
    assert fresh(order).state == "CLOSED"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("--operator", "nobody"), "unknown_operator"),
        (("--order", "X"), "unknown_order"),
    ],
)
def test_who_does_not_exist_is_said(db, arguments, code):
    ended, found = run_json("order_verify", *arguments)
    assert (ended, found["error"]) == (1, code)
