"""Pages of settlement for operators and platform staff."""

from settlement.admin.agreements import SplitAgreementAdmin
from settlement.admin.corrections import CorrectionAdmin
from settlement.admin.differences import ReconciliationDifferenceAdmin
from settlement.admin.inbox import WebhookEventAdmin
from settlement.admin.ledger import LedgerAccountAdmin, LedgerEntryAdmin
from settlement.admin.onboarding import payee_account
from settlement.admin.own_keys import OwnKeySubmissionAdmin
from settlement.admin.panels import money
from settlement.admin.payees import PayeeAccountAdmin
from settlement.admin.payments import DisputeAdmin, PaymentAdmin, RefundAdmin
from settlement.admin.statements import PlatformInvoiceAdmin, SplitLineAdmin
from settlement.admin.work import ProviderTransactionAdmin, ReceivableAdmin

__all__ = [
    "CorrectionAdmin",
    "DisputeAdmin",
    "LedgerAccountAdmin",
    "LedgerEntryAdmin",
    "OwnKeySubmissionAdmin",
    "PayeeAccountAdmin",
    "PaymentAdmin",
    "PlatformInvoiceAdmin",
    "ProviderTransactionAdmin",
    "ReceivableAdmin",
    "ReconciliationDifferenceAdmin",
    "RefundAdmin",
    "SplitAgreementAdmin",
    "SplitLineAdmin",
    "WebhookEventAdmin",
    "money",
    "payee_account",
]
