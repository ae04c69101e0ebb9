"""A small network to test with, and short names for the facts that stations tell."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from charge_points.models import ChargePoint, Connector, Transaction
from charge_points.services import (
    availability,
    id_tokens,
    provisioning,
    starting,
    transactions,
)
from charge_points.services.facts import (
    MeterBatch,
    Sample,
    StartFact,
    StatusReport,
    StopFact,
    TransactionFact,
)
from cpms.accounts.services import operators
from cpms.outbox.models import EventRecord

NOON = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
ORDER = "0123456789ABCDEF0123"
OTHER_ORDER = "FFFFFFFFFFFFFFFFFFFF"


def later(**units):
    return NOON + timedelta(**units)


def make_operator(code="one", **kwargs):
    return operators.create_operator(
        code=code,
        name=code.title(),
        country="DE",
        currency="EUR",
        time_zone="Europe/Berlin",
        by="test",
        at=NOON,
        **kwargs,
    )


@dataclass
class Station:
    """A charge point with shorthand for what it tells; EVSE 1 unless said otherwise."""

    id: int
    operator_id: int
    identity: str
    password: str

    @property
    def row(self):
        return ChargePoint.objects.get(pk=self.id)

    def connector(self, evse=1):
        return Connector.objects.get(charge_point_id=self.id, evse_number=evse)

    @property
    def who(self):
        return {"charge_point_id": self.id, "operator_id": self.operator_id}

    def status(self, status, at=NOON, evse=1, connector=1, received_at=None, **more):
        return StatusReport(
            **self.who,
            evse=evse,
            connector=connector,
            status=status,
            reported_at=at,
            received_at=received_at or at,
            **more,
        )

    def tell_status(self, status, at=NOON, **more):
        availability.report_status([self.status(status, at, **more)])

    def start(self, token, at=NOON, meter=1000, evse=1, received_at=None):
        return transactions.start(
            StartFact(
                **self.who,
                evse=evse,
                connector=1,
                id_token=token,
                started_at=at,
                meter_start_wh=Decimal(meter),
                received_at=received_at or at,
            )
        )

    def stop(self, ocpp_id, at, meter, received_at=None, **more):
        return transactions.stop(
            StopFact(
                **self.who,
                ocpp_id=ocpp_id,
                ended_at=at,
                meter_stop_wh=None if meter is None else Decimal(meter),
                received_at=received_at or at,
                **more,
            )
        )

    def values(self, ocpp_id, *samples, evse=1, connector=1, received_at=None):
        return MeterBatch(
            **self.who,
            evse=evse,
            connector=connector,
            ocpp_transaction_id=ocpp_id,
            samples=samples,
            received_at=received_at or max(s.sampled_at for s in samples),
        )

    def event(self, seq_no, kind="Updated", at=NOON, ocpp_id="tx-1", **more):
        defaults = {
            "evse": 1,
            "connector": 1,
            "received_at": at,
            "payload_hash": f"hash {seq_no}",
        }
        return TransactionFact(
            **self.who,
            event_type=kind,
            ocpp_id=ocpp_id,
            seq_no=seq_no,
            occurred_at=at,
            **{**defaults, **more},
        )

    def tell(self, *args, **more):
        return transactions.apply_events([self.event(*args, **more)])[0]

    def reserve(self, order=ORDER, evse=1, at=NOON):
        return starting.reserve(
            operator_id=self.operator_id,
            charge_point_identity=self.identity,
            evse=evse,
            connector=1,
            order_number=order,
            at=at,
        )

    def ask_start(self, order=ORDER, evse=1, at=NOON, energy_limit_wh=None):
        self.reserve(order, evse, at)
        return starting.request_start(
            order_number=order, energy_limit_wh=energy_limit_wh, ends_by=None, at=at
        )

    def transaction(self, **lookup):
        return Transaction.objects.get(charge_point_id=self.id, **lookup)


def make_station(identity="CP-1", operator="one", evses=2, power_w=22_000, **more):
    created = provisioning.create_charge_point(
        wanted=provisioning.NewChargePoint(
            operator_code=operator,
            identity=identity,
            evses=evses,
            max_power_w=power_w,
            **more,
        ),
        by="test",
        at=NOON,
    )
    return Station(
        created.charge_point_id,
        created.operator_id,
        created.identity,
        created.password,
    )


def allow(token, status="accepted", **more):
    defaults = {"operator_id": None, "at": NOON}
    return id_tokens.put_policy(token=token, status=status, **{**defaults, **more})


def energy(wh, at, **more):
    return Sample(at, None if wh is None else Decimal(wh), **more)


def told(topic=None):
    """Payloads of the events so far, oldest first."""
    rows = EventRecord.objects.order_by("id")
    if topic is not None:
        rows = rows.filter(topic=topic)
        return [row.payload for row in rows]
    return [row.topic for row in rows]
