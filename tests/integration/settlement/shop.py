"""A whole shop at the provider simulator: account, driver, card, payments."""

import itertools
from dataclasses import dataclass, field
from typing import Any

from django.utils import timezone

from cpms.outbox.models import EventRecord
from settlement.models import Payment, PaymentAttempt
from settlement.providers.registry import get_provider
from settlement.services import methods, payments, verification
from tests.factories.money import payee_account, provider_settings
from tests.integration.settlement.world import (
    PARTIES,
    make_driver,
    make_operator,
    open_payment as open_for,
)
from tests.outbox import drain

_numbers = itertools.count(1)


@dataclass
class Shop:
    """What most tests need; times are real, as the simulator's are."""

    psp: Any
    operator: Any
    account: Any
    driver: Any
    method: Any
    parties: tuple = field(default=PARTIES)

    def open(self, **values):
        return open_for(
            self.operator, self.driver, self.method, at=timezone.now(), **values
        )

    def hold(self, **values):
        """A payment whose hold was asked for and answered."""
        view = self.open(**values)
        drain()
        return self.payment(view)

    def capture(self, view, amount_minor):
        payments.request_capture(
            payment_id=view.pk, amount_minor=amount_minor, at=timezone.now()
        )
        drain()
        return self.payment(view)

    def captured(self, amount_minor=1001, **values):
        return self.capture(self.hold(**values), amount_minor)

    def refund(self, view, amount_minor=None, *, fee=True, key="r1"):
        asked = payments.request_refund(
            payment_id=view.pk,
            amount_minor=amount_minor,
            reason="test",
            refund_application_fee=fee,
            key=key,
            by="operator",
            at=timezone.now(),
        )
        drain()
        return asked

    def payment(self, view):
        return Payment.objects.get(pk=getattr(view, "pk", None) or view.id)

    def card(self, behaviour):
        """Change what happens with the saved card."""
        self.psp.control(
            f"payment_methods/{self.method.payment_method_ref}",
            {"behaviour": behaviour},
        )

    def books(self):
        """The provider's own book of the account."""
        found = self.psp.books()["accounts"].get(self.account.reference, {})
        return found.get(self.operator.currency.lower(), {})

    def intent(self, payment):
        return get_provider("stripe").fetch_state(
            account=payment.account_reference, payment_ref=payment.provider_ref
        )


def make_shop(psp, **values):
    number = next(_numbers)
    operator = make_operator(f"shop-{number}", **values)
    account = payee_account(psp, operator)
    driver = make_driver(f"driver-{number}@example.org")
    method = methods.save(
        driver_id=driver.pk,
        provider="stripe",
        payment_method_ref="pm_card_visa",
        at=timezone.now(),
    )
    return Shop(psp, operator, account, driver, method)


def told(order_number):
    """Topics and payloads of what others heard about an order, oldest first."""
    work = {"PaymentAttemptQueued", "WebhookReceived"}
    rows = EventRecord.objects.filter(key=order_number).exclude(topic__in=work)
    return [(row.topic, row.payload) for row in rows.order_by("pk")]


def topics(order_number):
    return [topic for topic, _ in told(order_number)]


OPEN = ["pending", "unknown", "in_flight"]
ROUNDS_MAX = 40


def settle(rounds=ROUNDS_MAX):
    """Let what waits be asked again, at most so often, until nothing is open."""
    for _ in range(rounds):
        waiting = PaymentAttempt.objects.filter(state__in=OPEN)
        if not waiting.update(next_try_at=timezone.now()) and not drain():
            return
        drain()


def use(settings, psp):
    """Make a simulator the provider ``stripe``."""
    settings.PAYMENT_PROVIDERS = provider_settings(psp)


def proved():
    """Prove the whole ledger; the report of what was looked at."""
    report = verification.prove()
    assert report.ok, report.as_json()
    return report
