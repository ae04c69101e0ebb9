"""What handlers tell the services: facts without an OCPP version.

Instants are aware UTC datetimes. EVSE and connector numbers are those of 2.0.1; a 1.6
connector n is EVSE n with connector 1, and connector 0 is EVSE 0 with connector 0 (the
station itself). Energy is in Wh, exact.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final, Literal, Protocol

from charge_points.services.signed_value import SignedValueLike

CONTEXT_BEGIN: Final = "Transaction.Begin"
CONTEXT_END: Final = "Transaction.End"
CONTEXT_PERIODIC: Final = "Sample.Periodic"
CONTEXT_CLOCK: Final = "Sample.Clock"


class SampleLike(Protocol):
    """What a meter showed at one instant in one context; the codec's sample is one."""

    @property
    def sampled_at(self) -> datetime:
        """The station's own time."""

    @property
    def energy_wh(self) -> Decimal | None:
        """The import register, exact; None when the sample has none."""

    @property
    def power_w(self) -> Decimal | None:
        """Active import, all phases."""

    @property
    def current_a(self) -> Decimal | None:
        """Import, all phases."""

    @property
    def voltage_v(self) -> Decimal | None:
        """Mean of the phases."""

    @property
    def soc_percent(self) -> Decimal | None:
        """0 to 100."""

    @property
    def context(self) -> str:
        """The reading context ("Transaction.Begin", "Sample.Periodic" …)."""

    @property
    def location(self) -> str:
        """Where it was measured."""

    @property
    def signed(self) -> Sequence[SignedValueLike]:
        """Signed values that came with it."""


@dataclass(frozen=True, slots=True)
class Sample:
    """A plain ``SampleLike``."""

    sampled_at: datetime
    energy_wh: Decimal | None = None
    power_w: Decimal | None = None
    current_a: Decimal | None = None
    voltage_v: Decimal | None = None
    soc_percent: Decimal | None = None
    context: str = CONTEXT_PERIODIC
    location: str = "Outlet"
    signed: Sequence[SignedValueLike] = ()


@dataclass(frozen=True, slots=True)
class MeterBatch:
    """One MeterValues message.

    ``ocpp_transaction_id`` is None where the station named none (or -1 or 0): the
    values then belong to what runs on the connector at their time.
    """

    charge_point_id: int
    operator_id: int
    evse: int
    connector: int
    ocpp_transaction_id: str | None
    samples: Sequence[SampleLike]
    received_at: datetime
    payload_hash: str = ""


@dataclass(frozen=True, slots=True)
class StatusReport:
    """One StatusNotification.

    ``status`` is a value of ``Connector.Status``. EVSE 0 or connector 0 is the
    station (or the whole EVSE).
    """

    charge_point_id: int
    operator_id: int
    evse: int
    connector: int
    status: str
    reported_at: datetime
    received_at: datetime
    error_code: str = ""
    info: str = ""
    vendor_id: str = ""
    vendor_error_code: str = ""


PlaceRefusal = Literal["NotAllowedTypeEVSE", "NotAtThisLocation", "NotAtThisTime"]
AuthorizationStatus = Literal[
    "Accepted", "Blocked", "Expired", "Invalid", "ConcurrentTx", PlaceRefusal
]


@dataclass(frozen=True, slots=True)
class Authorization:
    """The answer to a token; 1.6 has no words for the last three statuses.

    ``exact`` is what only 2.0.1 has a word for: "NoCredit" (the account cannot pay:
    Blocked) and "Unknown" (nobody knows the token: Invalid); else empty.
    """

    status: AuthorizationStatus
    expires_at: datetime | None = None
    group: str = ""
    driver_id: int | None = None
    order_number: str | None = None
    exact: str = ""

    @property
    def accepted(self) -> bool:
        """Whether energy may flow."""
        return self.status == "Accepted"


@dataclass(frozen=True, slots=True)
class StartFact:
    """A 1.6 StartTransaction.

    ``told_at`` is the station's own text where its time is of no use (a clock that was
    never set); ``started_at`` is the arrival then. ``clock_lag`` is how far the
    station's clock is known to lag behind; None: not known.
    """

    charge_point_id: int
    operator_id: int
    evse: int
    connector: int
    id_token: str
    started_at: datetime
    meter_start_wh: Decimal
    received_at: datetime
    reservation_id: int | None = None
    told_at: str = ""
    payload_hash: str = ""
    clock_lag: timedelta | None = None


@dataclass(frozen=True, slots=True)
class StartAnswer:
    """``ocpp_id`` is a decimal 31-bit number that nobody can guess."""

    ocpp_id: str
    transaction_id: int
    authorization: Authorization
    repeated: bool = False


@dataclass(frozen=True, slots=True)
class StopFact:
    """A 1.6 StopTransaction.

    ``meter_stop_wh`` is None where the station gave none (or -1). ``reason`` is the
    station's word, "Local" when it gave none.
    """

    charge_point_id: int
    operator_id: int
    ocpp_id: str
    ended_at: datetime
    meter_stop_wh: Decimal | None
    received_at: datetime
    reason: str = "Local"
    id_token: str = ""
    samples: Sequence[SampleLike] = ()
    payload_hash: str = ""


@dataclass(frozen=True, slots=True)
class StopAnswer:
    """What became of a stop; the station always gets a good answer.

    ``outcome``: "ended", "repeated", "unknown" (no such transaction here), "foreign"
    (another station's: refused, a security event was written).
    """

    outcome: Literal["ended", "repeated", "unknown", "foreign"]
    authorization: Authorization | None = None
    transaction_id: int | None = None


@dataclass(frozen=True, slots=True)
class TransactionFact:
    """A 2.0.1 TransactionEvent.

    ``event_type``: "Started", "Updated" or "Ended". ``charging_state`` and
    ``stopped_reason`` are the station's words or empty. ``id_token`` is empty when
    the event has none.
    """

    charge_point_id: int
    operator_id: int
    event_type: Literal["Started", "Updated", "Ended"]
    ocpp_id: str
    seq_no: int
    occurred_at: datetime
    received_at: datetime
    trigger_reason: str = ""
    charging_state: str = ""
    stopped_reason: str = ""
    offline: bool = False
    evse: int = 0
    connector: int = 0
    id_token: str = ""
    id_token_type: str = ""
    remote_start_id: int | None = None
    reservation_id: int | None = None
    samples: Sequence[SampleLike] = ()
    payload_hash: str = ""


@dataclass(frozen=True, slots=True)
class TransactionAnswer:
    """``authorization`` is there when the event had a token.

    ``quirks`` are to be counted: "repeated_event_differs", "event_after_end" …
    """

    transaction_id: int | None
    authorization: Authorization | None = None
    repeated: bool = False
    quirks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class BootFact:
    """A BootNotification of either version; texts as sent, empty when missing."""

    charge_point_id: int
    operator_id: int
    received_at: datetime
    vendor: str = ""
    model: str = ""
    serial_number: str = ""
    firmware_version: str = ""
    iccid: str = ""
    imsi: str = ""
    meter_type: str = ""
    meter_serial_number: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class VariableFact:
    """One attribute of one variable (2.0.1) or one configuration key (1.6).

    A 1.6 key has an empty ``component``; ``mutability`` is "ReadOnly", "WriteOnly",
    "ReadWrite" or empty when the message does not say.
    """

    variable: str
    value: str | None
    component: str = ""
    component_instance: str = ""
    evse: int = 0
    connector: int = 0
    variable_instance: str = ""
    attribute: str = "Actual"
    mutability: str = ""
    data_type: str = ""
    unit: str = ""
    min_limit: Decimal | None = None
    max_limit: Decimal | None = None
    allowed_values: str = ""


@dataclass(frozen=True, slots=True)
class ConnectionOpening:
    """A websocket that was accepted."""

    charge_point_id: int
    version: str
    at: datetime
    node: str = ""


@dataclass(frozen=True, slots=True)
class MessageRow:
    """One CALL and its answer for the message log; texts not yet masked."""

    charge_point_id: int
    operator_id: int
    version: str
    incoming: bool
    action: str
    message_id: str
    at: datetime
    answered_at: datetime | None
    text: str
    answer_text: str


@dataclass(frozen=True, slots=True)
class QuirkRow:
    """A tolerated deviation, seen ``count`` times."""

    charge_point_id: int
    operator_id: int
    version: str
    quirk: str
    at: datetime
    example: str = ""
    count: int = 1


@dataclass(frozen=True, slots=True)
class SecurityRow:
    """One security event; ``source`` is "station" or "platform".

    Without charge point it is about the operator's whole network.
    """

    charge_point_id: int | None
    operator_id: int
    kind: str
    occurred_at: datetime
    received_at: datetime
    detail: str = ""
    source: str = "platform"


@dataclass(frozen=True, slots=True)
class CommandToSend:
    """A command row that the gateway may send now.

    ``intent`` empty: ``action`` and ``payload`` are raw.
    """

    command_id: int
    charge_point_id: int
    operator_id: int
    intent: str
    arguments: dict[str, object] = field(default_factory=dict)
    action: str = ""
    payload: dict[str, object] = field(default_factory=dict)
    repeatable: bool = False


@dataclass(frozen=True, slots=True)
class CommandWording:
    """What an intent became on the wire."""

    command_id: int
    action: str
    payload: dict[str, object]


@dataclass(frozen=True, slots=True)
class CommandAnswer:
    """How a command ended.

    ``error_code`` is empty for a CALLRESULT; "Timeout" or "ConnectionLost" when no
    answer came. ``repeatable``: after a lost connection the CALL may leave again.
    """

    command_id: int
    accepted: bool
    status: str
    at: datetime
    detail: str = ""
    response: dict[str, object] | None = None
    error_code: str = ""
    error_text: str = ""
    repeatable: bool = False
