"""The facts that settlement publishes, and what their payloads hold.

Every payload about a payment carries ``payment_id`` (int) and ``order_number``
(str); money is ``*_minor`` (int) with ``currency``.
"""

from typing import Final

PAYMENT_AUTHORIZED: Final = "PaymentAuthorized"
"""The hold stands. ``hold_minor, currency``."""

PAYMENT_ACTION_REQUIRED: Final = "PaymentActionRequired"
"""The payer's bank asks. ``url``."""

PAYMENT_DECLINED: Final = "PaymentDeclined"
"""No hold. ``decline_code, message``."""

PAYMENT_CAPTURED: Final = "PaymentCaptured"
"""Money is on the operator's account. ``amount_minor, application_fee_minor,
receivable_minor, currency``."""

PAYMENT_RELEASED: Final = "PaymentReleased"
"""The hold is gone, nothing was taken. ``reason``."""

PAYMENT_RECEIVABLE: Final = "PaymentReceivable"
"""Nothing could be taken; the driver owes the operator. ``amount_minor, currency,
reason``."""

PAYMENT_REFUNDED: Final = "PaymentRefunded"
"""Money went back. ``refund_id, correction_id, reason, amount_minor, refunded_minor,
currency, full``; ``correction_id``: of the lower bill that it follows, or null."""

PAYMENT_CORRECTED: Final = "PaymentCorrected"
"""The money followed a bill that had changed, or cannot (``stuck``).
``correction_id, difference_minor, moved_minor, currency, stuck, note``."""

PAYMENT_DISPUTED: Final = "PaymentDisputed"
"""The payer's bank took the money back for now. ``dispute, dispute_id, due_at``."""

DISPUTE_CLOSED: Final = "DisputeClosed"
"""The bank decided. ``dispute, dispute_id, won``."""

DISPUTE_DUE_SOON: Final = "DisputeDueSoon"
"""Nobody answered a dispute, and its time runs out. ``dispute, dispute_id, due_at``."""

PAYMENT_HOLD_EXPIRING: Final = "PaymentHoldExpiring"
"""The hold ends soon and nothing was captured. ``capture_before``."""

REFUND_FAILED: Final = "RefundFailed"
"""A refund was refused. ``refund_id, code, message``."""

RECEIVABLE_PAID: Final = "ReceivablePaid"
"""A debt was collected. ``receivable_id, amount_minor, currency``."""

PAY_LINK_READY: Final = "PayLinkReady"
"""A debt can be paid on a page. ``receivable_id, amount_minor, currency, url``."""

PAYEE_ACCOUNT_CHANGED: Final = "PayeeAccountChanged"
"""What the provider lets an account do. ``payee_account_id, charges_enabled``."""

PAYEE_ACCOUNT_DEGRADED: Final = "PayeeAccountDegraded"
"""The provider will block an account, or holds back its payouts.
``payee_account_id, requirements_due, due_by, payouts_enabled``."""

PAYMENT_METHOD_SAVED: Final = "PaymentMethodSaved"
"""A driver can pay now. ``driver_id, payment_method_id``."""

# Work of settlement itself, not for others.
CORRECTION_QUEUED: Final = "CorrectionQueued"
ATTEMPT_QUEUED: Final = "PaymentAttemptQueued"
EVIDENCE_QUEUED: Final = "DisputeEvidenceQueued"
WEBHOOK_RECEIVED: Final = "WebhookReceived"
PAYEE_ACCOUNT_SUSPECT: Final = "PayeeAccountSuspect"
OWN_KEY_SUBMITTED: Final = "OwnKeySubmitted"
RECONCILIATION_QUEUED: Final = "ReconciliationQueued"
