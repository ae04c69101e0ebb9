"""Nobody starts at another price than was shown."""

import pytest
from django.utils import timezone

from billing.models import Order
from billing.services import guests
from billing.services.terms import UnableToPlaceOrder
from tests.factories import tariffs
from tests.integration.billing.claiming import car, claim, issued, post
from tests.integration.billing.driver_requests import DRIVER, code_of, web
from tests.integration.billing.thieves import _nobody_guessed_yet
from tests.integration.billing.world import CLAIM, api, fresh

__all__ = ["_nobody_guessed_yet", "car", "claim", "issued", "post", "web"]


def dearer(world):
    """The operator makes its tariff dearer, from now on."""
    return tariffs.tariff(world.operator, tariffs.component(price="5.00", vat=19))


def preview(world):
    code = world.station.connector().code
    return api(world.person.headers).get(f"{DRIVER}/price?connector={code}").json()


def test_an_app_starts_at_the_price_that_it_showed_or_not_at_all(world):
    shown = preview(world)
    dearer(world)
    target = {"charge_point": world.station.identity}
    for tariff_hash, status in ((shown["tariff_hash"], 409), (None, 201)):
        wanted = tariff_hash or preview(world)["tariff_hash"]
        answer = api(world.person.headers).post(
            f"{DRIVER}/orders",
            {**target, "confirm_tariff": wanted},
            content_type="application/json",
        )
        assert answer.status_code == status
        if status == 409:
            assert code_of(answer) == "price_changed"
            assert not Order.objects.exists()
    assert Order.objects.get().tariff_hash != shown["tariff_hash"]


def test_a_phone_claims_at_the_price_that_it_showed_or_not_at_all(world, issued):
    shown = preview(world)["tariff_hash"]
    dearer(world)
    body = {"certificate": issued.code, "confirm_tariff": shown}
    answer = api(world.person.headers).post(
        CLAIM, body, content_type="application/json"
    )
    assert code_of(answer) == "price_changed"
    # The certificate is as good as before.
    del body["confirm_tariff"]
    assert (
        api(world.person.headers)
        .post(CLAIM, body, content_type="application/json")
        .status_code
        == 201
    )


def test_a_guest_starts_at_the_price_that_the_page_showed_or_not_at_all(world):
    world.station.status("preparing")
    code = world.station.connector().code
    shown = guests.offer(code=code, language="en", at=timezone.now())
    dearer(world)
    with pytest.raises(UnableToPlaceOrder, match="price has changed"):
        guests.start(
            code=code,
            locale="en",
            email=None,
            agreed_tariff=shown.tariff_hash,
            at=timezone.now(),
        )
    assert not Order.objects.exists()


def test_a_price_raised_during_the_charge_changes_nothing(world, claim):
    order = world.claimed()
    charge = world.begin(order)
    dearer(world)
    assert preview(world)["tariff_hash"] != order.tariff_hash
    world.finish(charge)
    assert fresh(order).amount_minor == 595
