"""Charge points, and what they tell, through the doors that the handlers use."""

import itertools
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from django.utils import timezone

from charge_points.models import ChargePoint, Connector, Transaction
from charge_points.services import (
    availability,
    certificates,
    id_tokens,
    metering,
    provisioning,
    transactions,
)
from charge_points.services.facts import (
    MeterBatch,
    Sample,
    StartFact,
    StatusReport,
    StopFact,
)

POWER_W = 22_000
_numbers = itertools.count(1)


@dataclass
class Charge:
    """A 1.6 charge as its station tells it; times are the station's."""

    station: "Station"
    evse: int
    ocpp_id: str
    transaction_id: int
    status: str
    meter_wh: int
    started_at: datetime

    @property
    def row(self) -> Transaction:
        return Transaction.objects.get(pk=self.transaction_id)

    def meter(self, energy_wh: int, at: datetime, **values):
        """A meter value: energy since the start."""
        sample = Sample(at, Decimal(self.meter_wh + energy_wh), **values)
        batch = MeterBatch(
            **self.station.who,
            evse=self.evse,
            connector=1,
            ocpp_transaction_id=self.ocpp_id,
            samples=(sample,),
            received_at=at,
        )
        metering.record([batch])

    def stop(
        self, energy_wh: int | None, at: datetime, *, reason="Local", told_at=None
    ):
        """The stop, with the energy since the start; None: no register."""
        meter_wh = None if energy_wh is None else Decimal(self.meter_wh + energy_wh)
        return transactions.stop(
            StopFact(
                **self.station.who,
                ocpp_id=self.ocpp_id,
                ended_at=at,
                meter_stop_wh=meter_wh,
                received_at=told_at or at,
                reason=reason,
            )
        )


@dataclass
class Station:
    """A charge point; EVSE 1 unless said otherwise."""

    id: int
    operator_id: int
    identity: str
    codes: tuple[str, ...] = field(default=())

    @property
    def who(self) -> dict[str, int]:
        return {"charge_point_id": self.id, "operator_id": self.operator_id}

    def connector(self, evse=1) -> Connector:
        return Connector.objects.get(charge_point_id=self.id, evse_number=evse)

    def go_online(self) -> "Station":
        ChargePoint.objects.filter(pk=self.id).update(
            connected_at=timezone.now(), disconnected_at=None
        )
        return self

    def status(self, status: str, at: datetime | None = None, evse=1) -> None:
        """A StatusNotification ("available", "preparing", "finishing" …)."""
        at = at or timezone.now()
        availability.report_status(
            [
                StatusReport(
                    **self.who,
                    evse=evse,
                    connector=1,
                    status=status,
                    reported_at=at,
                    received_at=at,
                )
            ]
        )

    def certificate(self, evse=1, at=None) -> certificates.IssuedCertificate:
        """A certificate for a request of the station."""
        return certificates.issue(
            connector_id=self.connector(evse).pk,
            request_id=f"request-{next(_numbers)}",
            at=at or timezone.now(),
            requested_by="station",
        )

    def start(
        self,
        token: str,
        at: datetime | None = None,
        *,
        evse=1,
        meter_wh=1000,
        told_at=None,
    ) -> Charge:
        """A StartTransaction."""
        at = at or timezone.now()
        answer = transactions.start(
            StartFact(
                **self.who,
                evse=evse,
                connector=1,
                id_token=token,
                started_at=at,
                meter_start_wh=Decimal(meter_wh),
                received_at=told_at or at,
            )
        )
        status = answer.authorization.status
        return Charge(
            self, evse, answer.ocpp_id, answer.transaction_id, status, meter_wh, at
        )


def station(
    operator, identity=None, *, evses=2, power_w=POWER_W, online=True, **values
):
    """A charge point of an operator, connected."""
    created = provisioning.create_charge_point(
        wanted=provisioning.NewChargePoint(
            operator_code=operator.code,
            identity=identity or f"CP-{next(_numbers)}",
            evses=evses,
            max_power_w=power_w,
            **values,
        ),
        by="test",
        at=timezone.now() - timedelta(days=30),
    )
    found = Station(
        created.charge_point_id,
        created.operator_id,
        created.identity,
        created.connector_codes,
    )
    return found.go_online() if online else found


def token(text=None, *, operator=None, driver=None, status="accepted", **values) -> str:
    """A start policy; of an operator's own token, or of a driver's (``driver``)."""
    text = text or f"TOKEN{next(_numbers):06d}"
    id_tokens.put_policy(
        token=text,
        status=status,
        operator_id=None if operator is None else operator.pk,
        driver_id=None if driver is None else driver.pk,
        account_state=values.pop("account_state", "none" if driver is None else "ok"),
        at=timezone.now(),
        **values,
    )
    return text
