"""Documents of corrected bills; mails with documents, each at most once."""

from typing import ClassVar

import django.db.models.deletion
from django.db import migrations, models

from cpms.accounts.rls import Parent, TenantTable

PROTECT = django.db.models.deletion.PROTECT


def composite_key(table: str, column: str, parent: str) -> migrations.RunSQL:
    """A reference that stays inside the operator, for a table that has its walls."""
    return migrations.RunSQL(
        f"ALTER TABLE {table} ADD CONSTRAINT {table}_{column}_tenant_fk "
        f"FOREIGN KEY (operator_id, {column}) REFERENCES {parent} (operator_id, id) "
        "DEFERRABLE INITIALLY DEFERRED",
        migrations.RunSQL.noop,
    )


class Migration(migrations.Migration):
    """Several receipts an order, credit notes without a refund, claims of mails."""

    dependencies: ClassVar = [
        ("billing", "0005_assignments"),
        ("accounts", "0002_tenancy"),
    ]
    operations: ClassVar = [
        migrations.AddField(
            model_name="order",
            name="correction_reason",
            field=models.CharField(
                blank=True,
                default="",
                help_text="Why late facts of a billed charge wait for a person",
                max_length=300,
            ),
        ),
        migrations.AddIndex(
            model_name="order",
            index=models.Index(
                condition=models.Q(("correction_reason", ""), _negated=True),
                fields=["operator"],
                name="order_correction_waits",
            ),
        ),
        migrations.AlterField(
            model_name="receipt",
            name="order",
            field=models.ForeignKey(
                db_constraint=False,
                on_delete=PROTECT,
                related_name="receipts",
                to="billing.order",
            ),
        ),
        migrations.AddField(
            model_name="receipt",
            name="corrects",
            field=models.OneToOneField(
                blank=True,
                db_constraint=False,
                null=True,
                on_delete=PROTECT,
                related_name="corrected_by",
                to="billing.receipt",
            ),
        ),
        composite_key("billing_receipt", "corrects_id", "billing_receipt"),
        migrations.AddConstraint(
            model_name="receipt",
            constraint=models.UniqueConstraint(
                condition=models.Q(("corrects__isnull", True)),
                fields=("order",),
                name="receipt_first_once",
            ),
        ),
        migrations.AddConstraint(
            model_name="receipt",
            constraint=models.UniqueConstraint(
                fields=("cdr",), name="receipt_once_per_cdr"
            ),
        ),
        migrations.AlterField(
            model_name="creditnote",
            name="refund_id",
            field=models.BigIntegerField(
                blank=True, help_text="settlement's refund", null=True
            ),
        ),
        migrations.AddField(
            model_name="creditnote",
            name="cdr",
            field=models.ForeignKey(
                blank=True,
                db_constraint=False,
                null=True,
                on_delete=PROTECT,
                related_name="credit_notes",
                to="billing.cdr",
            ),
        ),
        composite_key("billing_creditnote", "cdr_id", "billing_cdr"),
        migrations.AddConstraint(
            model_name="creditnote",
            constraint=models.UniqueConstraint(
                fields=("operator", "cdr"), name="credit_note_once_per_cdr"
            ),
        ),
        migrations.AddConstraint(
            model_name="creditnote",
            constraint=models.CheckConstraint(
                condition=models.Q(cdr__isnull=True, refund_id__isnull=False)
                | models.Q(cdr__isnull=False, refund_id__isnull=True),
                name="credit_note_has_a_cause",
            ),
        ),
        migrations.CreateModel(
            name="DocumentMail",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True,
                        primary_key=True,
                        serialize=False,
                        verbose_name="ID",
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("prepared", "Prepared"),
                            ("sending", "Sending"),
                            ("sent", "Sent"),
                            ("in_doubt", "In Doubt"),
                        ],
                        default="prepared",
                        max_length=8,
                    ),
                ),
                ("moved_at", models.DateTimeField()),
                (
                    "operator",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=PROTECT,
                        to="accounts.operator",
                    ),
                ),
                (
                    "receipt",
                    models.OneToOneField(
                        db_constraint=False,
                        on_delete=PROTECT,
                        related_name="mail",
                        to="billing.receipt",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("state__in", ["prepared", "sending", "sent", "in_doubt"])
                        ),
                        name="document_mail_state_known",
                    )
                ],
                "indexes": [
                    models.Index(
                        condition=models.Q(("state", "sending")),
                        fields=["moved_at"],
                        name="document_mail_sending",
                    )
                ],
            },
        ),
        TenantTable(
            "billing_documentmail",
            parents=[Parent("receipt_id", "billing_receipt")],
        ),
    ]
