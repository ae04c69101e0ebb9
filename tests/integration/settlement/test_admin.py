import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from cpms.accounts.models import AuditEntry, Membership, User
from cpms.outbox.models import EventRecord
from settlement.models import (
    Payment,
    PaymentAttempt,
    Receivable,
    ReconciliationDifference,
    Refund,
)
from settlement.services import reconciliation, splits, webhooks
from tests.integration.settlement.shop import make_shop

pytestmark = pytest.mark.integration

PAGES = [
    "payment",
    "refund",
    "dispute",
    "payeeaccount",
    "splitagreement",
    "receivable",
    "ledgerentry",
    "ledgeraccount",
    "reconciliationdifference",
    "providertransaction",
]


@pytest.fixture
def two(shop, psp):
    """Two shops with something on every page."""
    shops = [shop, make_shop(psp)]
    for each in shops:
        splits.agree(
            splits.Agreement(
                operator_id=each.operator.pk,
                site_id=None,
                name=f"split {each.operator.code}",
                parties=each.parties,
                valid_from=timezone.now(),
            ),
            by="owner",
            at=timezone.now(),
        )
        payment = each.captured(1500, hold_minor=1000)
        each.refund(payment, 100)
        each.psp.control("disputes", {"payment_intent": payment.provider_ref})
        reconciliation.reconcile(payee_account_id=each.account.pk, at=timezone.now())
        webhooks.poll(payee_account_id=each.account.pk, at=timezone.now())
    from tests.outbox import drain  # noqa: PLC0415

    drain()
    return shops


def member(client, operator, role="finance"):
    user = User.objects.create_user(f"{role}@{operator.code}.example", is_staff=True)
    Membership.objects.create(operator=operator, user=user, role=role)
    client.force_login(user)


def page(client, model, pk=None):
    tail = "" if pk is None else f"{pk}/change/"
    return client.get(f"/admin/settlement/{model}/{tail}")


def rows_of(model):
    from django.apps import apps  # noqa: PLC0415

    return apps.get_model("settlement", model).objects


@pytest.mark.parametrize("model", PAGES)
def test_a_member_sees_its_operators_rows_only(two, client, as_role, model):
    mine = rows_of(model).filter(operator=two[0].operator)
    theirs = rows_of(model).filter(operator=two[1].operator)
    ids = [set(rows.values_list("pk", flat=True)) for rows in (mine, theirs)]
    assert all(ids), "nothing to see"
    member(client, two[0].operator)
    with as_role("app"):
        listed = page(client, model)
        shown = {row.pk for row in listed.context["cl"].result_list}
        assert shown
        assert shown <= ids[0]
        assert page(client, model, min(ids[0])).status_code == 200
        assert page(client, model, min(ids[1])).status_code == 302


@pytest.mark.parametrize("model", [*PAGES, "webhookevent"])
def test_platform_staff_sees_all(two, client, model):
    client.force_login(User.objects.create_superuser("staff@example.org"))
    pk = rows_of(model).order_by("pk").values_list("pk", flat=True)[0]

    assert page(client, model).status_code == 200
    assert page(client, model, pk).status_code == 200


def test_the_inbox_is_for_platform_staff(two, client):
    member(client, two[0].operator, "owner")

    assert page(client, "webhookevent").status_code == 403


def test_nobody_sees_anything_without_being_a_member(two, client):
    client.force_login(User.objects.create_user("x@example.org", is_staff=True))

    assert page(client, "payment").status_code == 403


def test_the_trial_balance_adds_up(two, client):
    client.force_login(User.objects.create_superuser("staff@example.org"))

    answer = page(client, "ledgeraccount")

    (row,) = answer.context["trial_balance"]
    assert (row["currency"], row["balanced"]) == ("EUR", True)
    assert "adds up to zero" in answer.content.decode()
    assert "Platform" in answer.content.decode()


def act(client, model, action, *ids):
    return client.post(
        f"/admin/settlement/{model}/",
        {"action": action, "_selected_action": list(ids)},
        follow=True,
    )


def words(answer):
    return " ".join(str(message) for message in answer.context["messages"])


def test_finance_refunds_what_is_left(shop, client, as_role):
    payment = shop.captured(1000)
    member(client, shop.operator)
    with as_role("app"):
        answer = act(client, "payment", "refund_with_fee", payment.pk)

    assert "1 refunds were asked for" in words(answer)
    refund = Refund.objects.get()
    assert (refund.amount_minor, refund.refund_application_fee) == (1000, True)
    assert refund.requested_by == f"finance@{shop.operator.code}.example"


def test_the_same_click_twice_is_one_refund(shop, client):
    payment = shop.captured(1000)
    member(client, shop.operator)
    for _ in range(2):
        act(client, "payment", "refund_without_fee", payment.pk)

    assert Refund.objects.count() == 1


def test_a_viewer_cannot_refund(shop, client):
    payment = shop.captured(1000)
    member(client, shop.operator, "viewer")

    answer = act(client, "payment", "refund_with_fee", payment.pk)

    assert "only an owner or finance" in words(answer)
    assert not Refund.objects.exists()


def test_a_stranger_cannot_refund(two, client, as_role):
    before = Refund.objects.count()
    theirs = Payment.objects.get(operator=two[1].operator)
    member(client, two[0].operator, "owner")
    with as_role("app"):
        act(client, "payment", "refund_with_fee", theirs.pk)

    assert Refund.objects.count() == before


def test_a_refusal_is_shown_with_its_reason(shop, client):
    payment = shop.hold()
    member(client, shop.operator)

    answer = act(client, "payment", "refund_with_fee", payment.pk)

    assert "only captured money can be refunded" in words(answer)


def test_debts_are_collected_and_given_up(shop, client, as_role):
    shop.card("insufficient_funds")
    shop.captured(640)
    shop.captured(700)
    first, second = Receivable.objects.order_by("pk")
    member(client, shop.operator)
    with as_role("app"):
        act(client, "receivable", "collect_now", first.pk)
        act(client, "receivable", "give_up", second.pk)

    assert PaymentAttempt.objects.filter(payment__collects=first).count() == 1
    second.refresh_from_db()
    assert second.state == "written_off"


def test_a_difference_is_closed_by_somebody(shop, client, as_role):
    shop.captured(1000)
    Payment.objects.update(charge_ref="ch_lost")
    reconciliation.reconcile(payee_account_id=shop.account.pk, at=timezone.now())
    row = ReconciliationDifference.objects.get()
    member(client, shop.operator)
    with as_role("app"):
        act(client, "reconciliationdifference", "as_bank", row.pk)
        again = act(client, "reconciliationdifference", "as_bank", row.pk)

    row.refresh_from_db()
    assert "finance@" in row.resolution
    assert "no open difference" in words(again)
    assert AuditEntry.objects.filter(action="difference.resolved").count() == 1


def test_an_account_is_asked_for_again(shop, client, as_role):
    member(client, shop.operator)
    with as_role("app"):
        act(client, "payeeaccount", "ask_provider", shop.account.pk)

    assert EventRecord.objects.filter(topic="PayeeAccountSuspect").count() == 1


def test_nothing_is_edited_by_hand(shop, client):
    payment = shop.captured(1000)
    client.force_login(User.objects.create_superuser("staff@example.org"))

    answer = client.post(f"/admin/settlement/payment/{payment.pk}/change/", {})

    assert answer.status_code == 403
    assert client.get("/admin/settlement/payment/add/").status_code == 403


@pytest.mark.parametrize("model", ["payment", "ledgerentry", "ledgeraccount"])
def test_lists_take_as_many_queries_for_many_rows(
    shop, client, django_assert_num_queries, model
):
    client.force_login(User.objects.create_superuser("staff@example.org"))
    shop.captured(1000)
    page(client, model)
    with CaptureQueriesContext(connection) as few:
        page(client, model)
    for _ in range(6):
        shop.captured(1000)

    with django_assert_num_queries(len(few)):
        page(client, model)
