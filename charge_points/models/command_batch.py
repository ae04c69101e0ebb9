"""One command for many charge points, and how far it is with each."""

from typing import Final

from django.db import models

from charge_points.models.base import TenantModel

WAITING: Final = "waiting"


class CommandBatch(TenantModel):
    """A command that somebody sends to a selection of charge points at once.

    ``payload`` has its secrets masked; the whole is sealed in ``sealed_payload`` until
    every member has its own command. See ``models.states.COMMAND_BATCH``.
    """

    class State(models.TextChoices):
        """Whether something of it still goes on."""

        RUNNING = "running"
        ENDED = "ended"
        CANCELLED = "cancelled"

    action = models.CharField(max_length=60)
    payload = models.JSONField(default=dict, blank=True)
    sealed_payload = models.TextField(blank=True, default="")
    selection = models.JSONField(default=dict, help_text="as it was asked for")
    size = models.PositiveIntegerField(help_text="charge points")
    at_once = models.PositiveIntegerField(
        null=True, blank=True, help_text="under way at the same time; empty: all"
    )
    state = models.CharField(max_length=9, choices=State, default=State.RUNNING)
    idempotency_key = models.CharField(max_length=128)
    requested_by = models.CharField(max_length=120)
    created_at = models.DateTimeField()
    not_before = models.DateTimeField()
    expires_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name_plural = "command batches"
        constraints = [
            models.UniqueConstraint(
                fields=["operator", "idempotency_key"],
                name="one_command_batch_per_key",
            ),
            models.CheckConstraint(
                condition=models.Q(expires_at__gt=models.F("not_before")),
                name="command_batch_expires_after_begin",
            ),
            models.CheckConstraint(
                condition=models.Q(at_once__isnull=True) | models.Q(at_once__gt=0),
                name="command_batch_at_once_positive",
            ),
        ]
        indexes = [
            models.Index(
                fields=["id"],
                condition=models.Q(state="running"),
                name="command_batch_running",
            ),
        ]

    def __str__(self) -> str:
        """Show what is asked, and of how many."""
        return f"{self.action} to {self.size} charge points"


class CommandBatchMember(TenantModel):
    """One charge point of a batch: waits, or has its own command.

    Once it is released its command's state is the member's.
    """

    class State(models.TextChoices):
        """``released``: look at the command."""

        WAITING = WAITING
        RELEASED = "released"
        CANCELLED = "cancelled"
        EXPIRED = "expired"
        FAILED = "failed"

    batch = models.ForeignKey(
        CommandBatch, on_delete=models.CASCADE, db_constraint=False, db_index=False
    )
    charge_point = models.ForeignKey(
        "charge_points.ChargePoint",
        on_delete=models.CASCADE,
        db_constraint=False,
        db_index=False,
    )
    command = models.ForeignKey(
        "charge_points.Command",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        db_constraint=False,
        db_index=False,
    )
    state = models.CharField(max_length=9, choices=State, default=State.WAITING)
    detail = models.CharField(max_length=200, blank=True, default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["batch", "charge_point"], name="one_command_batch_member"
            ),
            models.CheckConstraint(
                condition=models.Q(state="released", command__isnull=False)
                | (~models.Q(state="released") & models.Q(command__isnull=True)),
                name="command_batch_member_has_command",
            ),
        ]
        indexes = [
            models.Index(
                fields=["batch", "id"],
                condition=models.Q(state=WAITING),
                name="command_batch_waiting",
            ),
        ]

    def __str__(self) -> str:
        """Show how far it is."""
        return f"member {self.pk} ({self.state})"
