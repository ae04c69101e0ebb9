"""The one cost function: preview, live cost, CDR and receipt all call ``rate``.

OCPI 2.3.0, modules Tariffs and CDRs:

* Per dimension the first element in list order that has it and is active wins;
  when none is, that dimension costs nothing at that time.
* ``step_size`` counts once for ENERGY and once for TIME and PARKING_TIME together:
  the block of the last component that was used rounds up the session's total of its
  dimension, at that component's price. When parking follows charging, parking is
  the last one, and charging is billed as measured. Time that costs nothing because
  no component was active is no part of that total.
* A reservation is billed in blocks of its own, apart from the charge that follows,
  so that it costs the same with and without it.
* FLAT is due once for the charge, once for a reservation and once for its expiry,
  as soon as an element that has it is active.
* ``min_price`` and ``max_price`` hold before and after taxes, each on its own. The
  least price is for a charge: a reservation that nobody used has none.
"""

from decimal import Decimal

from billing.pricing.exact import Exact, decimal_of, fine
from billing.pricing.plan import HOUR_US, plan_of
from billing.pricing.restrictions import UWH_PER_KWH_DIGITS
from billing.pricing.result import PricedSession, TaxTotal, Usage
from billing.pricing.rounding import (
    ROUNDING_POLICY,
    Amounts,
    Money,
    Policy,
    policy_of,
    share_amounts,
)
from billing.pricing.session import RESERVATION_STATES, Session, State
from billing.pricing.sheet import Sheet, Steps
from billing.pricing.tally import Tally, tally
from billing.pricing.tariff import Tariff


def rate(
    tariff: Tariff, session: Session, *, policy: str = ROUNDING_POLICY
) -> PricedSession:
    """Price a session by a tariff.

    Args:
        tariff: keep and reuse it: its plan is made once.
        session: ended or still going on (then up to now).
        policy: id of the rounding policy.

    Raises:
        UnableToRound: the policy is unknown.
    """
    round_money = policy_of(policy)
    plan = plan_of(tariff)
    sums = tally(plan, session)
    sheet = Sheet.of(plan, sums.scale)
    for part in plan.parts:
        billed = sums.billed[part.number]
        if billed:
            sheet.add(part, sums.volumes[part.number], billed)
    charged = any(period.state not in RESERVATION_STATES for period in session.periods)
    tax_totals = _tax_totals(sheet, round_money, limited=sheet.limit(charged=charged))
    steps = sheet.steps
    return PricedSession(
        currency=tariff.currency,
        lines=tuple(sheet.lines),
        before_taxes=decimal_of(steps.before),
        after_taxes=decimal_of(steps.before + steps.taxes),
        total_minor=sum(total.after_minor for total in tax_totals),
        tax_totals=tax_totals,
        rounding_policy=policy,
        usage=_usage(session, sums),
    )


def _tax_totals(
    sheet: Sheet, round_money: Policy, *, limited: bool
) -> tuple[TaxTotal, ...]:
    plan = sheet.plan
    used = sorted(sheet.used)
    if limited and not used:
        used = [0]
    amounts = [sheet.amounts[index] for index in used]
    if limited:
        amounts = list(share_amounts(amounts, sheet.before, sheet.after))
    money = _money(sheet, amounts, round_money, limited=limited)
    steps = Steps(sheet.steps.denominator, sheet.steps.gross)
    before: Exact = 0
    after: Exact = 0
    totals = []
    for index, amount, rounded in zip(used, amounts, money, strict=True):
        before, after = before + amount.before, after + amount.after
        net, taxes = steps.to(before, after)
        totals.append(
            TaxTotal(
                rate=plan.rates[index],
                before_taxes=decimal_of(net),
                taxes=decimal_of(taxes),
                after_taxes=decimal_of(net + taxes),
                before_minor=rounded.before_minor,
                taxes_minor=rounded.after_minor - rounded.before_minor,
                after_minor=rounded.after_minor,
            )
        )
    return tuple(totals)


def _money(
    sheet: Sheet, amounts: list[Amounts], round_money: Policy, *, limited: bool
) -> tuple[Money, ...]:
    plan = sheet.plan
    scale, denominator = 10**plan.digits, sheet.steps.denominator
    minor = [Amounts(a.before * scale, a.after * scale) for a in amounts]
    money = round_money(minor, denominator, limited=limited)
    # Rounding each tax rate up must not carry a total above the greatest price.
    if not limited and sheet.exceeds(
        sum(part.before_minor for part in money),
        sum(part.after_minor for part in money),
    ):
        return round_money(minor, denominator, limited=True)
    return money


def _usage(session: Session, sums: Tally) -> Usage:
    times = sums.times_us
    return Usage(
        starts_at=session.periods[0].starts_at,
        ends_at=session.periods[-1].ends_at,
        energy_kwh=decimal_of(fine(sums.energy_uwh, 10**UWH_PER_KWH_DIGITS)),
        charging_hours=_hours(times[State.CHARGING]),
        parking_hours=_hours(times[State.PARKING]),
        reservation_hours=_hours(
            times[State.RESERVED] + times[State.RESERVATION_EXPIRED]
        ),
    )


def _hours(us: Exact) -> Decimal:
    return decimal_of(fine(us, HOUR_US))
