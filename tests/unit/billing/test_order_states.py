"""The order's state table, complete: every legal move and every illegal one."""

from itertools import product

import pytest

from billing.models.order_states import (
    LIVE_STATES,
    ORDER_STATES,
    OrderState,
    PaymentState,
)
from billing.services.rating import PAID_STATES
from cpms.kernel.state_table import IllegalMove
from settlement.models.payment_states import PaymentState as SettlementState

LEGAL = {
    ("CREATED", "STARTING"),
    ("CREATED", "CANCELLED"),
    ("CREATED", "FAILED"),
    ("STARTING", "CHARGING"),
    ("STARTING", "CANCELLED"),
    ("STARTING", "FAILED"),
    ("CHARGING", "FINISHED"),
    ("CHARGING", "REVIEW"),
    ("FINISHED", "RATED"),
    ("FINISHED", "REVIEW"),
    ("REVIEW", "FINISHED"),
    ("RATED", "CLOSED"),
}


@pytest.mark.parametrize(
    ("current", "wanted"), list(product(OrderState.values, repeat=2))
)
def test_every_move_is_legal_or_refused(current, wanted):
    assert ORDER_STATES.allows(current, wanted) == ((current, wanted) in LEGAL)
    if (current, wanted) not in LEGAL:
        with pytest.raises(IllegalMove, match="Nothing was changed"):
            ORDER_STATES.require(current, wanted)


def test_the_table_knows_every_state():
    assert set(ORDER_STATES.states) == set(OrderState.values)
    assert ORDER_STATES.final == {"CLOSED", "CANCELLED", "FAILED"}


def test_every_state_leads_to_an_end():
    reached, before = set(ORDER_STATES.final), set()
    while reached != before:
        before = set(reached)
        reached |= {a for a, b in LEGAL if b in reached}
    assert reached == set(OrderState.values)


def test_only_a_live_order_can_hold_a_connector():
    assert set(LIVE_STATES) == {"CREATED", "STARTING", "CHARGING"}


def test_the_mirror_has_every_state_of_a_payment():
    assert set(SettlementState.values) < set(PaymentState.values)
    assert set(PaymentState.values) - set(SettlementState.values) == {
        "NONE",
        "ON_STATEMENT",
    }
    assert set(SettlementState.values) > {str(state) for state in PAID_STATES}
