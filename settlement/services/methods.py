"""Payment methods of drivers: saved once on the platform, used at every operator.

Those saved at an operator with a key of its own work there alone.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Final

from django.db import transaction

from cpms.accounts.models import Driver
from cpms.accounts.tenancy import (
    able_to_read_driver,
    acting_as_driver,
    acting_as_platform,
)
from cpms.kernel.errors import DomainError
from cpms.kernel.ids import sha256_hex
from cpms.outbox import publish
from settlement import events
from settlement.models import DriverPaymentMethod
from settlement.providers.base import (
    ProviderError,
    ProviderNotConfigured,
    ProviderPaymentMethod,
    ProviderUnavailable,
)
from settlement.providers.registry import UnableToFindProvider, get_provider
from settlement.services import own_key_operators
from settlement.services.own_key_operators import OwnKeyOperator

METHODS_PER_DRIVER_MAX: Final = 20


class UnableToSavePaymentMethod(DomainError):
    """The provider refused the method, or the driver has too many."""

    http_status: ClassVar[int] = 402


@dataclass(frozen=True, slots=True)
class PaymentMethodView:
    """A saved method; the references are of the provider.

    ``operator_account`` is empty for a method that every operator takes, else the only
    account that knows it. ``operator`` is whose account that is: told by ``list_for``;
    None where it is nobody's any more. ``is_default``: of those that work alike.
    """

    id: int
    provider: str
    brand: str
    last4: str
    is_default: bool
    customer_ref: str
    payment_method_ref: str
    operator_account: str = ""
    operator: OwnKeyOperator | None = None


def _view(
    row: DriverPaymentMethod, operator: OwnKeyOperator | None = None
) -> PaymentMethodView:
    return PaymentMethodView(
        row.pk,
        row.provider,
        row.brand,
        row.last4,
        row.is_default,
        row.customer_ref,
        row.payment_method_ref,
        row.operator_account,
        operator,
    )


def default_for(
    driver_id: int, *, operator_account: str = ""
) -> PaymentMethodView | None:
    """The method that a driver's charges use, or None.

    ``operator_account`` asks for the one saved on the account of an operator with an
    own key; such a method cannot be used anywhere else.
    """
    with able_to_read_driver(driver_id):
        row = DriverPaymentMethod.objects.filter(
            driver_id=driver_id, is_default=True, operator_account=operator_account
        ).first()
    return None if row is None else _view(row)


def list_for(driver_id: int) -> list[PaymentMethodView]:
    """All methods of a driver, newest first; those of one operator alone come last."""
    with acting_as_driver(driver_id):
        rows = list(
            DriverPaymentMethod.objects.filter(
                driver_id=driver_id, removed_at__isnull=True
            ).order_by("-pk")
        )
    rows.sort(key=lambda row: bool(row.operator_account))
    known = own_key_operators.of_accounts(
        {row.operator_account for row in rows if row.operator_account}
    )
    return [_view(row, known.get(row.operator_account)) for row in rows]


def get(*, driver_id: int, payment_method_id: int) -> PaymentMethodView | None:
    """One method of this driver; None when it is not the driver's or was removed."""
    with able_to_read_driver(driver_id):
        row = DriverPaymentMethod.objects.filter(
            pk=payment_method_id, driver_id=driver_id, removed_at__isnull=True
        ).first()
    return None if row is None else _view(row)


def save(
    *, driver_id: int, provider: str, payment_method_ref: str, at: datetime
) -> PaymentMethodView:
    """Save a method that the provider's own form made; the newest is the default.

    Asks the provider, so call it outside of a database transaction. Asking again
    with the same reference gives the same method.

    Raises:
        UnableToSavePaymentMethod: refused, unknown provider, or too many methods.
    """
    with acting_as_platform("which customer of the provider is this driver?"):
        driver = Driver.objects.get(pk=driver_id)
        known = customer_of(driver_id=driver_id, provider=provider)
    try:
        remote = get_provider(provider)
        customer = known or remote.create_customer(
            email=driver.email, idempotency_key=customer_key(driver)
        )
        saved = remote.attach_payment_method(
            customer_ref=customer,
            payment_method_ref=payment_method_ref,
            idempotency_key=f"attach-{customer}-{payment_method_ref}",
        )
        card = remote.describe_payment_method(payment_method_ref=saved)
    except UnableToFindProvider as error:
        raise UnableToSavePaymentMethod(
            "unknown_provider", str(error), http_status=422
        ) from error
    except ProviderError as error:
        raise refused(error) from error
    with acting_as_platform("a driver's own payment methods"):
        return remember(
            driver_id=driver_id,
            provider=provider,
            customer_ref=customer,
            card=card,
            at=at,
        )


def customer_of(
    *, driver_id: int, provider: str, operator_account: str = ""
) -> str | None:
    """The driver's customer at a provider; None before the first method."""
    return (
        DriverPaymentMethod.objects.filter(
            driver_id=driver_id, provider=provider, operator_account=operator_account
        )
        .values_list("customer_ref", flat=True)
        .first()
    )


def customer_key(driver: Driver) -> str:
    """The same driver makes the same customer, however often it is asked for."""
    stamp = sha256_hex(f"{driver.email} {driver.created_at.isoformat()}")
    return f"customer-{stamp}"


def refused(error: ProviderError) -> UnableToSavePaymentMethod:
    """What a driver is told of the provider's error."""
    if isinstance(error, ProviderNotConfigured):
        return UnableToSavePaymentMethod(error.code, error.message, http_status=503)
    if isinstance(error, ProviderUnavailable):
        return UnableToSavePaymentMethod(
            error.code,
            "The payment provider does not answer; try again in a moment.",
            http_status=503,
        )
    return UnableToSavePaymentMethod(
        error.code, f"The payment provider refused the method: {error.message}"
    )


@transaction.atomic
def remember(
    *,
    driver_id: int,
    provider: str,
    operator_account: str = "",
    customer_ref: str,
    card: ProviderPaymentMethod,
    at: datetime,
) -> PaymentMethodView:
    """Keep a saved method as the driver's default.

    Raises:
        UnableToSavePaymentMethod: the account holds too many.
    """
    Driver.objects.select_for_update().get(pk=driver_id)
    rows = DriverPaymentMethod.objects.filter(driver_id=driver_id)
    found = rows.filter(provider=provider, payment_method_ref=card.ref).first()
    if found is None and rows.filter(removed_at__isnull=True).count() >= (
        METHODS_PER_DRIVER_MAX
    ):
        raise UnableToSavePaymentMethod(
            "too_many_payment_methods",
            f"An account holds at most {METHODS_PER_DRIVER_MAX} payment methods.",
            http_status=409,
        )
    rows.filter(is_default=True, operator_account=operator_account).update(
        is_default=False
    )
    if found is None:
        found = DriverPaymentMethod(
            driver_id=driver_id,
            provider=provider,
            operator_account=operator_account,
            customer_ref=customer_ref,
            payment_method_ref=card.ref,
            created_at=at,
        )
    found.brand, found.last4 = card.brand, card.last4
    found.is_default, found.removed_at = True, None
    found.save()
    if not operator_account:
        Driver.objects.filter(pk=driver_id).update(can_pay=True)
    publish(
        events.PAYMENT_METHOD_SAVED,
        operator_id=None,
        key=f"driver {driver_id}",
        payload={"driver_id": driver_id, "payment_method_id": found.pk},
    )
    return _view(found)
