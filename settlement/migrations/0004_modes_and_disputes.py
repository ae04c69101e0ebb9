"""Own-key mode, hosted checkout, disputes, statements."""

from typing import ClassVar

import django.db.models.deletion
from django.db import migrations, models

from cpms.accounts.rls import DriverTable, Parent, TenantTable

PAYMENT = Parent("payment_id", "settlement_payment")


class Migration(migrations.Migration):
    """Own-key mode, hosted checkout, disputes, statements."""

    dependencies: ClassVar = [
        ("settlement", "0003_ledger_guards"),
        ("accounts", "0002_tenancy"),
    ]
    operations: ClassVar = [
        migrations.AddField(
            model_name="payment",
            name="looked_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AlterField(
            model_name="paymentattempt",
            name="kind",
            field=models.CharField(
                choices=[
                    ("authorize", "Authorize"),
                    ("capture", "Capture"),
                    ("cancel", "Cancel"),
                    ("refund", "Refund"),
                    ("checkout", "Checkout"),
                    ("expire", "Expire"),
                ],
                max_length=12,
            ),
        ),
        migrations.CreateModel(
            name="Checkout",
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
                ("capture", models.BooleanField(default=False)),
                ("success_url", models.TextField()),
                ("cancel_url", models.TextField()),
                ("locale", models.CharField(blank=True, default="", max_length=10)),
                ("email", models.EmailField(blank=True, default="", max_length=254)),
                ("reference", models.CharField(blank=True, default="", max_length=100)),
                ("url", models.TextField(blank=True, default="")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("wanted", "Wanted"),
                            ("open", "Open"),
                            ("complete", "Complete"),
                            ("expired", "Expired"),
                        ],
                        default="wanted",
                        max_length=10,
                    ),
                ),
                ("expires_at", models.DateTimeField()),
                ("created_at", models.DateTimeField()),
                (
                    "operator",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        to="accounts.operator",
                    ),
                ),
                (
                    "payment",
                    models.OneToOneField(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="checkout",
                        to="settlement.payment",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["reference"], name="checkout_reference_ix")
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("state", "wanted"),
                            models.Q(("reference", ""), _negated=True),
                            _connector="OR",
                        ),
                        name="checkout_reference",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="SetupPage",
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
                ("provider", models.CharField(max_length=40)),
                (
                    "operator_account",
                    models.CharField(blank=True, default="", max_length=80),
                ),
                ("reference", models.CharField(max_length=100)),
                ("customer_ref", models.CharField(max_length=80)),
                ("url", models.TextField()),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("open", "Open"),
                            ("complete", "Complete"),
                            ("expired", "Expired"),
                        ],
                        default="open",
                        max_length=10,
                    ),
                ),
                ("expires_at", models.DateTimeField()),
                ("created_at", models.DateTimeField()),
                (
                    "driver",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        to="accounts.driver",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("state", "open")),
                        fields=["created_at"],
                        name="setup_page_open",
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("provider", "reference"), name="setup_page_once"
                    )
                ],
            },
        ),
        TenantTable("settlement_checkout", parents=[PAYMENT]),
        DriverTable("settlement_setuppage"),
    ]
