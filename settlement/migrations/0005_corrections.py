"""Corrections of bills that follow late facts."""

from typing import ClassVar

import django.db.models.deletion
from django.db import migrations, models

from cpms.accounts.rls import Parent, TenantTable

ID = models.BigAutoField(
    auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
)


class Migration(migrations.Migration):
    """Corrections, the refunds that belong to them, debts after a paid debt."""

    dependencies: ClassVar = [
        ("settlement", "0004_modes_and_disputes"),
        ("accounts", "0002_tenancy"),
    ]
    operations: ClassVar = [
        migrations.CreateModel(
            name="Correction",
            fields=[
                ("id", ID),
                ("order_number", models.CharField(max_length=20)),
                (
                    "key",
                    models.CharField(
                        help_text="The asker's idempotency key", max_length=120
                    ),
                ),
                ("difference_minor", models.BigIntegerField()),
                ("moved_minor", models.BigIntegerField(default=0)),
                ("currency", models.CharField(max_length=3)),
                ("reason", models.CharField(max_length=200)),
                ("requested_by", models.CharField(max_length=120)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("pending", "Pending"),
                            ("done", "Done"),
                            ("stuck", "Stuck"),
                        ],
                        default="pending",
                        max_length=8,
                    ),
                ),
                ("note", models.CharField(blank=True, default="", max_length=200)),
                ("tries", models.PositiveSmallIntegerField(default=0)),
                ("next_try_at", models.DateTimeField()),
                ("created_at", models.DateTimeField()),
                ("finished_at", models.DateTimeField(blank=True, null=True)),
                (
                    "operator",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        to="accounts.operator",
                    ),
                ),
                (
                    "payment",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="corrections",
                        to="settlement.payment",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("payment", "key"), name="correction_once"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("difference_minor", 0), _negated=True),
                        name="correction_not_zero",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("moved_minor__gte", 0),
                            models.Q(
                                ("moved_minor__lte", models.F("difference_minor")),
                                (
                                    "moved_minor__lte",
                                    models.F("difference_minor") * models.Value(-1),
                                ),
                                _connector="OR",
                            ),
                        ),
                        name="correction_moved",
                    ),
                ],
                "indexes": [
                    models.Index(
                        condition=models.Q(("state", "pending")),
                        fields=["next_try_at"],
                        name="correction_pending",
                    )
                ],
            },
        ),
        TenantTable(
            "settlement_correction",
            parents=[Parent("payment_id", "settlement_payment")],
        ),
        migrations.AddField(
            model_name="refund",
            name="correction",
            field=models.ForeignKey(
                blank=True,
                db_constraint=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="refunds",
                to="settlement.correction",
            ),
        ),
        migrations.RunSQL(
            "ALTER TABLE settlement_refund ADD CONSTRAINT "
            "settlement_refund_correction_id_tenant_fk "
            "FOREIGN KEY (operator_id, correction_id) "
            "REFERENCES settlement_correction (operator_id, id) "
            "DEFERRABLE INITIALLY DEFERRED",
            migrations.RunSQL.noop,
        ),
        migrations.AlterField(
            model_name="receivable",
            name="state",
            field=models.CharField(
                choices=[
                    ("open", "Open"),
                    ("paid", "Paid"),
                    ("corrected", "Corrected"),
                    ("written_off", "Written Off"),
                ],
                default="open",
                max_length=12,
            ),
        ),
        migrations.RemoveConstraint(model_name="receivable", name="receivable_once"),
        migrations.AddConstraint(
            model_name="receivable",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state", "open")),
                fields=("payment",),
                name="receivable_once",
            ),
        ),
    ]
