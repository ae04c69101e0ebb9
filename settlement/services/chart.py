"""The chart of accounts: which codes exist, of which type, and what they mean.

Debit is positive. An operator's book is a memo of its own account at the provider;
the platform's book holds its fees and nothing else.
"""

from typing import Final

from settlement.models import PLATFORM_BOOK, LedgerAccount, Payment

_T = LedgerAccount.Type

SESSION_REVENUE: Final = "session_revenue"
REFUNDS: Final = "refunds"
DRIVER_RECEIVABLES: Final = "driver_receivables"
BAD_DEBTS: Final = "bad_debts"
PLATFORM_FEES: Final = "platform_fees"
PROVIDER_FEES: Final = "provider_fees"
DISPUTES: Final = "disputes"
BANK: Final = "bank"
PROVIDER_OTHER: Final = "provider_other"
APPLICATION_FEES: Final = "application_fees"
OPERATOR_FUNDS_HELD: Final = "operator_funds_held"
PLATFORM_RECEIVABLES: Final = "platform_receivables"
PLATFORM_BANK: Final = "platform_bank"
PLATFORM_PARTY: Final = "platform"

_TYPES: Final = {
    SESSION_REVENUE: _T.INCOME,
    REFUNDS: _T.INCOME,
    DRIVER_RECEIVABLES: _T.ASSET,
    BAD_DEBTS: _T.EXPENSE,
    PLATFORM_FEES: _T.EXPENSE,
    PROVIDER_FEES: _T.EXPENSE,
    DISPUTES: _T.EXPENSE,
    BANK: _T.ASSET,
    # Lines of the provider that no rule explains: shown until somebody does.
    PROVIDER_OTHER: _T.ASSET,
    APPLICATION_FEES: _T.INCOME,
    OPERATOR_FUNDS_HELD: _T.LIABILITY,
    # Fees of operators with an own key: invoiced by the month, never taken.
    PLATFORM_RECEIVABLES: _T.ASSET,
    PLATFORM_BANK: _T.ASSET,
}
# provider:<provider>:<account> is the clearing account: the provider's balance;
# split:<party> is a party's share as cost, payable:<party> what it is owed.
_PREFIXES: Final = {
    "provider": _T.ASSET,
    "split": _T.EXPENSE,
    "payable": _T.LIABILITY,
}
PLATFORM_CODES: Final = frozenset(
    {APPLICATION_FEES, OPERATOR_FUNDS_HELD, PLATFORM_RECEIVABLES, PLATFORM_BANK}
)


def type_of(code: str) -> str | None:
    """The type of an account code; None when the chart has no such code."""
    if code in _TYPES:
        return str(_TYPES[code].value)
    prefix, _, rest = code.partition(":")
    return str(_PREFIXES[prefix].value) if rest and prefix in _PREFIXES else None


def clearing(provider: str, reference: str) -> str:
    """An operator's own account at the provider."""
    return f"provider:{provider}:{reference}"


def clearing_of(payment: Payment) -> str:
    """The payee's account of a payment."""
    return clearing(payment.provider, payment.account_reference)


def platform_clearing(provider: str) -> str:
    """The platform's own account at the provider, in the platform's book."""
    return f"provider:{provider}:platform"


def split_cost(party: str) -> str:
    """A party's share, as the operator's cost."""
    return f"split:{party}"


def payable(party: str) -> str:
    """What the operator owes a party, settled from its own bank account."""
    return f"payable:{party}"


def belongs(operator_id: int, code: str) -> bool:
    """Whether a book may have this account."""
    if operator_id != PLATFORM_BOOK:
        return code not in PLATFORM_CODES
    return code in PLATFORM_CODES or code.endswith(":platform")
