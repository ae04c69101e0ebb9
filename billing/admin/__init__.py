"""Billing's pages for operators."""

from billing.admin.onboarding import tariff
from billing.admin.orders import CdrAdmin, OrderAdmin, ReceiptAdmin
from billing.admin.panels import orders
from billing.admin.tariffs import TariffAdmin, TariffAssignmentAdmin

__all__ = [
    "CdrAdmin",
    "OrderAdmin",
    "ReceiptAdmin",
    "TariffAdmin",
    "TariffAssignmentAdmin",
    "orders",
    "tariff",
]
