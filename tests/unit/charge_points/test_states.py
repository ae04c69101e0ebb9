import pytest

from charge_points.models import (
    ChargingCertificate,
    Command,
    StartHandle,
    Transaction,
    states,
)
from cpms.kernel.state_table import IllegalMove


@pytest.mark.parametrize(
    ("table", "model"),
    [
        (states.CERTIFICATE, ChargingCertificate),
        (states.START_HANDLE, StartHandle),
        (states.TRANSACTION, Transaction),
        (states.COMMAND, Command),
    ],
)
def test_the_table_and_the_column_have_the_same_words(table, model):
    assert set(table.states) == set(model.State.values)


def test_live_states_are_those_that_may_still_move():
    assert set(states.CERTIFICATE_LIVE) == (
        set(states.CERTIFICATE.states) - states.CERTIFICATE.final
    )
    assert set(states.COMMAND_OPEN) == (
        set(states.COMMAND.states) - states.COMMAND.final
    )


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("issued", "started"),
        ("issued", "closed"),
        ("claimed", "superseded"),
        ("claimed", "claimed"),
        ("closed", "issued"),
        ("expired", "claimed"),
        ("superseded", "claimed"),
    ],
)
def test_a_certificate_makes_no_other_moves(before, after):
    with pytest.raises(IllegalMove):
        states.CERTIFICATE.require(before, after)
