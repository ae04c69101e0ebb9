"""Connected accounts and their onboarding."""

from typing import Final

from simulators.psp import ids
from simulators.psp.call import Call, page
from simulators.psp.errors import Json, invalid, no_such
from simulators.psp.limits import PLATFORM
from simulators.psp.store import Unit

LINK_LIFE_S: Final = 300

_DUE: Final = (
    "business_profile.url",
    "external_account",
    "tos_acceptance.date",
    "tos_acceptance.ip",
)
_CURRENCIES: Final = {
    "GB": "gbp",
    "US": "usd",
    "CH": "chf",
    "JP": "jpy",
    "SE": "sek",
    "NO": "nok",
    "DK": "dkk",
    "PL": "pln",
    "CZ": "czk",
    "HU": "huf",
    "KW": "kwd",
}
DISABLED_REASONS: Final = frozenset(
    {
        "action_required.requested_capabilities",
        "listed",
        "other",
        "platform_paused",
        "rejected.fraud",
        "rejected.incomplete_verification",
        "rejected.listed",
        "rejected.other",
        "rejected.terms_of_service",
        "requirements.past_due",
        "requirements.pending_verification",
        "under_review",
    }
)


def _requirements(due: list[str], reason: str | None) -> Json:
    return {
        "alternatives": [],
        "current_deadline": None,
        "currently_due": due,
        "disabled_reason": reason,
        "errors": [],
        "eventually_due": due,
        "past_due": due if reason == "requirements.past_due" else [],
        "pending_verification": [],
    }


def create(call: Call) -> Json:
    """Make an account that cannot take payments before its onboarding."""
    call.require_platform()
    country = (call.params.text("country") or "DE").upper()
    if len(country) != 2 or not country.isalpha():
        raise invalid(f"Country '{country}' is unknown.", param="country")
    currency = call.params.text("default_currency") or _CURRENCIES.get(country, "eur")
    capabilities = {
        name: "inactive"
        for name in ("card_payments", "transfers")
        if call.params.flag(f"capabilities.{name}.requested")
    }
    account: Json = {
        "id": "acct_" + ids.token(16),
        "object": "account",
        "business_profile": None,
        "business_type": call.params.text("business_type"),
        "capabilities": capabilities,
        "charges_enabled": False,
        "country": country,
        "created": call.now,
        "default_currency": currency.lower(),
        "details_submitted": False,
        "email": call.params.text("email"),
        "future_requirements": _requirements([], None),
        "metadata": call.params.metadata(),
        "payouts_enabled": False,
        "requirements": _requirements(list(_DUE), "requirements.past_due"),
        "type": call.params.text("type") or "none",
    }
    return call.unit.put(PLATFORM, "account", account)


def find(unit: Unit, reference: str) -> Json:
    """Return an account.

    Raises:
        ApiError: 403 `account_invalid`, as for accounts of other platforms.
    """
    account = unit.find(PLATFORM, "account", reference)
    if account is None:
        raise invalid(
            f"The provided key does not have access to account '{reference}' "
            "(or that account does not exist).",
            code="account_invalid",
            status=403,
        )
    return account


def _visible(call: Call) -> Json:
    reference = call.path["account"]
    if call.account not in {PLATFORM, reference}:
        raise no_such("account", reference, param="account")
    return find(call.unit, reference)


def get(call: Call) -> Json:
    """Return one account: any for the platform, itself for an account."""
    return _visible(call)


def list_all(call: Call) -> Json:
    """List the platform's connected accounts."""
    call.require_platform()
    return page(call, "account")


def update(call: Call) -> Json:
    """Change contact details and metadata."""
    account = _visible(call)
    if call.params.given("email"):
        account["email"] = call.params.text("email")
    if call.params.given("default_currency"):
        account["default_currency"] = call.params.need_text("default_currency").lower()
    account["metadata"] = call.params.metadata(account["metadata"])
    return save(call.unit, account)


def delete(call: Call) -> Json:
    """Remove an account whose balances are zero."""
    call.require_platform()
    account = _visible(call)
    report = call.world.store.books.account_report(account["id"], call.now)
    if any(sums["balance_minor"] for sums in report.values()):
        raise invalid("The account still has a balance.", code="balance_not_zero")
    call.unit.delete(PLATFORM, "account", account["id"])
    return {"id": account["id"], "object": "account", "deleted": True}


def save(unit: Unit, account: Json) -> Json:
    """Stage a changed account and tell the platform."""
    unit.put(PLATFORM, "account", account)
    unit.emit(account["id"], "account.updated", account)
    return account


def enable(unit: Unit, account: Json) -> Json:
    """Finish the onboarding: the account takes payments from now."""
    account["charges_enabled"] = True
    account["payouts_enabled"] = True
    account["details_submitted"] = True
    account["requirements"] = _requirements([], None)
    account["capabilities"] = dict.fromkeys(account["capabilities"], "active")
    return save(unit, account)


def change_state(unit: Unit, account: Json, values: Json) -> Json:
    """Set what only the provider decides (control endpoint).

    `values` may hold charges_enabled, payouts_enabled, disabled_reason and
    requirements_due.
    """
    known = {
        "charges_enabled",
        "payouts_enabled",
        "disabled_reason",
        "requirements_due",
        "current_deadline",
    }
    if unknown := set(values) - known:
        raise invalid(f"Unknown members: {', '.join(sorted(unknown))}")
    for name in ("charges_enabled", "payouts_enabled"):
        account[name] = bool(values.get(name, account[name]))
    old = account["requirements"]
    reason = values.get("disabled_reason", old["disabled_reason"])
    if reason is not None and reason not in DISABLED_REASONS:
        raise invalid(f"Unknown disabled_reason: {reason}", param="disabled_reason")
    due = [str(name) for name in values.get("requirements_due", old["currently_due"])]
    account["requirements"] = _requirements(due, reason)
    account["requirements"]["current_deadline"] = values.get(
        "current_deadline", old["current_deadline"]
    )
    active = "active" if account["charges_enabled"] else "inactive"
    account["capabilities"] = dict.fromkeys(account["capabilities"], active)
    account["details_submitted"] = account["details_submitted"] or not due
    return save(unit, account)


def create_link(call: Call) -> Json:
    """Make a short-lived address of the hosted onboarding page."""
    call.require_platform()
    account = find(call.unit, call.params.need_text("account"))
    kinds = {"account_onboarding", "account_update"}
    call.params.choice("type", kinds)
    call.params.need_text("type")
    secret = ids.token()
    link = {
        "id": secret,
        "account": account["id"],
        "expires_at": call.now + LINK_LIFE_S,
        "return_url": call.params.need_text("return_url"),
        "refresh_url": call.params.need_text("refresh_url"),
    }
    call.unit.put(PLATFORM, "_account_link", link)
    return {
        "object": "account_link",
        "created": call.now,
        "expires_at": link["expires_at"],
        "url": f"{call.world.base_url}/hosted/onboarding/{secret}",
    }


def require_charges(call: Call) -> None:
    """Refuse a payment on an account that may not take any."""
    if call.account == PLATFORM:
        return
    if not find(call.unit, call.account)["charges_enabled"]:
        raise invalid(
            "Your account cannot currently make charges. Complete the "
            "account's requirements first.",
            code="account_cannot_make_charges",
        )
