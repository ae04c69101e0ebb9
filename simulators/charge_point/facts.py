"""What happens at a station, in words of no OCPP version.

Where both versions have a word, 2.0.1's is used (trigger reasons, stop reasons,
charging states): 1.6 knows fewer, so its dialect translates downwards.
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from simulators.charge_point.battery import Battery
from simulators.shapes import JsonValue


class Status(StrEnum):
    """A connector's state, in 1.6's finer words."""

    AVAILABLE = "Available"
    PREPARING = "Preparing"
    CHARGING = "Charging"
    SUSPENDED_EV = "SuspendedEV"
    SUSPENDED_EVSE = "SuspendedEVSE"
    FINISHING = "Finishing"
    RESERVED = "Reserved"
    UNAVAILABLE = "Unavailable"
    FAULTED = "Faulted"


class Step(StrEnum):
    """Where a transaction is."""

    STARTED = "Started"
    UPDATED = "Updated"
    ENDED = "Ended"


@dataclass(frozen=True, slots=True)
class Token:
    """What identifies the payer: 1.6's idTag, 2.0.1's idToken and type.

    With a contract (type eMAID): its certificate chain in PEM, when the server has to
    validate it, and the OCSP hash data of its certificates (2.0.1 C07).
    """

    value: str
    type: str = "ISO14443"
    certificate: str = field(default="", compare=False, repr=False)
    hash_data: tuple[JsonValue, ...] = field(default=(), compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """The meter at one instant of station time."""

    at: datetime
    energy_wh: int
    power_w: int
    current_tenths_a: int
    voltage_v: int
    soc_permille: int | None
    context: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateOffer:
    """A charging certificate as the vehicle gets it through the cable.

    `station` is what the station says of itself: the vehicle signs it.
    """

    station: str
    evse: int
    connector: int
    certificate: str
    code: str
    uri: str
    expires_at: str


class PluggedVehicle(Protocol):
    """What a station needs of a vehicle at its cable."""

    @property
    def battery(self) -> Battery:
        """The battery that the meter fills."""

    async def offered(self, offer: CertificateOffer) -> None:
        """Take a charging certificate."""


@dataclass(slots=True, kw_only=True)
class Authorization:
    """A token that was accepted (or a remote start) and waits for its charge."""

    token: Token
    trigger: str
    remote_start_id: int | None = None
    group: str = ""


@dataclass(slots=True, kw_only=True)
class Transaction:
    """One OCPP transaction.

    Attributes:
        reference: 2.0.1's transactionId, made by the station.
        server_id: 1.6's transactionId, given by the server's answer.
        started_wh: the register at the start.
        paused: the vehicle takes nothing though it is not full.
        stopped_for: why energy stopped, in 2.0.1's words.
        wanted_millijoules: what the vehicle takes in all, then it holds.
    """

    reference: str
    started_at: datetime
    started_wh: int
    authorization: Authorization | None = None
    server_id: int | None = None
    seq_no: int = 0
    charging_state: str = "EVConnected"
    energised: bool = False
    ended: bool = False
    paused: bool = False
    stopped_for: str = ""
    taken_millijoules: int = 0
    wanted_millijoules: int = 0

    @property
    def hungry(self) -> bool:
        """Whether the vehicle still wants energy."""
        return self.taken_millijoules < self.wanted_millijoules

    @property
    def authorised(self) -> bool:
        """Whether a token carries it and nobody stopped it."""
        return self.authorization is not None and not self.stopped_for


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusFact:
    """A connector's state changed; `word` is its name in the dialect."""

    evse: int
    connector: int
    number: int
    word: str
    at: datetime
    fault: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TransactionFact:
    """A step of a transaction; `seq_no` counts from 0 within it."""

    transaction: Transaction
    step: Step
    trigger: str
    seq_no: int
    at: datetime
    evse: int
    connector: int
    number: int
    charging_state: str
    reading: Reading | None = None
    authorization: Authorization | None = None
    reason: str = ""
    offline: bool = False


Fact = StatusFact | TransactionFact


@dataclass(frozen=True, slots=True)
class TokenAnswer:
    """The server's verdict on a token."""

    status: str
    group: str = ""

    @property
    def accepted(self) -> bool:
        """Whether charging may go on."""
        return self.status == "Accepted"


@dataclass(frozen=True, slots=True)
class Registration:
    """The server's answer to a BootNotification."""

    status: str
    interval_s: int
    current_time: str
