"""Whether an account may begin to charge: told to its tokens before they are shown.

A card, token or app of an account is refused while the account owes something, while a
spending cap for a day or a month is used up, and while no payment method works. The
first start after the reason is gone is let in again.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from billing.services import caps, pay_links
from billing.services.terms import NOTHING_LEFT, SPENDING_CAP_REACHED
from charge_points.queries import blocked_drivers
from charge_points.services import id_tokens
from cpms.accounts.models import Driver
from cpms.kernel.errors import DomainError
from cpms.kernel.money import format_minor
from settlement.queries import debts_of_driver, drivers_in_debt

DEBT_OPEN: Final = "debt_open"
SWEEP_MAX: Final = 5_000


class UnableToTrustAccount(DomainError):
    """The account has to do something before it may charge again."""

    http_status = 402


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Why an account may not charge; ``pay_url``: where that can be mended at once."""

    code: str
    message: str
    pay_url: str | None = None


def obstacle(driver: Driver, *, at: datetime) -> Obstacle | None:
    """What keeps the tokens of an account out; None: they are let in."""
    found = _debt(driver)
    if found is not None:
        return found
    used_up = caps.used_up(driver, at=at)
    if used_up is not None:
        return Obstacle(
            SPENDING_CAP_REACHED, f"{NOTHING_LEFT} {used_up.of}; raise it, or wait."
        )
    if not driver.can_pay:
        return Obstacle(
            "no_payment_method",
            "The account has no payment method, or the last one was declined. Add one "
            "with POST /api/v1/driver/payment-methods.",
        )
    return None


def require_no_debt(driver: Driver | None) -> None:
    """Refuse a start before anything is asked of the card, while something is owed.

    Raises:
        UnableToTrustAccount: debt_open; ``pay_url`` tells where it is paid.
    """
    found = None if driver is None else _debt(driver)
    if found is not None:
        raise UnableToTrustAccount(found.code, found.message, pay_url=found.pay_url)


def _debt(driver: Driver) -> Obstacle | None:
    debts = debts_of_driver(driver.pk)
    if not debts:
        return None
    first = debts[0]
    url = pay_links.url_of(first.order_number)
    owed = format_minor(first.amount_minor, first.currency)
    return Obstacle(
        DEBT_OPEN,
        f"{owed} are still owed for the charge {first.order_number}; pay them at "
        f"{url}, then start again.",
        url,
    )


def refresh(driver_id: int, *, at: datetime) -> bool:
    """Bring the start policies of an account's tokens up to date.

    Returns:
        Whether any of them changed.
    """
    driver = Driver.objects.get(pk=driver_id)
    fine = obstacle(driver, at=at) is None
    return bool(id_tokens.set_account_state(driver_id=driver_id, can_pay=fine, at=at))


def sweep(*, at: datetime) -> int:
    """Look again at the accounts whose standing changes without an event.

    A new day begins, a debt is given up, a token is made for an account that owes.

    Returns:
        How many accounts' tokens changed.
    """
    found = {
        *blocked_drivers(limit=SWEEP_MAX),
        *drivers_in_debt(limit=SWEEP_MAX),
    }
    known = Driver.objects.filter(pk__in=found).order_by("pk")
    return sum(refresh(key, at=at) for key in known.values_list("pk", flat=True))
