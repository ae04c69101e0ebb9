"""The ledger's three tables and the seals of its hash chain.

``operator_id`` names the book: an operator's own, or ``PLATFORM_BOOK``. It is
never NULL, because a composite key with a NULL column holds nothing. PostgreSQL
guards the tables (migration 0003): a further column ``ledgerentry.created_txid`` is
known to PostgreSQL only, since nobody may write it.
"""

from typing import Final

from django.db import models
from django.db.models.functions import Now

PLATFORM_BOOK: Final = 0
"""The platform's own book: its fees and nothing else."""


class LedgerAccount(models.Model):
    """An account of one book in one currency."""

    class Type(models.TextChoices):
        """Debit is positive: assets and expenses grow by it."""

        ASSET = "asset"
        LIABILITY = "liability"
        INCOME = "income"
        EXPENSE = "expense"

    operator = models.ForeignKey(
        "accounts.Operator", on_delete=models.DO_NOTHING, db_constraint=False
    )
    code = models.CharField(max_length=160)
    type = models.CharField(max_length=9, choices=Type)
    currency = models.CharField(max_length=3)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["operator", "code", "currency"], name="ledger_account_once"
            ),
            models.CheckConstraint(
                condition=models.Q(currency__regex=r"^[A-Z]{3}$"),
                name="ledger_account_iso4217",
            ),
        ]

    def __str__(self) -> str:
        """Show code and currency."""
        return f"{self.code} {self.currency}"


class LedgerEntry(models.Model):
    """A balanced fact; (source, key) makes its posting idempotent."""

    operator = models.ForeignKey(
        "accounts.Operator",
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
    )
    source = models.CharField(max_length=40)
    key = models.CharField(max_length=120)
    order_number = models.CharField(max_length=20, blank=True, default="")
    effective_at = models.DateTimeField()
    reverses = models.OneToOneField(
        "self", on_delete=models.PROTECT, null=True, blank=True, db_constraint=False
    )
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name_plural = "ledger entries"
        constraints = [
            models.UniqueConstraint(fields=["source", "key"], name="ledger_entry_once"),
        ]
        indexes = [
            models.Index(
                fields=["order_number"],
                name="ledger_entry_order",
                condition=~models.Q(order_number=""),
            )
        ]

    def __str__(self) -> str:
        """Show the fact that it books."""
        return f"{self.source} {self.key}"


class LedgerLine(models.Model):
    """One leg of an entry: debit positive, credit negative."""

    entry = models.ForeignKey(
        LedgerEntry,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        related_name="lines",
    )
    operator = models.ForeignKey(
        "accounts.Operator",
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
    )
    account = models.ForeignKey(
        LedgerAccount, on_delete=models.DO_NOTHING, db_constraint=False
    )
    currency = models.CharField(max_length=3)
    amount_minor = models.BigIntegerField()

    class Meta:
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(
                condition=~models.Q(amount_minor=0), name="ledger_line_not_zero"
            )
        ]

    def __str__(self) -> str:
        """Show the amount."""
        return f"{self.amount_minor} {self.currency}"


class LedgerSeal(models.Model):
    """One link of a book's hash chain, over the entries that it names.

    ``digest`` = SHA-256 of the previous seal's digest and of every entry's own
    SHA-256 in the order of their ids.
    """

    operator = models.ForeignKey(
        "accounts.Operator",
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
    )
    number = models.BigIntegerField()
    first_entry = models.BigIntegerField()
    last_entry = models.BigIntegerField()
    entries = models.PositiveIntegerField()
    previous_digest = models.BinaryField(max_length=32)
    digest = models.BinaryField(max_length=32)
    sealed_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["operator", "number"], name="ledger_seal_number"
            ),
            models.UniqueConstraint(
                fields=["operator", "last_entry"], name="ledger_seal_place"
            ),
            models.CheckConstraint(
                condition=models.Q(last_entry__gte=models.F("first_entry"))
                & models.Q(entries__gt=0)
                & models.Q(number__gt=0),
                name="ledger_seal_range",
            ),
        ]

    def __str__(self) -> str:
        """Show its place in the chain."""
        return f"seal {self.number} of book {self.operator_id}"
