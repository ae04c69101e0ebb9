"""The local authorization list of a station (1.6 3.5, 2.0.1 block D)."""

from django.db import models

from charge_points.models.base import TenantModel


class LocalList(TenantModel):
    """What a station has on its list, as far as it has told or accepted.

    ``entries`` maps a token's key to what was sent of it (``id_token``, ``type``,
    ``status``, ``group``, ``expires_at``); None means that nobody knows the content,
    so that only a full list can help.
    """

    class State(models.TextChoices):
        """How it stands with the start policies."""

        UNKNOWN = "unknown"
        STALE = "stale"
        SENDING = "sending"
        IN_SYNC = "in_sync"
        NOT_SUPPORTED = "not_supported"

    charge_point = models.OneToOneField(
        "charge_points.ChargePoint", on_delete=models.CASCADE, db_constraint=False
    )
    is_wanted = models.BooleanField(
        default=True, help_text="keep the list in step with the start policies"
    )
    state = models.CharField(max_length=16, choices=State, default=State.UNKNOWN)
    version = models.BigIntegerField(
        null=True, blank=True, help_text="as the station last told or accepted"
    )
    entries = models.JSONField(null=True, blank=True)
    left_out = models.PositiveIntegerField(
        default=0, help_text="policies that do not fit into the station's list"
    )
    failures = models.PositiveSmallIntegerField(default=0)
    last_answer = models.CharField(max_length=60, blank=True, default="")
    checked_at = models.DateTimeField(null=True, blank=True)
    synced_at = models.DateTimeField(null=True, blank=True)
    not_before = models.DateTimeField(
        null=True, blank=True, help_text="after failures: no attempt earlier"
    )

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(version__isnull=True) | models.Q(version__gte=0),
                name="local_list_version_not_negative",
            )
        ]

    def __str__(self) -> str:
        """Show state and version."""
        return f"local list {self.version} ({self.state})"
