"""Network connection profiles of stations (2.0.1 B09)."""

from django.db import models

from charge_points.models.base import TenantModel


class NetworkProfile(TenantModel):
    """What a station has in a configuration slot; no passwords are kept."""

    charge_point = models.ForeignKey(
        "charge_points.ChargePoint",
        on_delete=models.CASCADE,
        db_constraint=False,
        db_index=False,
    )
    slot = models.IntegerField()
    csms_url = models.CharField(max_length=512)
    ocpp_version = models.CharField(max_length=8)
    ocpp_transport = models.CharField(max_length=8)
    ocpp_interface = models.CharField(max_length=16)
    security_profile = models.SmallIntegerField()
    message_timeout_s = models.IntegerField()
    apn = models.CharField(max_length=512, blank=True, default="")
    vpn_server = models.CharField(max_length=512, blank=True, default="")
    vpn_type = models.CharField(max_length=8, blank=True, default="")
    set_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["charge_point", "slot"], name="one_network_profile"
            )
        ]

    def __str__(self) -> str:
        """Show the slot."""
        return f"network profile {self.slot}"
