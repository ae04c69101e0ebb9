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
            ],
        ),
        migrations.CreateModel(
            name="PlatformInvoice",
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
                ("number", models.CharField(max_length=40, unique=True)),
                (
                    "month_start_date",
                    models.DateField(help_text="First day of the month, in UTC"),
                ),
                ("currency", models.CharField(max_length=3)),
                ("fee_minor", models.BigIntegerField()),
                ("charges", models.PositiveIntegerField()),
                (
                    "state",
                    models.CharField(
                        choices=[("open", "Open"), ("paid", "Paid")],
                        default="open",
                        max_length=5,
                    ),
                ),
                ("issued_at", models.DateTimeField()),
                ("paid_at", models.DateTimeField(blank=True, null=True)),
                ("paid_by", models.CharField(blank=True, default="", max_length=120)),
            ],
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
            ],
        ),
        migrations.RemoveConstraint(
            model_name="driverpaymentmethod",
            name="one_default_payment_method",
        ),
        migrations.AddField(
            model_name="dispute",
            name="amount_minor",
            field=models.BigIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="dispute",
            name="currency",
            field=models.CharField(blank=True, default="", max_length=3),
        ),
        migrations.AddField(
            model_name="dispute",
            name="due_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="dispute",
            name="evidence",
            field=models.JSONField(blank=True, default=dict),
        ),
        migrations.AddField(
            model_name="dispute",
            name="reason",
            field=models.CharField(blank=True, default="", max_length=60),
        ),
        migrations.AddField(
            model_name="dispute",
            name="submit_key",
            field=models.CharField(blank=True, default="", max_length=120),
        ),
        migrations.AddField(
            model_name="dispute",
            name="submitted_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="dispute",
            name="submitted_by",
            field=models.CharField(blank=True, default="", max_length=120),
        ),
        migrations.AddField(
            model_name="dispute",
            name="warned_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="driverpaymentmethod",
            name="operator_account",
            field=models.CharField(blank=True, default="", max_length=80),
        ),
        migrations.AddField(
            model_name="payeeaccount",
            name="due_by",
            field=models.DateTimeField(
                blank=True, help_text="When the provider begins to block it", null=True
            ),
        ),
        migrations.AddField(
            model_name="payeeaccount",
            name="sealed_key",
            field=models.TextField(blank=True, default="", editable=False),
        ),
        migrations.AddField(
            model_name="payeeaccount",
            name="sealed_webhook_secret",
            field=models.TextField(blank=True, default="", editable=False),
        ),
        migrations.AddField(
            model_name="payeeaccount",
            name="warned_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="payment",
            name="looked_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="payment",
            name="mode",
            field=models.CharField(default="connected", max_length=12),
        ),
        migrations.AddField(
            model_name="reconciliationdifference",
            name="entry",
            field=models.ForeignKey(
                blank=True,
                db_constraint=False,
                help_text="What was posted for it",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                to="settlement.ledgerentry",
            ),
        ),
        migrations.AddField(
            model_name="reconciliationdifference",
            name="resolved_as",
            field=models.CharField(
                blank=True,
                choices=[
                    ("agreed", "Agreed"),
                    ("provider_fee", "Provider Fee"),
                    ("foreign_capture", "Foreign Capture"),
                    ("foreign_refund", "Foreign Refund"),
                    ("transfer_to_bank", "Transfer To Bank"),
                    ("written_off", "Written Off"),
                    ("other", "Other"),
                ],
                default="",
                max_length=20,
            ),
        ),
        migrations.AddField(
            model_name="reconciliationdifference",
            name="resolved_by",
            field=models.CharField(blank=True, default="", max_length=120),
        ),
        migrations.AddField(
            model_name="refund",
            name="looked_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AlterField(
            model_name="dispute",
            name="state",
            field=models.CharField(
                choices=[
                    ("open", "Open"),
                    ("submitted", "Submitted"),
                    ("won", "Won"),
                    ("lost", "Lost"),
                ],
                default="open",
                max_length=9,
            ),
        ),
        migrations.AlterField(
            model_name="payeeaccount",
            name="mode",
            field=models.CharField(
                choices=[("connected", "Connected"), ("own_key", "Own Key")],
                default="connected",
                max_length=12,
            ),
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
        migrations.AddIndex(
            model_name="refund",
            index=models.Index(
                condition=models.Q(("state", "pending")),
                fields=["created_at"],
                name="refund_waiting",
            ),
        ),
        migrations.AddConstraint(
            model_name="driverpaymentmethod",
            constraint=models.UniqueConstraint(
                condition=models.Q(("is_default", True)),
                fields=("driver", "operator_account"),
                name="one_default_payment_method",
            ),
        ),
        migrations.AddConstraint(
            model_name="payeeaccount",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("mode", "own_key"), _negated=True),
                    models.Q(("sealed_key", ""), _negated=True),
                    _connector="XOR",
                ),
                name="payee_account_own_key",
            ),
        ),
        migrations.AddField(
            model_name="checkout",
            name="operator",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, to="accounts.operator"
            ),
        ),
        migrations.AddField(
            model_name="checkout",
            name="payment",
            field=models.OneToOneField(
                db_constraint=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="checkout",
                to="settlement.payment",
            ),
        ),
        migrations.AddField(
            model_name="platforminvoice",
            name="operator",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, to="accounts.operator"
            ),
        ),
        migrations.AddField(
            model_name="setuppage",
            name="driver",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, to="accounts.driver"
            ),
        ),
        migrations.AddIndex(
            model_name="checkout",
            index=models.Index(fields=["reference"], name="checkout_reference_ix"),
        ),
        migrations.AddConstraint(
            model_name="checkout",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("state", "wanted"),
                    models.Q(("reference", ""), _negated=True),
                    _connector="OR",
                ),
                name="checkout_reference",
            ),
        ),
        migrations.AddConstraint(
            model_name="platforminvoice",
            constraint=models.UniqueConstraint(
                fields=("operator", "month_start_date", "currency"),
                name="platform_invoice_once",
            ),
        ),
        migrations.AddConstraint(
            model_name="platforminvoice",
            constraint=models.CheckConstraint(
                condition=models.Q(("fee_minor__gt", 0)),
                name="platform_invoice_positive",
            ),
        ),
        migrations.AddIndex(
            model_name="setuppage",
            index=models.Index(
                condition=models.Q(("state", "open")),
                fields=["created_at"],
                name="setup_page_open",
            ),
        ),
        migrations.AddConstraint(
            model_name="setuppage",
            constraint=models.UniqueConstraint(
                fields=("provider", "reference"), name="setup_page_once"
            ),
        ),
        TenantTable("settlement_checkout", parents=[PAYMENT]),
        DriverTable("settlement_setuppage"),
        # Workers write what is owed; the web marks it as paid.
        TenantTable("settlement_platforminvoice", app="SELECT, UPDATE"),
        migrations.RunSQL(
            "ALTER TABLE settlement_reconciliationdifference ADD CONSTRAINT "
            "settlement_difference_entry_tenant_fk FOREIGN KEY (operator_id, entry_id) "
            "REFERENCES settlement_ledgerentry (operator_id, id) "
            "DEFERRABLE INITIALLY DEFERRED",
            migrations.RunSQL.noop,
        ),
    ]
