"""The running values of charges: loaded, moved in memory and saved as a set."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from charge_points.models import Transaction
from charge_points.services import signed_values
from charge_points.services.energy import (
    HARMLESS_WH,
    NOTHING,
    UNKNOWN_POWER_W,
    Register,
    Span,
)
from charge_points.services.facts import CONTEXT_BEGIN, CONTEXT_CLOCK, SampleLike
from charge_points.services.rows import fetch_columns, numbers, texts
from charge_points.services.samples import POWER_MAX_W, plausible_wh

# Rows are locked in the order of their ids by everybody.
_LOAD: Final = """
SELECT charge.id, charge.operator_id, charge.charge_point_id, charge.ocpp_id,
       charge.state, charge.started_at, charge.estimated, charge.meter_start_wh,
       charge.last_energy_wh, charge.last_energy_at, charge.meter_gain_wh,
       charge.meter_regressed, charge.last_sample_at, charge.last_seq_no,
       charge.charging_state, charge.evse_number, charge.connector_number
FROM unnest(%s::bigint[], %s::text[]) AS wanted (charge_point_id, ocpp_id)
JOIN charge_points_transaction AS charge
  ON charge.charge_point_id = wanted.charge_point_id
 AND charge.ocpp_id = wanted.ocpp_id
ORDER BY charge.id FOR NO KEY UPDATE OF charge
"""
# Only charges that reached a limit come back, those whose limit on the station itself
# falls to zero soon, and refused ones that draw energy. What is NULL in v was not told.
_SAVE: Final = """
WITH moved AS (
    UPDATE charge_points_transaction AS charge SET
        meter_start_wh = v.start_wh, last_energy_wh = v.last_wh,
        last_energy_at = v.last_at, meter_gain_wh = v.gain_wh,
        meter_regressed = v.regressed,
        last_power_w = coalesce(v.power_w, charge.last_power_w),
        last_soc_percent = coalesce(v.soc_percent, charge.last_soc_percent),
        last_sample_at = v.sample_at,
        last_seen_at = greatest(v.seen_at, charge.last_seen_at),
        last_seq_no = v.seq_no, charging_state = v.charging_state
    FROM unnest(
        %s::bigint[], %s::numeric[], %s::numeric[], %s::timestamptz[], %s::numeric[],
        %s::boolean[], %s::numeric[], %s::numeric[], %s::timestamptz[],
        %s::timestamptz[], %s::bigint[], %s::text[]
    ) AS v (id, start_wh, last_wh, last_at, gain_wh, regressed, power_w, soc_percent,
            sample_at, seen_at, seq_no, charging_state)
    WHERE charge.id = v.id
    RETURNING charge.id, charge.state, charge.meter_start_wh, charge.last_energy_wh,
              charge.last_seen_at, charge.energy_limit_wh, charge.ends_by,
              charge.stop_requested_at, charge.started_at,
              charge.limit_profile_until,
              charge.started_by = '' AND charge.id_token_status <> ''
              AND charge.announced_at IS NULL AND charge.state <> 'ended'
              AND charge.last_energy_wh - charge.meter_start_wh > %s AS draws,
              coalesce(charge.last_soc_percent >= charge.soc_limit_percent, FALSE)
              AS is_full
)
SELECT * FROM moved
WHERE stop_requested_at IS NULL AND (draws OR state = 'active'
  AND (last_energy_wh - meter_start_wh >= energy_limit_wh OR ends_by <= last_seen_at
       OR is_full
       OR limit_profile_until <= last_seen_at + interval '5 minutes'))
"""


@dataclass(slots=True)
class Running:
    """A charge's row as far as messages move it.

    ``power_w`` and ``soc_percent`` are those of the messages at hand; ``seen_at`` is
    None as long as nothing came.
    """

    id: int
    operator_id: int
    charge_point_id: int
    ocpp_id: str
    state: str
    started_at: datetime
    estimated: bool
    register: Register
    sample_at: datetime | None
    seq_no: int | None
    charging_state: str
    evse: int
    connector: int
    power_w: Decimal | None = None
    soc_percent: Decimal | None = None
    seen_at: datetime | None = None
    signed: list[dict[str, str]] = field(default_factory=list)

    def touch(self, received_at: datetime) -> None:
        """Something came of it."""
        if self.seen_at is None or received_at > self.seen_at:
            self.seen_at = received_at

    def take(self, sample: SampleLike) -> None:
        """Let a sample move the running values; the newest by its own time counts."""
        for value in sample.signed:
            self.signed.append(
                {
                    "data": value.data,
                    "signing_method": value.signing_method,
                    "encoding_method": value.encoding_method,
                    "public_key": value.public_key,
                    "context": value.context,
                }
            )
        if sample.context == CONTEXT_CLOCK:
            return
        at = sample.sampled_at
        energy_wh = plausible_wh(sample.energy_wh)
        if energy_wh is not None:
            taken = self.register.advance(energy_wh, at)
            if not taken and sample.context == CONTEXT_BEGIN:
                self.register.start_wh = energy_wh
        if self.sample_at is not None and at < self.sample_at:
            return
        self.sample_at = at
        if sample.power_w is not None and abs(sample.power_w) <= POWER_MAX_W:
            self.power_w = sample.power_w
        if sample.soc_percent is not None and 0 <= sample.soc_percent <= 100:
            self.soc_percent = sample.soc_percent

    def write_to(self, row: Transaction) -> None:
        """Bring a loaded row up to date with what was saved."""
        row.meter_start_wh = self.register.start_wh
        row.last_energy_wh = self.register.last_wh
        row.last_energy_at = self.register.last_at
        row.meter_gain_wh = self.register.gain_wh
        row.meter_regressed = self.register.regressed
        row.last_sample_at = self.sample_at
        if self.seen_at is not None:
            row.last_seen_at = max(row.last_seen_at, self.seen_at)


def running_of(row: Transaction) -> Running:
    """The running values of a row that is locked and loaded already."""
    return Running(
        row.pk,
        row.operator_id,
        row.charge_point_id,
        row.ocpp_id,
        row.state,
        row.started_at,
        row.estimated,
        Register(
            row.meter_start_wh,
            row.last_energy_wh,
            row.last_energy_at,
            row.meter_gain_wh,
            row.meter_regressed,
        ),
        row.last_sample_at,
        row.last_seq_no,
        row.charging_state,
        row.evse_number,
        row.connector_number,
    )


def _running(row: Sequence[Any]) -> Running:
    return Running(
        row[0],
        row[1],
        row[2],
        row[3],
        row[4],
        row[5],
        row[6],
        Register(row[7], row[8], row[9], row[10], row[11]),
        row[12],
        row[13],
        row[14],
        row[15],
        row[16],
    )


def load(keys: set[tuple[int, str]]) -> dict[tuple[int, str], Running]:
    """Lock and load the charges (charge point id, OCPP id) that exist."""
    if not keys:
        return {}
    wanted = list(keys)
    found = fetch_columns(
        _LOAD,
        [numbers([key for key, _ in wanted]), texts([name for _, name in wanted])],
    )
    return {(row[2], row[3]): _running(row) for row in found}


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a charge is, and its limits as they stand in the database now."""

    transaction_id: int
    state: str
    energy_wh: Decimal
    at: datetime
    energy_limit_wh: int | None
    ends_by: datetime | None
    stop_requested_at: datetime | None
    started_at: datetime
    draws_refused: bool = False
    is_full: bool = False

    @property
    def exceeded(self) -> str:
        """Which limit is reached ("battery", "energy", "time"), or empty."""
        if self.state != "active" or self.stop_requested_at is not None:
            return ""
        if self.is_full:
            return "battery"
        if self.energy_limit_wh is not None and self.energy_wh >= self.energy_limit_wh:
            # A register that jumped is no reason to end a charge: it goes to review.
            span = Span(self.started_at, self.at, UNKNOWN_POWER_W)
            return "energy" if self.energy_wh <= span.possible_wh() else ""
        if self.ends_by is not None and self.at >= self.ends_by:
            return "time"
        return ""


def save(rows: Sequence[Running]) -> list[Progress]:
    """Write the running values of all rows in one statement.

    Returns:
        The charges that reached a limit and were not asked to stop yet, those whose
        profile on the station is to be renewed (``exceeded`` is empty), and refused
        ones that draw energy (``draws_refused``).
    """
    if not rows:
        return []
    registers = [row.register for row in rows]
    found = fetch_columns(
        _SAVE,
        [
            numbers([row.id for row in rows]),
            numbers([register.start_wh for register in registers]),
            numbers([register.last_wh for register in registers]),
            numbers([register.last_at for register in registers]),
            numbers([register.gain_wh for register in registers]),
            numbers([register.regressed for register in registers]),
            numbers([row.power_w for row in rows]),
            numbers([row.soc_percent for row in rows]),
            numbers([row.sample_at for row in rows]),
            numbers([row.seen_at for row in rows]),
            numbers([row.seq_no for row in rows]),
            texts([row.charging_state for row in rows]),
            HARMLESS_WH,
        ],
    )
    signed = [row for row in rows if row.signed]
    if signed:
        _save_signed(signed)
    return [_progress(row) for row in found]


def _progress(row: Sequence[Any]) -> Progress:
    start_wh, last_wh = row[2], row[3]
    known = start_wh is not None and last_wh is not None
    return Progress(
        transaction_id=row[0],
        state=row[1],
        energy_wh=max(last_wh - start_wh, NOTHING) if known else NOTHING,
        at=row[4],
        energy_limit_wh=row[5],
        ends_by=row[6],
        stop_requested_at=row[7],
        started_at=row[8],
        draws_refused=bool(row[10]),
        is_full=row[11],
    )


def _save_signed(rows: Sequence[Running]) -> None:
    """Append signed values; those of a charge that ended are looked at anew."""
    found = Transaction.objects.filter(pk__in=[row.id for row in rows])
    charges = {charge.pk: charge for charge in found}
    for row in rows:
        charge = charges[row.id]
        signed_values.keep(charge.signed_values, row.signed)
    Transaction.objects.bulk_update(charges.values(), ["signed_values"])
    ended = [charge for charge in charges.values() if charge.state == "ended"]
    if ended:
        signed_values.review_late(ended)
