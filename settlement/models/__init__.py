"""The tables of settlement; constraints have the last word."""

from settlement.models.checkout import Checkout, SetupPage
from settlement.models.correction import Correction
from settlement.models.dispute import Dispute
from settlement.models.driver_payment_method import DriverPaymentMethod
from settlement.models.ledger import (
    PLATFORM_BOOK,
    LedgerAccount,
    LedgerEntry,
    LedgerLine,
    LedgerSeal,
)
from settlement.models.own_key import OwnKeySubmission
from settlement.models.payee_account import PayeeAccount
from settlement.models.payment import Payment
from settlement.models.payment_attempt import PaymentAttempt
from settlement.models.payment_move import PaymentMove
from settlement.models.payment_states import PAYMENT_STATES, PaymentState
from settlement.models.platform_invoice import PlatformInvoice
from settlement.models.receivable import Receivable
from settlement.models.reconciliation import (
    ProviderTransaction,
    ReconciliationDifference,
)
from settlement.models.refund import Refund
from settlement.models.split_agreement import SplitAgreement, SplitParty
from settlement.models.split_line import SplitLine
from settlement.models.webhook_event import WebhookEvent

__all__ = [
    "PAYMENT_STATES",
    "PLATFORM_BOOK",
    "Checkout",
    "Correction",
    "Dispute",
    "DriverPaymentMethod",
    "LedgerAccount",
    "LedgerEntry",
    "LedgerLine",
    "LedgerSeal",
    "OwnKeySubmission",
    "PayeeAccount",
    "Payment",
    "PaymentAttempt",
    "PaymentMove",
    "PaymentState",
    "PlatformInvoice",
    "ProviderTransaction",
    "Receivable",
    "ReconciliationDifference",
    "Refund",
    "SetupPage",
    "SplitAgreement",
    "SplitLine",
    "SplitParty",
    "WebhookEvent",
]
