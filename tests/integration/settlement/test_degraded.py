import pytest
from django.utils import timezone

from cpms.outbox.models import EventRecord
from settlement.services import payees

pytestmark = pytest.mark.integration


def warned(shop):
    rows = EventRecord.objects.filter(
        topic="PayeeAccountDegraded", key=shop.account.reference
    )
    return [row.payload for row in rows]


def verify(shop):
    return payees.verify(payee_account_id=shop.account.pk, at=timezone.now())


def test_an_operator_is_warned_once_before_its_account_is_blocked(shop, psp):
    deadline = int(timezone.now().timestamp()) + 86_400
    wants = {"requirements_due": ["company.tax_id"], "current_deadline": deadline}
    psp.control(f"accounts/{shop.account.reference}", wants)
    account = verify(shop)
    verify(shop)
    assert account.charges_enabled
    assert account.due_by.timestamp() == deadline
    assert warned(shop) == [
        {
            "payee_account_id": account.pk,
            "requirements_due": ["company.tax_id"],
            "due_by": account.due_by.isoformat(),
            "payouts_enabled": True,
        }
    ]


def test_payouts_held_back_are_told_and_told_again_after_a_recovery(shop, psp):
    path = f"accounts/{shop.account.reference}"
    for enabled in (False, True, False):
        psp.control(path, {"payouts_enabled": enabled})
        verify(shop)
    assert [one["payouts_enabled"] for one in warned(shop)] == [False, False]


def test_a_blocked_account_is_not_merely_degraded(shop, psp):
    psp.control(
        f"accounts/{shop.account.reference}",
        {"charges_enabled": False, "requirements_due": ["company.tax_id"]},
    )
    verify(shop)
    assert warned(shop) == []
