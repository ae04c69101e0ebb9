"""A driver's start through the services."""

from django.utils import timezone

from billing.services import ordering


def start(world, **target):
    return ordering.start_for_driver(
        driver_id=world.driver.pk,
        target=ordering.Target(**target),
        at=timezone.now(),
    )
