"""A station at the handlers' door: everything but the socket is real.

Calls are validated, dispatched, executed in a database transaction and their answers
validated against the package's schemas, exactly as the gateway does.
"""

import itertools
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from charge_points.handlers.dispatch import execute
from charge_points.handlers.registry import Later, Peer, Refusal, Request, SentCommand
from charge_points.handlers.station_clock import StationClock
from charge_points.handlers.tables import all_tables
from charge_points.ocpp.frames import Call
from charge_points.ocpp.inbound import check_call
from charge_points.ocpp.schemas import validate_call, validate_result
from charge_points.services import provisioning
from charge_points.services.provisioning import NewChargePoint
from cpms.accounts.models import Operator
from cpms.accounts.services import operators

TABLES = all_tables()
numbers = itertools.count(1)


def an_operator(code="op"):
    found = Operator.objects.filter(code=code).first()
    return found or operators.create_operator(
        code=code,
        name=code,
        country="DE",
        currency="EUR",
        time_zone="Europe/Berlin",
        by="test",
        at=timezone.now(),
    )


@dataclass
class Station:
    """One station of a version; ``now`` is what the gateway's clock shows."""

    version: str
    operator: str = "op"
    evses: int = 2
    now: datetime = field(default_factory=timezone.now)
    quirks: list = field(default_factory=list)
    clock: StationClock = field(default_factory=StationClock)

    def __post_init__(self):
        an_operator(self.operator)
        created = provisioning.create_charge_point(
            wanted=NewChargePoint(
                operator_code=self.operator,
                identity=f"CP-{next(numbers)}",
                evses=self.evses,
                ocpp_version=self.version,
                max_power_w=22_000,
            ),
            by="test",
            at=self.now,
        )
        self.identity = created.identity
        self.id = created.charge_point_id
        self.operator_id = created.operator_id
        self.registration = None

    def later(self, seconds):
        """Let time pass."""
        self.now += timedelta(seconds=seconds)
        return self.now.isoformat().replace("+00:00", "Z")

    @property
    def stamp(self):
        return self.later(0)

    def request(self, action, payload):
        checked = check_call(self.version, Call("1", action, payload, "1"))
        assert hasattr(checked, "payload"), checked
        peer = Peer(
            *(self.id, self.identity, self.operator_id, self.version, 1),
            *("Accepted", "c", self.clock),
        )
        return Request(
            peer, action, checked.payload, "1", self.now, "", list(checked.quirks)
        )

    def call(self, action, payload):
        """Send a CALL; returns the checked answer, or the Refusal."""
        request = self.request(action, payload)
        route = TABLES[self.version].routes[action]
        if route.mode == "loop":
            answer = route.handler(request)
        else:
            with transaction.atomic():
                (answer,) = execute(route, [request])
        if isinstance(answer, Later):
            answer = answer.work()
        self.quirks += request.quirks
        self.registration = request.registration or self.registration
        if not isinstance(answer, Refusal):
            assert validate_result(self.version, action, answer) is None, answer
        return answer

    def word(self, intent, arguments):
        """What an intent becomes on the wire, checked."""
        action, payload = TABLES[self.version].translate(intent, arguments)
        assert validate_call(self.version, action, payload) is None
        return action, payload

    def answer(self, action, sent, answer):
        """Let the station answer a command; returns what it means."""
        table = TABLES[self.version]
        assert validate_call(self.version, action, sent) is None
        assert validate_result(self.version, action, answer) is None
        handler = table.outgoing[action].on_result
        if handler is not None:
            command = SentCommand(
                *(1, self.id, self.operator_id, self.identity, self.version),
                *(None, {}, action, sent),
            )
            with transaction.atomic():
                handler(command, answer, self.now)
        return table.interpret(action, sent, answer)

    def fail(self, action, sent, code):
        """Let a command end without an answer, or with a CALLERROR."""
        handler = TABLES[self.version].outgoing[action].on_error
        command = SentCommand(
            *(1, self.id, self.operator_id, self.identity, self.version),
            *(None, {}, action, sent),
        )
        if handler is not None:
            with transaction.atomic():
                handler(command, code, "", self.now)
