"""A socket or cable."""

from django.db import models

from charge_points.models.base import TenantModel


class Connector(TenantModel):
    """What a driver plugs in, and the last state that was reported of it.

    ``code`` is what the printed label says (``/q/<code>``): permanent and public.
    ``evse_number`` repeats the EVSE's, so that a report finds its row by one index.
    """

    class Status(models.TextChoices):
        """Words of both OCPP versions in one list; 2.0.1 says no more than occupied."""

        UNKNOWN = "unknown"
        AVAILABLE = "available"
        PREPARING = "preparing"
        OCCUPIED = "occupied"
        CHARGING = "charging"
        SUSPENDED_EV = "suspended_ev"
        SUSPENDED_EVSE = "suspended_evse"
        FINISHING = "finishing"
        RESERVED = "reserved"
        UNAVAILABLE = "unavailable"
        FAULTED = "faulted"

    class Type(models.TextChoices):
        """Standard of the plug, as in OCPI; empty when nobody said."""

        UNKNOWN = "", "unknown"
        TYPE_2 = "IEC_62196_T2", "Type 2"
        COMBO_2 = "IEC_62196_T2_COMBO", "CCS 2"
        TYPE_1 = "IEC_62196_T1", "Type 1"
        COMBO_1 = "IEC_62196_T1_COMBO", "CCS 1"
        CHADEMO = "CHADEMO", "CHAdeMO"
        GBT_AC = "GBT_AC", "GB/T AC"
        GBT_DC = "GBT_DC", "GB/T DC"
        NACS = "SAE_J3400", "NACS"

    charge_point = models.ForeignKey(
        "charge_points.ChargePoint",
        on_delete=models.CASCADE,
        db_constraint=False,
        db_index=False,
    )
    evse = models.ForeignKey(
        "charge_points.Evse",
        on_delete=models.CASCADE,
        db_constraint=False,
        db_index=False,
    )
    evse_number = models.PositiveSmallIntegerField()
    number = models.PositiveSmallIntegerField()
    code = models.CharField(max_length=16, unique=True)
    type = models.CharField(max_length=24, choices=Type, blank=True, default="")
    max_power_w = models.PositiveIntegerField(default=0, help_text="0 when nobody said")
    status = models.CharField(max_length=16, choices=Status, default=Status.UNKNOWN)
    status_at = models.DateTimeField(null=True, blank=True)
    error_code = models.CharField(max_length=50, blank=True, default="")
    error_info = models.CharField(max_length=100, blank=True, default="")
    vendor_id = models.CharField(max_length=255, blank=True, default="")
    vendor_error_code = models.CharField(max_length=60, blank=True, default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["charge_point", "evse_number", "number"],
                name="one_connector_number",
            ),
            models.CheckConstraint(
                condition=models.Q(number__gte=1, evse_number__gte=1),
                name="connector_number_from_1",
            ),
        ]

    def __str__(self) -> str:
        """Show EVSE and connector."""
        return f"{self.evse_number}.{self.number}"
