"""Charges as the pricing engine sees them."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from billing.pricing import ChargingPeriod, Session, State, Tariff
from charge_points.queries import SessionFacts

MILLI_WH: Final = Decimal("0.001")


def session_of(facts: SessionFacts, *, until: datetime | None = None) -> Session:
    """The pricing engine's view of a charge.

    Args:
        facts: measured periods of the charge.
        until: end of the idle phase (unplug); parking is added up to it.

    Raises:
        UnableToBuildSession: the facts cannot have happened like this.
    """
    periods = [
        ChargingPeriod(
            state=State(period.state),
            starts_at=period.starts_at,
            ends_at=period.ends_at,
            energy_wh=period.energy_wh,
            current_a=_load(period.current_a),
            power_kw=_load(period.power_w, divisor=1000),
        )
        for period in facts.periods
    ]
    if not periods:
        end = max(facts.ended_at or facts.started_at, facts.started_at)
        periods = [
            ChargingPeriod(State.CHARGING, facts.started_at, end, facts.energy_wh)
        ]
    last = periods[-1].ends_at
    if until is not None and until > last:
        periods.append(
            ChargingPeriod(state=State.PARKING, starts_at=last, ends_at=until)
        )
    return Session(periods=tuple(periods), time_zone=facts.time_zone)


def _load(value: Decimal | None, *, divisor: int = 1) -> Decimal | None:
    """Current or power; a meter that shows a little less than nothing shows nothing."""
    return None if value is None else max(value, Decimal(0)) / divisor


def charges_parking(tariff: Tariff) -> bool:
    """Whether time after the charge costs anything."""
    return any(
        component.type == "PARKING_TIME" and component.price
        for element in tariff.elements
        for component in element.price_components
    )


def with_energy(facts: SessionFacts, energy_wh: int) -> SessionFacts:
    """The same charge with another energy, spread over it as the measured one was."""
    weights = [period.energy_wh for period in facts.periods]
    if not sum(weights):
        weights = [
            Decimal((period.ends_at - period.starts_at) // timedelta(microseconds=1))
            for period in facts.periods
        ]
    shares = _spread(Decimal(energy_wh), weights)
    periods = tuple(
        replace(period, energy_wh=share)
        for period, share in zip(facts.periods, shares, strict=True)
    )
    return replace(facts, energy_wh=energy_wh, periods=periods)


def _spread(energy_wh: Decimal, weights: Sequence[Decimal]) -> list[Decimal]:
    """Shares of a whole by weight; the last one that weighs takes what is left."""
    total, left = sum(weights, Decimal(0)), energy_wh
    shares = [Decimal(0)] * len(weights)
    takers = [index for index, weight in enumerate(weights) if weight > 0]
    for index in takers[:-1]:
        shares[index] = (energy_wh * weights[index] / total).quantize(MILLI_WH)
        left -= shares[index]
    if takers:
        shares[takers[-1]] = left
    return shares
