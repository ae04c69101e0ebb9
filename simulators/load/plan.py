"""What a load run does."""

from dataclasses import dataclass, field
from typing import Final

MESSAGES: Final = (
    "heartbeat",
    "authorize",
    "status",
    "meter-values",
    "transaction-event",
    "charge",
)
CONNECTIONS_MAX: Final = 60_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One run: the same message over many connections.

    Attributes:
        url: endpoint without the identity.
        message: one of `MESSAGES`; `charge` is boot to stop, over and over.
        ocpp: version; empty: 2.0.1 for `transaction-event`, else 1.6.
        connections: how many stations, each with at most one open call.
        seconds, warmup_s: measured time, and unmeasured time before it.
        rate: messages per second over all connections; 0 is a closed loop
            (the next call leaves as soon as the answer is here). With a rate,
            latency counts from the moment at which the call was due.
        identity_prefix, identity_digits, first: station n is called prefix and
            n with that many digits, counted from `first`.
        password: of every station; `passwords` has those that differ.
        token: what starts transactions; ``{identity}`` in it is replaced, so
            that every station has a token of its own (a server may refuse the
            same token at two stations).
        boot, start, finish: send BootNotification, open a transaction (for the
            two meter messages), end it after the run.
        samples_per_charge: meter values within one `charge`.
        behind_s: how far in the past the stations' clocks begin; they move by a
            millisecond per message, and by `CHARGE_S` per `charge`.
        connect_parallel: handshakes under way at a time.
        ca_file: authority to trust for wss.
        answer_timeout_s: how long the last answers may take.
    """

    url: str
    message: str = "heartbeat"
    ocpp: str = ""
    connections: int = 100
    seconds: float = 5.0
    warmup_s: float = 0.5
    rate: float = 0.0
    identity_prefix: str = "CP"
    identity_digits: int = 5
    first: int = 1
    password: str = ""
    passwords: dict[str, str] = field(default_factory=dict)
    token: str = "{identity}"  # noqa: S105 - an idTag, no secret
    boot: bool = True
    start: bool = True
    finish: bool = True
    samples_per_charge: int = 4
    behind_s: int = 3600
    connect_parallel: int = 64
    ca_file: str = ""
    answer_timeout_s: float = 30.0

    @property
    def version(self) -> str:
        """The OCPP version in force."""
        if self.ocpp:
            return self.ocpp
        return "2.0.1" if self.message == "transaction-event" else "1.6"

    def identity(self, index: int) -> str:
        """Return the identity of the connection with this index from 0."""
        number = self.first + index
        return f"{self.identity_prefix}{number:0{self.identity_digits}d}"

    def token_of(self, identity: str) -> str:
        """Return what a station's driver holds to the reader."""
        return self.token.replace("{identity}", identity)

    def password_of(self, identity: str) -> str:
        """Return a station's password; empty for none."""
        return self.passwords.get(identity, self.password)
