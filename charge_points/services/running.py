"""The running values of charges: loaded, moved in memory and saved as a set."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from django.db import connection

from charge_points.models import Transaction
from charge_points.services.energy import NOTHING, UNKNOWN_POWER_W, Register, Span
from charge_points.services.facts import CONTEXT_BEGIN, CONTEXT_CLOCK, SampleLike
from charge_points.services.rows import fetch_rows

SIGNED_VALUES_MAX: Final = 20
"""Kept of one charge: begin, end and what lies between, as far as stations sign."""

_COLUMNS: Final = (
    "id, operator_id, charge_point_id, ocpp_id, state, started_at, estimated, "
    "meter_start_wh, last_energy_wh, last_energy_at, meter_gain_wh, meter_regressed, "
    "last_power_w, last_soc_percent, last_sample_at, last_seen_at, last_seq_no, "
    "charging_state, evse_number, connector_number"
)
# Rows are locked in the order of their ids by everybody.
_LOAD: Final = (
    f"SELECT {_COLUMNS} FROM charge_points_transaction "  # noqa: S608 - no input
    "WHERE (charge_point_id, ocpp_id) IN %s ORDER BY id FOR NO KEY UPDATE"
)
_SAVE: Final = """
UPDATE charge_points_transaction AS charge SET
    meter_start_wh = v.start_wh, last_energy_wh = v.last_wh, last_energy_at = v.last_at,
    meter_gain_wh = v.gain_wh, meter_regressed = v.regressed,
    last_power_w = v.power_w, last_soc_percent = v.soc_percent,
    last_sample_at = v.sample_at, last_seen_at = v.seen_at, last_seq_no = v.seq_no,
    charging_state = v.charging_state
FROM (VALUES %s) AS v (id, start_wh, last_wh, last_at, gain_wh, regressed, power_w,
                       soc_percent, sample_at, seen_at, seq_no, charging_state)
WHERE charge.id = v.id
RETURNING charge.id, charge.state, charge.meter_start_wh, charge.last_energy_wh,
          charge.last_energy_at, charge.last_seen_at, charge.energy_limit_wh,
          charge.ends_by, charge.stop_requested_at, charge.started_at
"""
_SAVE_TEMPLATE: Final = (
    "(%s::bigint,%s::numeric,%s::numeric,%s::timestamptz,%s::numeric,%s::boolean,"
    "%s::numeric,%s::numeric,%s::timestamptz,%s::timestamptz,%s::integer,%s)"
)


@dataclass(slots=True)
class Running:
    """A charge's row as far as messages move it."""

    id: int
    operator_id: int
    charge_point_id: int
    ocpp_id: str
    state: str
    started_at: datetime
    estimated: bool
    register: Register
    power_w: Decimal | None
    soc_percent: Decimal | None
    sample_at: datetime | None
    seen_at: datetime
    seq_no: int | None
    charging_state: str
    evse: int
    connector: int
    touched: bool = False
    signed: list[dict[str, str]] = field(default_factory=list)

    def touch(self, received_at: datetime) -> None:
        """Something came of it."""
        self.touched = True
        self.seen_at = max(self.seen_at, received_at)

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
        if sample.energy_wh is not None:
            taken = self.register.advance(sample.energy_wh, at)
            if not taken and sample.context == CONTEXT_BEGIN:
                self.register.start_wh = sample.energy_wh
        if self.sample_at is not None and at < self.sample_at:
            return
        self.sample_at = at
        if sample.power_w is not None:
            self.power_w = sample.power_w
        if sample.soc_percent is not None:
            self.soc_percent = sample.soc_percent


def _running(row: Sequence[Any]) -> Running:
    return Running(
        id=row[0],
        operator_id=row[1],
        charge_point_id=row[2],
        ocpp_id=row[3],
        state=row[4],
        started_at=row[5],
        estimated=row[6],
        register=Register(row[7], row[8], row[9], row[10], row[11]),
        power_w=row[12],
        soc_percent=row[13],
        sample_at=row[14],
        seen_at=row[15],
        seq_no=row[16],
        charging_state=row[17],
        evse=row[18],
        connector=row[19],
    )


def load(keys: set[tuple[int, str]]) -> dict[tuple[int, str], Running]:
    """Lock and load the charges (charge point id, OCPP id) that exist."""
    if not keys:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(_LOAD, [tuple(keys)])
        return {(row[2], row[3]): _running(row) for row in cursor.fetchall()}


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

    @property
    def exceeded(self) -> str:
        """Which limit is reached ("energy", "time"), or empty."""
        if self.state != "active" or self.stop_requested_at is not None:
            return ""
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
        Where each charge stands now.
    """
    found = fetch_rows(_SAVE, [_values(row) for row in rows], template=_SAVE_TEMPLATE)
    signed = [row for row in rows if row.signed]
    if signed:
        _save_signed(signed)
    return [
        Progress(
            transaction_id=row[0],
            state=row[1],
            energy_wh=NOTHING
            if row[2] is None or row[3] is None
            else max(row[3] - row[2], NOTHING),
            at=row[5],
            energy_limit_wh=row[6],
            ends_by=row[7],
            stop_requested_at=row[8],
            started_at=row[9],
        )
        for row in found
    ]


def _values(row: Running) -> tuple[Any, ...]:
    register = row.register
    return (
        row.id,
        register.start_wh,
        register.last_wh,
        register.last_at,
        register.gain_wh,
        register.regressed,
        row.power_w,
        row.soc_percent,
        row.sample_at,
        row.seen_at,
        row.seq_no,
        row.charging_state,
    )


def _save_signed(rows: Sequence[Running]) -> None:
    """Append signed values, without repeats, up to the limit."""
    found = Transaction.objects.filter(pk__in=[row.id for row in rows])
    charges = {charge.pk: charge for charge in found}
    for row in rows:
        charge = charges[row.id]
        for value in row.signed:
            if value not in charge.signed_values:
                charge.signed_values.append(value)
        del charge.signed_values[SIGNED_VALUES_MAX:]
    Transaction.objects.bulk_update(charges.values(), ["signed_values"])
