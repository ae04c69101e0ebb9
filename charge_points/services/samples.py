"""Rows of meter values: one INSERT that passes over what is there.

The hot path writes each value out once, for its digest and for its column.
"""

from collections.abc import Sequence
from decimal import Decimal
from hashlib import blake2b
from typing import Final

from charge_points.services.facts import MeterBatch, SampleLike
from charge_points.services.rows import execute_columns, numbers, texts

# A reading beyond these is none; the columns could not hold it either.
ENERGY_MAX_WH: Final = Decimal(10) ** 12
POWER_MAX_W: Final = Decimal(10) ** 8
CURRENT_MAX_A: Final = Decimal(10) ** 6
VOLTAGE_MAX_V: Final = Decimal(10) ** 6
SOC_MAX_PERCENT: Final = Decimal(100)
NUMBER_MAX: Final = 2**15 - 1
CONTEXT_CHARS_MAX: Final = 24
LOCATION_CHARS_MAX: Final = 8

Stored = tuple[MeterBatch, SampleLike, int | None]
"""(message, sample, id of the charge that it belongs to)"""

_INSERT: Final = """
INSERT INTO charge_points_metervalue
    (operator_id, charge_point_id, transaction_id, evse_number, connector_number,
     sampled_at, received_at, context, location, energy_wh, power_w, current_a,
     voltage_v, soc_percent, digest)
SELECT * FROM unnest(
    %s::bigint[], %s::bigint[], %s::bigint[], %s::smallint[], %s::smallint[],
    %s::timestamptz[], %s::timestamptz[], %s::text[], %s::text[], %s::numeric[],
    %s::numeric[], %s::numeric[], %s::numeric[], %s::numeric[], %s::bigint[])
ON CONFLICT DO NOTHING
"""


def plausible_wh(value: Decimal | None) -> Decimal | None:
    """A register that a meter can have, else None."""
    if value is None or not -ENERGY_MAX_WH < value < ENERGY_MAX_WH:
        return None
    return value


def _text(value: Decimal | None, limit: Decimal) -> str | None:
    """How a value is written, None for one that cannot be."""
    if value is None or not -limit <= value <= limit:
        return None
    return str(value)


def _number(value: int) -> int:
    return value if 0 <= value <= NUMBER_MAX else 0


def digest_of(*parts: object) -> int:
    """63 bits over all that was reported: a repeat has the same, nothing else."""
    text = "|".join(map(str, parts))
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest()) >> 1


def insert_samples(stored: Sequence[Stored]) -> None:
    """Insert samples; repeats are passed over, contradictions are kept beside."""
    if not stored:
        return
    values = []
    for item, sample, _ in stored:
        energy = _text(sample.energy_wh, ENERGY_MAX_WH)
        power = _text(sample.power_w, POWER_MAX_W)
        current = _text(sample.current_a, CURRENT_MAX_A)
        voltage = _text(sample.voltage_v, VOLTAGE_MAX_V)
        soc = _text(sample.soc_percent, SOC_MAX_PERCENT)
        digest = digest_of(
            item.ocpp_transaction_id,
            item.evse,
            item.connector,
            sample.context,
            sample.location,
            energy,
            power,
            current,
            voltage,
            soc,
        )
        values.append((energy, power, current, voltage, soc, digest))
    energies, powers, currents, voltages, socs, digests = zip(*values, strict=True)
    execute_columns(
        _INSERT,
        [
            numbers([item.operator_id for item, _, _ in stored]),
            numbers([item.charge_point_id for item, _, _ in stored]),
            numbers([transaction_id for _, _, transaction_id in stored]),
            numbers([_number(item.evse) for item, _, _ in stored]),
            numbers([_number(item.connector) for item, _, _ in stored]),
            numbers([sample.sampled_at for _, sample, _ in stored]),
            numbers([item.received_at for item, _, _ in stored]),
            texts([sample.context[:CONTEXT_CHARS_MAX] for _, sample, _ in stored]),
            texts([sample.location[:LOCATION_CHARS_MAX] for _, sample, _ in stored]),
            numbers(energies),
            numbers(powers),
            numbers(currents),
            numbers(voltages),
            numbers(socs),
            numbers(digests),
        ],
    )
