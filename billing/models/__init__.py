"""The tables of billing, one model a file."""

from billing.models.cdr import Cdr
from billing.models.credit_note import CreditNote, CreditNoteCounter
from billing.models.document_mail import DocumentMail
from billing.models.order import Order, OrderMove
from billing.models.proof import UsedProof
from billing.models.receipt import Receipt, ReceiptCounter
from billing.models.tariff import (
    DriverGroup,
    DriverGroupMember,
    Tariff,
    TariffAssignment,
    TariffVersion,
)

__all__ = [
    "Cdr",
    "CreditNote",
    "CreditNoteCounter",
    "DocumentMail",
    "DriverGroup",
    "DriverGroupMember",
    "Order",
    "OrderMove",
    "Receipt",
    "ReceiptCounter",
    "Tariff",
    "TariffAssignment",
    "TariffVersion",
    "UsedProof",
]
