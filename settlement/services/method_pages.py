"""Saving a payment method on the provider's own page: card data never reaches us."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction

from cpms.accounts.models import Driver
from cpms.accounts.tenancy import acting_as_platform
from cpms.kernel.ids import new_secret
from settlement.models import SetupPage
from settlement.providers.base import PaymentProvider, ProviderError, SetupRequest
from settlement.providers.registry import UnableToFindProvider, get_provider
from settlement.services import methods
from settlement.services.access import provider_for
from settlement.services.methods import PaymentMethodView

LOOK_AFTER: Final = timedelta(seconds=20)
LOOK_MAX: Final = 100


@dataclass(frozen=True, slots=True)
class MethodPage:
    """Where a driver saves a method; ``id`` to ask for it again."""

    id: int
    url: str
    expires_at: datetime


def begin(  # noqa: PLR0913 - the facts of one page, all named
    *,
    driver_id: int,
    provider: str,
    currency: str,
    success_url: str,
    cancel_url: str,
    locale: str,
    at: datetime,
    operator_account: str = "",
) -> MethodPage:
    """Open a page where the driver saves a method for every operator.

    With ``operator_account``, the account of an operator with an own key, the method
    is saved there and for that operator alone.

    Asks the provider, so call it outside of a database transaction.

    Raises:
        UnableToSavePaymentMethod: unknown provider, or it refused.
    """
    with acting_as_platform("which customer of the provider is this driver?"):
        driver = Driver.objects.get(pk=driver_id)
        known = methods.customer_of(
            driver_id=driver_id, provider=provider, operator_account=operator_account
        )
    try:
        remote = _remote(provider, operator_account)
        customer = known or remote.create_customer(
            email=driver.email,
            idempotency_key=methods.customer_key(driver) + operator_account,
        )
        page = remote.open_setup(
            SetupRequest(
                account=operator_account or None,
                customer_ref=customer,
                currency=currency,
                success_url=success_url,
                cancel_url=cancel_url,
                locale=locale,
                # Nothing is lost with an unanswered page: another one is opened.
                idempotency_key=f"setup-{driver_id}-{new_secret()}",
            )
        )
    except UnableToFindProvider as error:
        raise methods.UnableToSavePaymentMethod(
            "unknown_provider", str(error), http_status=422
        ) from error
    except ProviderError as error:
        raise methods.refused(error) from error
    with acting_as_platform("a driver's own payment methods"):
        row = SetupPage.objects.create(
            driver_id=driver_id,
            provider=provider,
            operator_account=operator_account,
            reference=page.ref,
            customer_ref=customer,
            url=page.url or "",
            expires_at=page.expires_at,
            created_at=at,
        )
    return MethodPage(row.pk, row.url, row.expires_at)


def _remote(provider: str, operator_account: str) -> PaymentProvider:
    if not operator_account:
        return get_provider(provider)
    with acting_as_platform("the provider account of an operator with an own key"):
        return provider_for(provider, operator_account)


def finish(*, driver_id: int, page_id: int, at: datetime) -> PaymentMethodView | None:
    """What the driver saved on a page; None when nothing yet, or not theirs.

    Asks the provider, so call it outside of a database transaction.

    Raises:
        ProviderError: the provider could not be asked.
    """
    with acting_as_platform("a driver's own payment methods"):
        row = SetupPage.objects.filter(pk=page_id, driver_id=driver_id).first()
    return None if row is None else _look(row, at)


def follow(*, provider: str, reference: str, at: datetime) -> bool:
    """Take in what became of a page; False when it is not one of ours."""
    row = SetupPage.objects.filter(provider=provider, reference=reference).first()
    if row is None:
        return False
    _look(row, at)
    return True


def to_look_at(*, at: datetime) -> list[int]:
    """Pages whose driver may have come back without telling."""
    rows = SetupPage.objects.filter(
        state=SetupPage.State.OPEN, created_at__lt=at - LOOK_AFTER
    )
    return list(rows.order_by("created_at").values_list("pk", flat=True)[:LOOK_MAX])


def look(*, page_id: int, at: datetime) -> None:
    """Ask what became of one page."""
    _look(SetupPage.objects.get(pk=page_id), at)


def _look(row: SetupPage, at: datetime) -> PaymentMethodView | None:
    remote = _remote(row.provider, row.operator_account)
    known = remote.fetch_checkout(
        account=row.operator_account or None, checkout_ref=row.reference
    )
    card = None
    if known.payment_method_ref is not None:
        card = remote.describe_payment_method(
            payment_method_ref=known.payment_method_ref
        )
    with acting_as_platform("a driver's own payment methods"), transaction.atomic():
        row.state = SetupPage.State(known.state)
        row.save(update_fields=["state"])
        if card is None:
            return None
        return methods.remember(
            driver_id=row.driver_id,
            provider=row.provider,
            operator_account=row.operator_account,
            customer_ref=row.customer_ref,
            card=card,
            at=at,
        )
