"""Saving a card on the provider's page: for every operator, or for one alone.

An operator that is paid with a key of its own knows only cards saved on its account.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.conf import settings

from cpms.accounts.models import Driver, Operator
from cpms.accounts.tenancy import acting_as_platform
from cpms.kernel.errors import DomainError
from settlement.services import method_pages, payees

METHODS_PATH: Final = "/account/payment-methods"
PROVIDER: Final = "stripe"
CURRENCY: Final = "EUR"
"""Of a page that saves a card, where nobody named one; nothing is paid there."""


class UnableToFindOperator(DomainError):
    """There is no such operator."""

    http_status = 404


@dataclass(frozen=True, slots=True)
class Wanted:
    """A page that saves a card.

    Args:
        operator_code: of the operator that the card is for; empty: for all of them.
        locale: of the page; empty: the account's.
        success_url, cancel_url: where it leads back to; empty: the account's page.
    """

    operator_code: str = ""
    locale: str = ""
    success_url: str = ""
    cancel_url: str = ""


def open_page(
    *, driver_id: int, wanted: Wanted, at: datetime
) -> method_pages.MethodPage:
    """Have the provider open a page where the driver saves a card.

    A card for an operator whose payments the platform arranges is one for all of
    them. Asks the provider, so call it outside of a database transaction.

    Raises:
        UnableToFindOperator: unknown_operator.
        UnableToResolvePayee: the operator has no account that takes payments.
        UnableToSavePaymentMethod: the provider refused, or cannot be asked.
    """
    with acting_as_platform("where an operator's drivers save their cards"):
        driver = Driver.objects.get(pk=driver_id)
        currency, provider, account = driver.cap_currency or CURRENCY, PROVIDER, ""
        if wanted.operator_code:
            payee = _payee_of(wanted.operator_code, at=at)
            currency, provider = payee.currency, payee.provider
            account = payee.cards_account
    back = f"{settings.PUBLIC_BASE_URL}{METHODS_PATH}"
    return method_pages.begin(
        driver_id=driver_id,
        provider=provider,
        currency=currency,
        success_url=wanted.success_url or f"{back}?saved=1",
        cancel_url=wanted.cancel_url or back,
        locale=wanted.locale or driver.locale,
        at=at,
        operator_account=account,
    )


@dataclass(frozen=True, slots=True)
class NamedOperator:
    """An operator as drivers know it."""

    code: str
    name: str


def operator_named(code: str) -> NamedOperator | None:
    """The operator with this code, or None."""
    with acting_as_platform("operators' names are public"):
        found = Operator.objects.filter(code=code).first() if code else None
        return None if found is None else NamedOperator(found.code, found.name)


def _payee_of(operator_code: str, *, at: datetime) -> payees.PayeeSnapshot:
    operator = Operator.objects.filter(code=operator_code).first()
    if operator is None:
        raise UnableToFindOperator(
            "unknown_operator", "There is no operator with this code."
        )
    return payees.snapshot(operator_id=operator.pk, currency=operator.currency, at=at)
