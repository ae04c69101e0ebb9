"""A usual charge of a 2.0.1 station."""

import pytest

from charge_points.models import MeterValue
from tests.integration.charge_points.world import NOON, allow, energy, later, told

BEGIN = "Transaction.Begin"

END = "Transaction.End"


@pytest.fixture
def tag(station):
    allow("tag")
    return "tag"


def charge(station, tag, *, updates=2):
    """A usual charge: Started with token, samples, Ended."""
    events = [
        station.event(
            0,
            "Started",
            id_token=tag,
            id_token_type="ISO14443",
            samples=[energy(1000, NOON, context=BEGIN)],
        )
    ]
    for number in range(1, updates + 1):
        at = later(minutes=10 * number)
        events.append(
            station.event(
                number,
                at=at,
                charging_state="Charging",
                samples=[energy(1000 + 1000 * number, at)],
            )
        )
    end = later(minutes=10 * (updates + 1))
    events.append(
        station.event(
            updates + 1,
            "Ended",
            end,
            stopped_reason="EVDisconnected",
            samples=[energy(1000 + 1000 * (updates + 1), end, context=END)],
        )
    )
    return events


def check_whole_charge(station):
    row = station.transaction()
    assert (row.state, row.energy_wh, row.started_by) == ("ended", 3000, "token")
    assert (row.estimated, row.review_reason) == (False, "")
    assert row.started_at == NOON
    assert told("TransactionStarted")[0]["id_token"] == "TAG"
    assert MeterValue.objects.filter(transaction_id=row.pk).count() == 4
    return row
