"""The tables of billing, one model a file."""

from billing.models.cdr import Cdr
from billing.models.credit_note import CreditNote, CreditNoteCounter
from billing.models.order import Order, OrderMove
from billing.models.proof import UsedProof
from billing.models.receipt import Receipt, ReceiptCounter
from billing.models.tariff import Tariff, TariffAssignment

__all__ = [
    "Cdr",
    "CreditNote",
    "CreditNoteCounter",
    "Order",
    "OrderMove",
    "Receipt",
    "ReceiptCounter",
    "Tariff",
    "TariffAssignment",
    "UsedProof",
]
