"""The address that people put into a charger."""

from typing import Final

from django.conf import settings

TLS_PROFILES: Final = frozenset({2, 3})


def gateway_address(security_profile: int) -> str:
    """Where a charger connects to; it adds ``/`` and its identity itself."""
    tls = security_profile in TLS_PROFILES
    base = settings.OCPP_TLS_BASE_URL if tls else settings.OCPP_BASE_URL
    return f"{base}/ocpp"
