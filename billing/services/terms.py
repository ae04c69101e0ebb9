"""On which terms a charge is sold: tariff, hold, limits, payee, split."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from billing.pricing import (
    ChargeLimits,
    ChargingPeriod,
    Outlook,
    Session,
    State,
    Tariff,
    limits_for_amount,
    parse_tariff,
    rate,
)
from billing.services import caps
from billing.services.tariff_choice import (
    AppliedTariff,
    Place,
    TokenType,
    driver_groups,
    tariff_for,
)
from charge_points.queries import ConnectorView
from cpms.accounts.models import Driver, Operator, Vehicle
from cpms.kernel.errors import DomainError
from cpms.kernel.json import content_hash
from cpms.kernel.money import format_minor, to_minor
from settlement.services import payees, splits

POWER_UNKNOWN_W: Final = 350_000
"""Taken for connectors without a known power: the fastest there are."""

IDLE_RESERVE: Final = timedelta(hours=1)
"""The hold keeps back so much idle time, where idle time costs; at most half of it."""

FREE_VEND_CODE: Final = "FREE-VEND"
SPENDING_CAP_REACHED: Final = "spending_cap_reached"
NOTHING_LEFT: Final = "There is nothing left of"
"""How the refusal of a used-up cap begins; on an order it blames no card."""


class UnableToPlaceOrder(DomainError):
    """The charge cannot be sold; nothing was created."""


@dataclass(frozen=True)
class Guest:
    """Somebody without an account: pays on the provider's own page, once.

    Args:
        email: where the receipt goes; empty: nowhere.
        language: of pages and receipt.
        success_url, cancel_url: where the provider's page sends its visitor back to.
    """

    email: str
    language: str
    success_url: str
    cancel_url: str


@dataclass(frozen=True)
class Buyer:
    """Who pays and what they allow.

    ``max_amount_minor`` is the most that vehicle or driver agreed to, in
    ``max_currency`` (None: whatever the tariff's is). ``present``: somebody can
    answer the bank's question (3-D Secure) now. ``uncapped``: spending caps do not
    count, for energy flows already and is to be stopped. ``unsecured``: the operator
    itself wants the charge, and no hold is asked for. ``agreed_tariff`` is the content
    hash of the tariff that was shown; empty: none was named.
    """

    driver: Driver | None
    vehicle: Vehicle | None = None
    max_amount_minor: int | None = None
    max_currency: str | None = None
    present: bool = False
    guest: Guest | None = None
    uncapped: bool = False
    unsecured: bool = False
    agreed_tariff: str = ""


@dataclass(frozen=True)
class Terms:
    """The terms as they are frozen on an order; a free charge has no limits."""

    operator: Operator
    applied: AppliedTariff
    hold_minor: int
    limits: ChargeLimits | None
    payee: payees.PayeeSnapshot | None = None
    split: splits.SplitSnapshot | None = None

    @property
    def free(self) -> bool:
        """Whether nothing can cost anything."""
        return self.limits is None


def place_of(
    view: ConnectorView,
    *,
    token_group: str = "",
    token_type: str = "",
    groups: frozenset[int] = frozenset(),
) -> Place:
    """Where and for whom the tariff is looked up for a connector."""
    return Place(
        operator_id=view.operator_id,
        charge_point=view.charge_point,
        site_id=view.site_id,
        connector_type=view.connector_type,
        token_group=token_group,
        token_type=token_type,
        driver_groups=groups,
    )


def _token_type(buyer: Buyer) -> str:
    """Who starts where no token does: an account, or somebody without one."""
    return TokenType.AD_HOC_USER if buyer.driver is None else TokenType.APP_USER


def hold_for(
    operator: Operator,
    buyer: Buyer,
    *,
    tariff: Tariff,
    time_zone: str,
    at: datetime,
) -> int:
    """The hold: the smallest of the operator's, the caps' and the agreed amount.

    For ad hoc payment a tariff may state the operator's amount itself
    (preauthorize_amount of OCPI 2.3.0).

    Caps of account and vehicle count where their currency is charged.

    Raises:
        UnableToPlaceOrder: the vehicle agreed to an amount of another currency
            (``currency_mismatch``), or a cap is used up (``spending_cap_reached``).
    """
    currency = tariff.currency
    hold_minor = operator.hold_default_minor
    if buyer.driver is None and tariff.preauthorize_amount is not None:
        hold_minor = to_minor(tariff.preauthorize_amount, currency)
    if buyer.max_amount_minor is not None:
        if buyer.max_currency not in {None, currency}:
            raise UnableToPlaceOrder(
                "currency_mismatch",
                f"The charge costs {currency}, but a maximum in {buyer.max_currency} "
                f"was agreed to. State it in {currency}, or leave it out.",
            )
        hold_minor = min(hold_minor, buyer.max_amount_minor)
    if buyer.uncapped:
        return hold_minor
    for left in caps.left(
        buyer.driver, buyer.vehicle, currency=currency, time_zone=time_zone, at=at
    ):
        if left.amount_minor <= 0:
            raise UnableToPlaceOrder(
                SPENDING_CAP_REACHED,
                f"{NOTHING_LEFT} {left.of}; raise it, or wait.",
                http_status=402,
            )
        hold_minor = min(hold_minor, left.amount_minor)
    return hold_minor


def terms_for(
    view: ConnectorView,
    buyer: Buyer,
    *,
    group: str,
    at: datetime,
    token_type: str = "",
) -> Terms:
    """Tariff, hold and limits as they would be frozen now; payee and split later.

    ``group`` and ``token_type`` (OCPI) are those of the id token; without a token the
    buyer tells the type.

    Raises:
        UnableToFindTariff: no tariff applies.
        UnableToPlaceOrder: see ``hold_for``.
        UnableToLimitCharge: the connector's power makes no sense.
    """
    operator = Operator.objects.get(pk=view.operator_id)
    driver_id = buyer.driver.pk if buyer.driver is not None else None
    place = place_of(
        view,
        token_group=group,
        token_type=token_type or _token_type(buyer),
        groups=driver_groups(driver_id, operator_id=view.operator_id),
    )
    applied = tariff_for(place, at=at)
    tariff = parse_tariff(applied.ocpi)
    if is_free(tariff):
        return Terms(operator, applied, 0, None)
    hold_minor = hold_for(
        operator,
        buyer,
        tariff=tariff,
        time_zone=view.time_zone,
        at=at,
    )
    reserve_minor = _idle_reserve_minor(tariff, view.time_zone, at=at)
    power_w = view.max_power_w or POWER_UNKNOWN_W
    limits = limits_for_amount(
        tariff,
        Outlook(at, view.time_zone, Decimal(power_w) / 1000),
        amount_minor=hold_minor - min(reserve_minor, hold_minor // 2),
        currency=applied.currency,
    )
    return Terms(operator, applied, hold_minor, limits)


def require_agreed(terms: Terms, buyer: Buyer) -> None:
    """Refuse a price that is not the one that was shown, before anything starts.

    Raises:
        UnableToPlaceOrder: price_changed.
    """
    if buyer.agreed_tariff and buyer.agreed_tariff != terms.applied.content_hash:
        raise UnableToPlaceOrder(
            "price_changed",
            "The price has changed since it was shown; look at it again, then start.",
        )


def require_worth(terms: Terms) -> None:
    """Refuse a hold that buys nothing, before anything starts.

    Raises:
        UnableToPlaceOrder: hold_too_small.
    """
    if terms.limits is not None and terms.limits.energy_wh == 0:
        hold = format_minor(terms.hold_minor, terms.applied.currency)
        raise UnableToPlaceOrder(
            "hold_too_small",
            f"A hold of {hold} does not even buy the start here; raise the spending "
            "cap.",
        )


def with_payee(terms: Terms, view: ConnectorView, *, at: datetime) -> Terms:
    """Freeze who is paid and who shares; another operator's account never steps in.

    Where the operator gives energy away when it cannot be paid (its own setting), the
    charge becomes free of charge.

    Raises:
        UnableToResolvePayee: no account of the operator can take the payment.
    """
    if terms.free:
        return terms
    operator = terms.operator
    try:
        payee = payees.snapshot(
            operator_id=operator.pk, currency=terms.applied.currency, at=at
        )
    except payees.UnableToResolvePayee as error:
        if operator.free_vend:
            return Terms(operator, _given_away(terms.applied, error), 0, None)
        raise
    split = splits.snapshot(
        operator_id=operator.pk,
        site_id=view.site_id,
        charge_point=view.charge_point,
        at=at,
    )
    return replace(terms, payee=payee, split=split)


def _given_away(applied: AppliedTariff, why: DomainError) -> AppliedTariff:
    ocpi: dict[str, Any] = {
        "country_code": applied.ocpi.get("country_code", "XX"),
        "party_id": applied.ocpi.get("party_id", "XXX"),
        "id": FREE_VEND_CODE,
        "currency": applied.currency,
        "tax_included": "N/A",
        "elements": [
            {"price_components": [{"type": "FLAT", "price": 0, "step_size": 1}]}
        ],
        "last_updated": applied.ocpi.get("last_updated", "2026-01-01T00:00:00Z"),
    }
    return replace(
        applied,
        code=FREE_VEND_CODE,
        ocpi=ocpi,
        content_hash=content_hash(ocpi),
        reason=f"given away: {why.message}"[:200],
    )


def is_free(tariff: Tariff) -> bool:
    """Whether nothing in the tariff costs anything."""
    if tariff.min_price is not None:
        return False
    return not any(
        component.price
        for element in tariff.elements
        for component in element.price_components
    )


def _idle_reserve_minor(tariff: Tariff, time_zone: str, *, at: datetime) -> int:
    parked = ChargingPeriod(State.PARKING, at, at + IDLE_RESERVE)
    cost = rate(tariff, Session((parked,), time_zone)).cost_of("PARKING_TIME")
    return to_minor(cost.after_taxes, tariff.currency)
