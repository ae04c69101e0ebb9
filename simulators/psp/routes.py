"""The endpoints: a route is data.

There is deliberately no `/v1/transfers`: the platform cannot move money to an
account, and no route accepts `transfer_data` or `on_behalf_of`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from simulators.psp import (
    accounts,
    checkout,
    customers,
    disputes,
    endpoints,
    holds,
    intents,
    money,
    refunds,
    setups,
)
from simulators.psp.call import Call
from simulators.psp.errors import Json

Handler = Callable[[Call], Json]

_PAGE: Final = (
    "created created.gt created.gte created.lt created.lte "
    "ending_before expand limit starting_after"
)
_PAGE_WITHOUT_DATE: Final = "ending_before expand limit starting_after"
_CARD_OPTIONS: Final = (
    "payment_method_options.card.request_incremental_authorization "
    "payment_method_options.card.request_three_d_secure"
)
_DESCRIPTOR: Final = "statement_descriptor statement_descriptor_suffix"
_CONTACT: Final = "email expand metadata business_type default_currency"


@dataclass(frozen=True, slots=True)
class Route:
    """One method of one path: who answers, and which names it accepts."""

    method: str
    path: str
    handler: Handler
    accepts: frozenset[str]
    answers: str

    @property
    def segments(self) -> tuple[str, ...]:
        """The path's parts; a part in braces is a variable."""
        return tuple(self.path.strip("/").split("/"))


def _route(signature: str, handler: Handler, answers: str, accepts: str) -> Route:
    method, path = signature.split()
    return Route(method, path, handler, frozenset(accepts.split()), answers)


def _get(path: str, handler: Handler, answers: str) -> Route:
    return _route(f"GET {path}", handler, answers, "expand")


def _list(path: str, handler: Handler, answers: str, filters: str = "") -> Route:
    return _route(f"GET {path}", handler, f"list:{answers}", f"{_PAGE} {filters}")


_PAYMENTS: Final = (
    _list("/v1/payment_intents", intents.list_all, "payment_intent", "customer"),
    _route(
        "POST /v1/payment_intents",
        intents.create,
        "payment_intent",
        "allowed_payment_method_types amount application_fee_amount "
        "automatic_payment_methods.enabled "
        "automatic_payment_methods.allow_redirects capture_method confirm "
        "currency customer error_on_requires_action expand metadata off_session "
        "payment_method payment_method_types receipt_email return_url "
        f"setup_future_usage transfer_group use_stripe_sdk {_DESCRIPTOR} "
        f"{_CARD_OPTIONS}",
    ),
    _get("/v1/payment_intents/{intent}", intents.get, "payment_intent"),
    _route(
        "POST /v1/payment_intents/{intent}",
        intents.update,
        "payment_intent",
        "amount application_fee_amount customer expand metadata payment_method",
    ),
    _route(
        "POST /v1/payment_intents/{intent}/cancel",
        holds.cancel,
        "payment_intent",
        "cancellation_reason expand",
    ),
    _route(
        "POST /v1/payment_intents/{intent}/capture",
        holds.capture,
        "payment_intent",
        "amount_to_capture application_fee_amount expand final_capture metadata "
        + _DESCRIPTOR,
    ),
    _route(
        "POST /v1/payment_intents/{intent}/confirm",
        intents.confirm,
        "payment_intent",
        "client_secret error_on_requires_action expand off_session payment_method "
        f"receipt_email return_url use_stripe_sdk {_CARD_OPTIONS}",
    ),
    _route(
        "POST /v1/payment_intents/{intent}/increment_authorization",
        holds.increment,
        "payment_intent",
        "amount application_fee_amount expand metadata statement_descriptor",
    ),
    _get("/v1/charges/{charge}", refunds.get_charge, "charge"),
    _route(
        "POST /v1/charges/{charge}", refunds.update_charge, "charge", "expand metadata"
    ),
)
_REFUNDS: Final = (
    _list("/v1/refunds", refunds.list_all, "refund", "charge payment_intent"),
    _route(
        "POST /v1/refunds",
        refunds.create,
        "refund",
        "amount charge expand metadata payment_intent reason refund_application_fee",
    ),
    _get("/v1/refunds/{refund}", refunds.get, "refund"),
    _route("POST /v1/refunds/{refund}", refunds.update, "refund", "expand metadata"),
    _list("/v1/application_fees", refunds.list_fees, "application_fee", "charge"),
    _get("/v1/application_fees/{id}", refunds.get_fee, "application_fee"),
    _route(
        "GET /v1/application_fees/{id}/refunds",
        refunds.list_fee_refunds,
        "list:fee_refund",
        _PAGE_WITHOUT_DATE,
    ),
    _route(
        "POST /v1/application_fees/{id}/refunds",
        refunds.create_fee_refund,
        "fee_refund",
        "amount expand metadata",
    ),
    _list("/v1/disputes", disputes.list_all, "dispute", "charge payment_intent"),
    _get("/v1/disputes/{dispute}", disputes.get, "dispute"),
    _route(
        "POST /v1/disputes/{dispute}",
        disputes.update,
        "dispute",
        "expand metadata submit "
        + " ".join(f"evidence.{name}" for name in disputes.EVIDENCE),
    ),
    _route("POST /v1/disputes/{dispute}/close", disputes.close, "dispute", "expand"),
)
_MONEY: Final = (
    _get("/v1/balance", money.balance, "balance"),
    _list(
        "/v1/balance_transactions",
        money.list_transactions,
        "balance_transaction",
        "currency payout source type",
    ),
    _get("/v1/balance_transactions/{id}", money.get_transaction, "balance_transaction"),
    _list("/v1/payouts", money.list_payouts, "payout", "status"),
    _route(
        "POST /v1/payouts",
        money.create_payout,
        "payout",
        "amount currency expand metadata method statement_descriptor",
    ),
    _get("/v1/payouts/{payout}", money.get_payout, "payout"),
    _route(
        "POST /v1/payouts/{payout}", money.update_payout, "payout", "expand metadata"
    ),
)
_ACCOUNTS: Final = (
    _list("/v1/accounts", accounts.list_all, "account"),
    _route(
        "POST /v1/accounts",
        accounts.create,
        "account",
        f"{_CONTACT} capabilities.card_payments.requested country "
        "capabilities.transfers.requested type "
        "controller.fees.payer controller.losses.payments "
        "controller.requirement_collection controller.stripe_dashboard.type",
    ),
    _get("/v1/accounts/{account}", accounts.get, "account"),
    _route("POST /v1/accounts/{account}", accounts.update, "account", _CONTACT),
    _route("DELETE /v1/accounts/{account}", accounts.delete, "deleted_account", ""),
    _route(
        "POST /v1/account_links",
        accounts.create_link,
        "account_link",
        "account expand refresh_url return_url type",
    ),
)
_CUSTOMERS: Final = (
    _list("/v1/customers", customers.list_all, "customer", "email"),
    _route(
        "POST /v1/customers",
        customers.create,
        "customer",
        "email expand metadata name payment_method",
    ),
    _get("/v1/customers/{customer}", customers.get, "customer"),
    _route(
        "POST /v1/customers/{customer}",
        customers.update,
        "customer",
        "email expand invoice_settings.default_payment_method metadata name",
    ),
    _route("DELETE /v1/customers/{customer}", customers.delete, "deleted_customer", ""),
    _route(
        "GET /v1/payment_methods",
        customers.list_methods,
        "list:payment_method",
        f"{_PAGE_WITHOUT_DATE} customer type",
    ),
    _route(
        "POST /v1/payment_methods",
        customers.create_method,
        "payment_method",
        "card.cvc card.exp_month card.exp_year card.number card.token customer "
        "expand metadata payment_method type",
    ),
    _get(
        "/v1/payment_methods/{payment_method}", customers.get_method, "payment_method"
    ),
    _route(
        "POST /v1/payment_methods/{payment_method}",
        customers.update_method,
        "payment_method",
        "expand metadata",
    ),
    _route(
        "POST /v1/payment_methods/{payment_method}/attach",
        customers.attach,
        "payment_method",
        "customer expand",
    ),
)
_SETUPS: Final = (
    _list(
        "/v1/setup_intents", setups.list_all, "setup_intent", "customer payment_method"
    ),
    _route(
        "POST /v1/setup_intents",
        setups.create,
        "setup_intent",
        "allowed_payment_method_types automatic_payment_methods.enabled "
        "confirm customer expand metadata "
        "payment_method payment_method_types return_url usage use_stripe_sdk",
    ),
    _get("/v1/setup_intents/{intent}", setups.get, "setup_intent"),
    _route(
        "POST /v1/setup_intents/{intent}",
        setups.update,
        "setup_intent",
        "expand metadata payment_method",
    ),
    _route(
        "POST /v1/setup_intents/{intent}/confirm",
        setups.confirm,
        "setup_intent",
        "client_secret expand payment_method return_url use_stripe_sdk",
    ),
)
_CHECKOUT: Final = (
    _list(
        "/v1/checkout/sessions",
        checkout.list_all,
        "checkout.session",
        "customer payment_intent status",
    ),
    _route(
        "POST /v1/checkout/sessions",
        checkout.create,
        "checkout.session",
        "cancel_url client_reference_id currency customer customer_email expand "
        "expires_at "
        "line_items.price_data.currency line_items.price_data.product_data.name "
        "line_items.price_data.unit_amount line_items.quantity locale metadata "
        "mode payment_intent_data.application_fee_amount "
        "payment_intent_data.capture_method payment_intent_data.metadata "
        "payment_method_types success_url ui_mode",
    ),
    _get("/v1/checkout/sessions/{session}", checkout.get, "checkout.session"),
    _route(
        "POST /v1/checkout/sessions/{session}",
        checkout.update,
        "checkout.session",
        "expand metadata",
    ),
    _route(
        "POST /v1/checkout/sessions/{session}/expire",
        checkout.expire,
        "checkout.session",
        "expand",
    ),
)
_EVENTS: Final = (
    _list("/v1/events", endpoints.list_events, "event", "type types"),
    _get("/v1/events/{id}", endpoints.get_event, "event"),
    _route(
        "GET /v1/webhook_endpoints",
        endpoints.list_all,
        "list:webhook_endpoint",
        _PAGE_WITHOUT_DATE,
    ),
    _route(
        "POST /v1/webhook_endpoints",
        endpoints.create,
        "webhook_endpoint",
        "connect enabled_events expand metadata url",
    ),
    _get("/v1/webhook_endpoints/{webhook_endpoint}", endpoints.get, "webhook_endpoint"),
    _route(
        "POST /v1/webhook_endpoints/{webhook_endpoint}",
        endpoints.update,
        "webhook_endpoint",
        "disabled enabled_events expand metadata url",
    ),
    _route(
        "DELETE /v1/webhook_endpoints/{webhook_endpoint}",
        endpoints.delete,
        "deleted_webhook_endpoint",
        "",
    ),
)

ROUTES: Final = (
    *_PAYMENTS,
    *_REFUNDS,
    *_MONEY,
    *_ACCOUNTS,
    *_CUSTOMERS,
    *_SETUPS,
    *_CHECKOUT,
    *_EVENTS,
)


def _matches(route: Route, segments: tuple[str, ...]) -> dict[str, str] | None:
    if len(route.segments) != len(segments):
        return None
    found = {}
    for wanted, given in zip(route.segments, segments, strict=True):
        if wanted.startswith("{"):
            found[wanted[1:-1]] = given
        elif wanted != given:
            return None
    return found


_BY_SHAPE: Final[dict[tuple[str, int], list[Route]]] = {}
for _entry in ROUTES:
    _key = (_entry.method, len(_entry.segments))
    _BY_SHAPE.setdefault(_key, []).append(_entry)


def find(method: str, path: str) -> tuple[Route, dict[str, str]] | None:
    """Return the route of a request and the variables of its path."""
    segments = tuple(path.strip("/").split("/"))
    for route in _BY_SHAPE.get((method, len(segments)), ()):
        variables = _matches(route, segments)
        if variables is not None:
            return route, variables
    return None
