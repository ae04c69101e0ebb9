"""Django's configuration of the gateway device."""

from django.apps import AppConfig


class ChargePointsConfig(AppConfig):
    """Charge points, what they report and what is asked of them."""

    name = "charge_points"
    label = "charge_points"
    verbose_name = "Charge points"
