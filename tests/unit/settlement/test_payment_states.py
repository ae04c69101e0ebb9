from itertools import pairwise

import pytest

from cpms.kernel.state_table import IllegalMove
from settlement.models.payment_states import (
    MONEY_STATES,
    PAYMENT_STATES,
    WAITING_STATES,
    PaymentState,
)


def test_every_state_has_a_row():
    assert set(PAYMENT_STATES.states) == set(PaymentState)


def test_the_main_line_is_open():
    line = ["AUTHORIZING", "REQUIRES_ACTION", "AUTHORIZED", "CAPTURING", "CAPTURED"]
    for current, wanted in pairwise(line):
        assert PAYMENT_STATES.allows(current, wanted)


def test_money_comes_only_through_a_capture_or_a_collected_debt():
    outside = set(PaymentState) - set(MONEY_STATES)
    doors = {
        state
        for state in outside
        for wanted in MONEY_STATES
        if PAYMENT_STATES.allows(state, wanted)
    }
    assert doors == {PaymentState.CAPTURING, PaymentState.RECEIVABLE}


def test_taken_money_is_never_released():
    for state in MONEY_STATES:
        for wanted in ("RELEASED", "DECLINED", "AUTHORIZED", "CAPTURING", "RECEIVABLE"):
            assert not PAYMENT_STATES.allows(state, wanted)


def test_an_illegal_move_says_what_can_follow():
    with pytest.raises(IllegalMove, match="is RELEASED; CAPTURED cannot follow"):
        PAYMENT_STATES.require("RELEASED", "CAPTURED")


def test_what_waits_can_end_in_every_way():
    for state in WAITING_STATES:
        for wanted in ("AUTHORIZED", "DECLINED", "RELEASED"):
            assert PAYMENT_STATES.allows(state, wanted)
