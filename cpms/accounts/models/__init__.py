"""The tables of the accounts room, one model a file."""

from cpms.accounts.models.api_key import ApiKey
from cpms.accounts.models.audit import AuditEntry
from cpms.accounts.models.authority import VehicleAuthority
from cpms.accounts.models.contract import Contract
from cpms.accounts.models.driver import Driver, DriverToken
from cpms.accounts.models.idempotency import IdempotencyRecord
from cpms.accounts.models.operator import Membership, Operator
from cpms.accounts.models.user import User
from cpms.accounts.models.vehicle import Vehicle, VehicleShare, VehicleTransfer

__all__ = [
    "ApiKey",
    "AuditEntry",
    "Contract",
    "Driver",
    "DriverToken",
    "IdempotencyRecord",
    "Membership",
    "Operator",
    "User",
    "Vehicle",
    "VehicleAuthority",
    "VehicleShare",
    "VehicleTransfer",
]
