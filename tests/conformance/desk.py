"""Commands through the gateway's own work, without a socket: row, wording, end."""

from dataclasses import dataclass
from datetime import timedelta

from django.db import transaction

from charge_points.gateway.commands import CommandWork, Taking, end_of
from charge_points.gateway.doors import CommandEnd
from charge_points.gateway.service_doors import ServiceDoors
from charge_points.handlers.asking import check
from charge_points.handlers.registry import Peer, SentCommand
from charge_points.models import Command
from charge_points.ocpp.schemas import validate_call, validate_result
from charge_points.services import commands
from tests.conformance.stations import TABLES, Station
from tests.e2e.scripted import call_of


def payload_of(version, action):
    """The least payload that may be asked for."""
    payload = call_of(version, action)
    if action == "SetChargingProfile":
        profile = payload.get("csChargingProfiles") or payload["chargingProfile"]
        profile["chargingProfileKind"] = "Relative"  # else it needs a beginning
    if "location" in payload:
        payload["location"] = "https://files.example.org/x"
    return payload


@dataclass
class Desk:
    """The command desk of one station; ``sent`` is what waits for its answer."""

    station: Station
    sent: SentCommand | None = None

    def __post_init__(self):
        self.work = CommandWork(
            ServiceDoors(), TABLES, node="test", clock=lambda: self.station.now
        )

    def ask(self, action, payload, *, key="k", lifetime_s=300):
        """Queue a raw command as an operator does."""
        check(self.station.version, action, payload)
        now = self.station.now
        return commands.queue(
            charge_point_id=self.station.id,
            action=action,
            payload=payload,
            by="test",
            idempotency_key=key,
            expires_at=now + timedelta(seconds=lifetime_s),
            at=now,
        )

    def take(self):
        """Take the oldest command; what may leave now."""
        station = self.station
        peer = Peer(
            station.id,
            station.identity,
            station.operator_id,
            station.version,
            1,
            "Accepted",
            "c",
        )
        with transaction.atomic():
            (taking,) = self.work.take.execute([Taking({station.id: peer})])
        return taking.sent

    def leave(self):
        """The oldest command leaves; what went out keeps its schema."""
        (self.sent,) = self.take()
        call = (self.station.version, self.sent.action, self.sent.payload)
        assert validate_call(*call) is None
        return self.sent

    def answer(self, payload):
        """The station answers what left; the row as it is now."""
        sent = self.sent
        assert validate_result(sent.version, sent.action, payload) is None, payload
        outcome = self.work.interpret(sent, payload)
        return self._end(
            CommandEnd(
                command=sent,
                accepted=outcome.accepted,
                status=outcome.status,
                detail=outcome.detail,
                result=payload,
                error_code="",
                error_text="",
                at=self.station.now,
            )
        )

    def fail(self, code, text=""):
        """A CALLERROR, or no answer ("Timeout", "ConnectionLost")."""
        return self._end(end_of(self.sent, code, text, self.station.now))

    def _end(self, end):
        with transaction.atomic():
            self.work.end.execute([end])
        return self.row()

    def row(self):
        """What left, as it stands now."""
        return Command.objects.get(pk=self.sent.command_id)
