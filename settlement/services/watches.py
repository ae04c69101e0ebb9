"""Who looks after every state that is not final: nothing may wait in silence.

A test walks all models of settlement: a new state without a line here fails it. Each
line names the entry of the schedule that finds such rows, or the list of the admin
where people decide, when only they can.
"""

from dataclasses import dataclass
from typing import Final

from django.db.models import Model

from settlement.models import (
    Checkout,
    Correction,
    Dispute,
    OwnKeySubmission,
    Payment,
    PaymentAttempt,
    PaymentState,
    PlatformInvoice,
    Receivable,
    Refund,
    SetupPage,
    WebhookEvent,
)


@dataclass(frozen=True, slots=True)
class Watch:
    """Who looks: an entry of the schedule, and where people see it."""

    schedule: str = ""
    work_list: str = ""


_SWEEP: Final = Watch("settlement-sweep")
_LOOK: Final = Watch("settlement-look")
_FORGOTTEN: Final = Watch("settlement-look-after")

WATCHES: Final[dict[type[Model], dict[str, Watch]]] = {
    Payment: {
        PaymentState.AUTHORIZING: _FORGOTTEN,
        PaymentState.REQUIRES_ACTION: _LOOK,
        PaymentState.AUTHORIZED: _FORGOTTEN,
        PaymentState.CAPTURING: _FORGOTTEN,
        # Its debt is collected, and is a row of its own.
        PaymentState.RECEIVABLE: Watch("settlement-collect-receivables"),
        # Its dispute is looked at, and is a row of its own.
        PaymentState.DISPUTED: _FORGOTTEN,
    },
    PaymentAttempt: {
        PaymentAttempt.State.PENDING: _SWEEP,
        PaymentAttempt.State.IN_FLIGHT: _SWEEP,
        PaymentAttempt.State.UNKNOWN: _SWEEP,
    },
    Refund: {Refund.State.PENDING: _LOOK},
    Checkout: {
        # Its question is an attempt; given up with it, nobody knows the page.
        Checkout.State.WANTED: _SWEEP,
        Checkout.State.OPEN: _FORGOTTEN,
    },
    SetupPage: {SetupPage.State.OPEN: _LOOK},
    Dispute: {
        Dispute.State.OPEN: _FORGOTTEN,
        Dispute.State.SUBMITTED: _FORGOTTEN,
    },
    Receivable: {
        # After the last try by itself only the driver or the operator ends it.
        Receivable.State.OPEN: Watch("settlement-collect-receivables", "receivable"),
    },
    WebhookEvent: {WebhookEvent.State.PENDING: _FORGOTTEN},
    OwnKeySubmission: {OwnKeySubmission.State.PENDING: _FORGOTTEN},
    Correction: {
        Correction.State.PENDING: _SWEEP,
        # Nothing more happens until a person decides.
        Correction.State.STUCK: Watch("settlement-sweep", "correction"),
    },
    PlatformInvoice: {
        PlatformInvoice.State.OPEN: Watch(work_list="platforminvoice"),
    },
}

FINAL: Final[dict[type[Model], frozenset[str]]] = {
    Payment: frozenset(
        {
            PaymentState.CAPTURED,
            PaymentState.RELEASED,
            PaymentState.DECLINED,
            PaymentState.PARTLY_REFUNDED,
            PaymentState.REFUNDED,
        }
    ),
    PaymentAttempt: frozenset(
        {PaymentAttempt.State.SUCCEEDED, PaymentAttempt.State.FAILED}
    ),
    Refund: frozenset({Refund.State.SUCCEEDED, Refund.State.FAILED}),
    Checkout: frozenset({Checkout.State.COMPLETE, Checkout.State.EXPIRED}),
    SetupPage: frozenset({SetupPage.State.COMPLETE, SetupPage.State.EXPIRED}),
    Dispute: frozenset({Dispute.State.WON, Dispute.State.LOST}),
    Receivable: frozenset(
        {
            Receivable.State.PAID,
            Receivable.State.WRITTEN_OFF,
            Receivable.State.CORRECTED,
        }
    ),
    Correction: frozenset({Correction.State.DONE}),
    WebhookEvent: frozenset({WebhookEvent.State.DONE, WebhookEvent.State.IGNORED}),
    OwnKeySubmission: frozenset(
        {OwnKeySubmission.State.ACCEPTED, OwnKeySubmission.State.REFUSED}
    ),
    PlatformInvoice: frozenset({PlatformInvoice.State.PAID}),
}
