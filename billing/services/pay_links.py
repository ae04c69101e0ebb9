"""Links under which what a charge left owing is paid: on the operator's own account.

``/pay/<token>``: the order's number, signed by us under a name of its own, so that an
address of a live page pays nothing and the other way round.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.conf import settings
from django.core import signing

from billing.models import Order
from billing.models.order_states import OrderState
from cpms.accounts.tenancy import acting_as_platform
from cpms.kernel.errors import DomainError
from settlement.queries import open_receivables, owed_minor
from settlement.services import payments, receivables

PAY_PATH: Final = "/pay/"
TOKEN_CHARS_MAX: Final = 120
_SALT: Final = "billing.pay_links"


class UnableToFindDebt(DomainError):
    """The address leads to no order of ours."""

    http_status = 404


@dataclass(frozen=True, slots=True)
class Debt:
    """What is owed to whom. ``amount_minor`` 0: nothing any more.

    ``action_url`` is the provider's page, once a worker has opened it.
    """

    order_number: str
    operator_name: str
    amount_minor: int
    currency: str
    action_url: str | None


def url_of(number: str) -> str:
    """The address under which the debt of an order is paid."""
    token = signing.Signer(sep=".", salt=_SALT).sign(number)
    return f"{settings.PUBLIC_BASE_URL}{PAY_PATH}{token}"


def _order(token: str) -> Order:
    try:
        signer = signing.Signer(sep=".", salt=_SALT)
        number = signer.unsign(token[:TOKEN_CHARS_MAX])
    except signing.BadSignature as error:
        raise _unknown() from error
    order = Order.objects.select_related("operator").filter(number=number).first()
    if order is None:
        raise _unknown()
    return order


def _unknown() -> UnableToFindDebt:
    return UnableToFindDebt("unknown_debt", "There is nothing to pay at this address.")


def is_owed(order: Order) -> bool:
    """Whether anything of a charge is open, a later raised bill included."""
    if order.state != OrderState.CLOSED:
        return False
    with acting_as_platform("what an own charge left owing"):
        return owed_minor(order.number) > 0


def look(token: str) -> Debt:
    """What is owed under an address.

    Raises:
        UnableToFindDebt: the address is none of ours.
    """
    with acting_as_platform("who has the link may see the debt"):
        return _debt(_order(token))


def _debt(order: Order, action_url: str = "") -> Debt:
    found = [
        debt
        for debt in open_receivables([order.operator_id])
        if debt.order_number == order.number
    ]
    return Debt(
        order_number=order.number,
        operator_name=order.operator.name,
        amount_minor=found[0].amount_minor if found else 0,
        currency=order.currency,
        action_url=action_url or None,
    )


def pay(token: str, *, locale: str, at: datetime) -> Debt:
    """Have the provider's page opened for a debt; ask again until its address is there.

    Raises:
        UnableToFindDebt: the address is none of ours.
        UnableToCollect: nothing is owed, or it is being collected.
        UnableToResolvePayee: the operator's account cannot take it now.
    """
    with acting_as_platform("who has the link may pay the debt"):
        order = _order(token)
        ids = [
            debt.id
            for debt in open_receivables([order.operator_id])
            if debt.order_number == order.number
        ]
        page = f"{settings.PUBLIC_BASE_URL}{PAY_PATH}{token}"
        wanted = payments.CheckoutWanted(
            success_url=page,
            cancel_url=page,
            locale=locale,
            email=order.contact_email or None,
        )
        view = receivables.pay_link(
            receivable_id=ids[0] if ids else 0, checkout=wanted, at=at
        )
        return _debt(order, view.action_url)
