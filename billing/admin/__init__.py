"""Billing's pages for operators."""

from billing.admin.assignments import TariffAssignmentAdmin
from billing.admin.contracts import ContractAdmin
from billing.admin.document_mails import DocumentMailAdmin
from billing.admin.driver_groups import DriverGroupAdmin, DriverGroupMemberAdmin
from billing.admin.onboarding import tariff
from billing.admin.orders import CdrAdmin, OrderAdmin, ReceiptAdmin
from billing.admin.panels import orders
from billing.admin.tariffs import TariffAdmin

__all__ = [
    "CdrAdmin",
    "ContractAdmin",
    "DocumentMailAdmin",
    "DriverGroupAdmin",
    "DriverGroupMemberAdmin",
    "OrderAdmin",
    "ReceiptAdmin",
    "TariffAdmin",
    "TariffAssignmentAdmin",
    "orders",
    "tariff",
]
