"""Django's configuration of the gateway device."""

from typing import Any

from django.apps import AppConfig
from django.core.checks import CheckMessage, Warning as Caution, register
from django.utils.translation import gettext_lazy as _


class ChargePointsConfig(AppConfig):
    """Charge points, what they report and what is asked of them."""

    name = "charge_points"
    label = "charge_points"
    verbose_name = _("Charge points")

    def ready(self) -> None:
        """Register the system check and the subscriptions."""
        from charge_points import tasks  # noqa: F401, PLC0415 - registers them

        register(address_fits)


def address_fits(**_: Any) -> list[CheckMessage]:
    """Whether the address of a certificate fits into a small QR code."""
    from charge_points.services.certificates import codes  # noqa: PLC0415 - after setup

    chars = len(codes.uri_of("x" * codes.CODE_CHARS))
    if chars <= codes.URI_CHARS_MAX:
        return []
    return [
        Caution(
            f"Certificate addresses have {chars} characters; vehicles and displays "
            f"expect at most {codes.URI_CHARS_MAX}.",
            hint="Give the platform a shorter PUBLIC_BASE_URL.",
            id="charge_points.W001",
        )
    ]
