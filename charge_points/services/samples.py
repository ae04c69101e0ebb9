"""Rows of meter values: one multi-row INSERT that passes over what is there."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Final

from charge_points.services.facts import MeterBatch, SampleLike
from charge_points.services.rows import execute_rows

_INSERT: Final = """
INSERT INTO charge_points_metervalue
    (operator_id, charge_point_id, transaction_id, evse_number, connector_number,
     sampled_at, received_at, context, location, energy_wh, power_w, current_a,
     voltage_v, soc_percent, digest)
VALUES %s ON CONFLICT DO NOTHING
"""


@dataclass(frozen=True, slots=True)
class StoredSample:
    """A sample, the message that brought it, and the charge that it belongs to."""

    item: MeterBatch
    sample: SampleLike
    transaction_id: int | None


def digest_of(item: MeterBatch, sample: SampleLike) -> int:
    """63 bits over all that was reported: a repeat has the same, nothing else."""
    text = (
        f"{item.ocpp_transaction_id}|{item.evse}|{item.connector}|{sample.context}|"
        f"{sample.location}|{sample.energy_wh}|{sample.power_w}|{sample.current_a}|"
        f"{sample.voltage_v}|{sample.soc_percent}"
    )
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest()) >> 1


def insert_samples(stored: Sequence[StoredSample]) -> None:
    """Insert samples; repeats are passed over, contradictions are kept beside."""
    execute_rows(_INSERT, [_values(row) for row in stored])


def _values(row: StoredSample) -> tuple[Any, ...]:
    item, sample = row.item, row.sample
    return (
        item.operator_id,
        item.charge_point_id,
        row.transaction_id,
        item.evse,
        item.connector,
        sample.sampled_at,
        item.received_at,
        sample.context,
        sample.location,
        sample.energy_wh,
        sample.power_w,
        sample.current_a,
        sample.voltage_v,
        sample.soc_percent,
        digest_of(item, sample),
    )
