"""Orders that do not go on stand on the console's first page and in a list."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from billing.models import Order
from billing.models.order_states import ORDER_STATES, OrderState
from billing.queries import STATE_LIMITS, late, not_going_on
from tests.factories import accounts
from tests.integration.billing.test_admin_story import at, get, staff

FRONT = "Orders that do not go on"


def stuck(client):
    return get(client, at("order_changelist"), progress="stuck").content.decode()


def is_named_first(client):
    """Whether the first page names the list: only where something waits in it."""
    page = get(client, reverse("admin:index")).content.decode()
    assert ("progress=stuck" in page) is (FRONT in page)
    return FRONT in page


def test_an_order_without_a_move_is_shown_to_its_operator_alone(world, client):
    viewer = staff(world.operator, role="viewer")
    client.force_login(viewer)
    order, charge = world.charging()
    assert order.number not in stuck(client)
    assert not is_named_first(client)

    Order.objects.update(moved_at=timezone.now() - timedelta(days=3))
    assert order.number in stuck(client)
    assert is_named_first(client)

    other = accounts.operator(code="other")
    client.force_login(staff(other, role="owner"))
    assert order.number not in stuck(client)
    assert not is_named_first(client)

    client.force_login(viewer)
    world.finish(charge)
    assert order.number not in stuck(client)


@pytest.mark.parametrize("state", OrderState.values)
def test_every_state_that_is_not_final_has_its_limit(world, state):
    order, now = world.closed(), timezone.now()
    limit = STATE_LIMITS.get(state)
    assert (limit is None) is (state in ORDER_STATES.final)
    mine = Order.objects.filter(pk=order.pk)

    mine.update(state=state, moved_at=now - (limit or timedelta(days=9)))
    assert not mine.filter(late(now)).exists()
    mine.update(moved_at=order.moved_at - timedelta(days=30))
    assert mine.filter(late(now)).exists() is (limit is not None)
    # Who decides has a list of its own for what waits there.
    waits = limit is not None and state != OrderState.REVIEW
    assert mine.filter(not_going_on(now)).exists() is waits
