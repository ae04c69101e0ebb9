"""Start policy: what a token may do, kept up to date beforehand by billing."""

from django.db import models


class IdToken(models.Model):
    """One token at one operator, or (operator empty) at all of them.

    An operator's own row counts before the common one. ``Authorize`` is answered from
    this row alone, so a token whose account cannot pay is blocked beforehand.
    """

    class Status(models.TextChoices):
        """As OCPP answers; ConcurrentTx is decided at the start."""

        ACCEPTED = "accepted"
        BLOCKED = "blocked"
        EXPIRED = "expired"
        INVALID = "invalid"

    class AccountState(models.TextChoices):
        """Whether the account behind it can pay; none: the operator's own token."""

        NONE = "none"
        OK = "ok"
        BLOCKED = "blocked"

    operator = models.ForeignKey(
        "accounts.Operator",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        db_index=False,
        related_name="+",
    )
    token = models.CharField(max_length=255, help_text="as it was given")
    token_key = models.CharField(
        max_length=255, help_text="upper case: tokens ignore case (1.6 CiString)"
    )
    token_type = models.CharField(max_length=20, blank=True, default="")
    status = models.CharField(max_length=10, choices=Status)
    group_id = models.CharField(max_length=255, blank=True, default="")
    expires_at = models.DateTimeField(null=True, blank=True)
    concurrent_allowed = models.BooleanField(default=False)
    driver_id = models.BigIntegerField(null=True, blank=True, db_index=True)
    account_state = models.CharField(
        max_length=8, choices=AccountState, default=AccountState.NONE
    )
    valid_from = models.TimeField(
        null=True, blank=True, help_text="each day, by the clock of the site"
    )
    valid_until = models.TimeField(
        null=True, blank=True, help_text="before valid_from: of the next day"
    )
    stop_only = models.BooleanField(
        default=False,
        db_default=False,
        help_text="master pass: stops all charges, starts none (2.0.1 C16)",
    )
    allowed_connector_types = models.JSONField(
        default=list, db_default=models.Value([], models.JSONField()), blank=True
    )
    allowed_site_ids = models.JSONField(
        default=list, db_default=models.Value([], models.JSONField()), blank=True
    )
    updated_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["token_key", "operator"],
                name="one_policy_per_token",
                nulls_distinct=False,
            ),
            models.CheckConstraint(
                condition=~models.Q(token_key=""), name="id_token_not_empty"
            ),
            models.CheckConstraint(
                condition=models.Q(valid_from__isnull=True, valid_until__isnull=True)
                | models.Q(valid_from__isnull=False, valid_until__isnull=False),
                name="id_token_hours_whole",
            ),
        ]

    def __str__(self) -> str:
        """Show the token."""
        return self.token
