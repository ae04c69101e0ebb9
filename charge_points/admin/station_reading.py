"""What the page of a charge point shows, collected in a fixed number of statements."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import Final

from charge_points.models import (
    ChargePoint,
    Command,
    Connector,
    DeferredChange,
    DeviceVariable,
    MessageLog,
    QuirkCount,
    SecurityEvent,
    Transaction,
)
from charge_points.models.states import COMMAND_OPEN
from charge_points.ocpp.quirk_names import QUIRKS
from charge_points.services.quirk_words import WORDS
from cpms.kernel.zones import zone_named

TRANSACTIONS_SHOWN: Final = 10
COMMANDS_SHOWN: Final = 10
EVENTS_SHOWN: Final = 10
QUIRKS_SHOWN: Final = 100
LAST_MESSAGE_WITHIN: Final = timedelta(days=31)


@dataclass(frozen=True, slots=True)
class QuirkFact:
    """A broken rule with what is made of it."""

    row: QuirkCount
    description: str


@dataclass(frozen=True, slots=True)
class ConnectorFact:
    """A connector with the charge that runs on it."""

    row: Connector
    transaction: Transaction | None


@dataclass(frozen=True, slots=True)
class StationFacts:
    """The page, top to bottom. ``variables`` is how many are known."""

    zone: tzinfo
    zone_name: str
    last_message_at: datetime | None
    connectors: Sequence[ConnectorFact]
    transactions: Sequence[Transaction]
    commands_open: Sequence[Command]
    commands_done: Sequence[Command]
    quirks: Sequence[QuirkFact]
    events: Sequence[SecurityEvent]
    variables: int
    deferred: Sequence[DeferredChange]


def station_facts(row: ChargePoint, *, at: datetime) -> StationFacts:
    """Collect the page of a charge point."""
    commands = Command.objects.filter(charge_point=row).order_by("-id")
    events = SecurityEvent.objects.filter(charge_point=row).order_by("-received_at")
    started = Transaction.objects.filter(charge_point=row).order_by("-started_at")
    return StationFacts(
        zone=zone_named(row.site.time_zone),
        zone_name=row.site.time_zone,
        last_message_at=_last_message_at(row, at=at),
        connectors=_connectors(row),
        transactions=list(started[:TRANSACTIONS_SHOWN]),
        commands_open=list(commands.filter(state__in=COMMAND_OPEN)),
        commands_done=list(commands.exclude(state__in=COMMAND_OPEN)[:COMMANDS_SHOWN]),
        quirks=_quirks(row),
        events=list(events[:EVENTS_SHOWN]),
        variables=DeviceVariable.objects.filter(charge_point=row).count(),
        deferred=list(
            DeferredChange.objects.filter(
                charge_point=row, ended_at__isnull=True
            ).order_by("pk")
        ),
    )


def _connectors(row: ChargePoint) -> list[ConnectorFact]:
    live = {
        charge.connector_id: charge
        for charge in Transaction.objects.filter(
            charge_point=row, state=Transaction.State.ACTIVE
        ).order_by("started_at")
    }
    found = sorted(
        row.connector_set.all(), key=lambda one: (one.evse_number, one.number)
    )
    return [ConnectorFact(one, live.get(one.pk)) for one in found]


def _quirks(row: ChargePoint) -> list[QuirkFact]:
    counts = QuirkCount.objects.filter(charge_point=row).order_by("-count", "quirk")
    return [QuirkFact(count, described(count.quirk)) for count in counts[:QUIRKS_SHOWN]]


def described(quirk: str) -> str:
    """What a quirk means."""
    known = QUIRKS.get(quirk)
    return known.description if known else WORDS.get(quirk, "")


def _last_message_at(row: ChargePoint, *, at: datetime) -> datetime | None:
    """Of the last month only: the log is partitioned by time."""
    found = MessageLog.objects.filter(
        charge_point=row, at__gte=at - LAST_MESSAGE_WITHIN
    ).order_by("-at")
    return found.values_list("at", flat=True).first()
