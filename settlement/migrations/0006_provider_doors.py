"""Money that nobody owes, own keys that are changed while in use, and who looked."""

import django.db.models.deletion
from django.db import migrations, models

from cpms.accounts.rls import TenantTable


class Migration(migrations.Migration):
    """Columns with constant defaults: no table is rewritten."""

    dependencies = [
        ("settlement", "0005_corrections"),
        ("accounts", "0002_tenancy"),
    ]

    operations = [
        migrations.AddField(
            model_name="payment",
            name="unowed_reason",
            field=models.CharField(
                blank=True,
                default="",
                help_text="Why nobody owes this money: it goes back by itself",
                max_length=200,
            ),
        ),
        migrations.AddField(
            model_name="payeeaccount",
            name="key_ending",
            field=models.CharField(
                blank=True,
                default="",
                editable=False,
                help_text="The last characters of the operator's own key",
                max_length=4,
            ),
        ),
        migrations.AddField(
            model_name="payeeaccount",
            name="key_set_at",
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
        migrations.AddField(
            model_name="payeeaccount",
            name="sealed_former_webhook_secret",
            field=models.TextField(blank=True, default="", editable=False),
        ),
        migrations.AddField(
            model_name="payeeaccount",
            name="former_webhook_secret_until",
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
        migrations.AddField(
            model_name="webhookevent",
            name="looked_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="dispute",
            name="looked_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.CreateModel(
            name="OwnKeySubmission",
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
                    "reference",
                    models.CharField(help_text="Such as acct_…", max_length=80),
                ),
                (
                    "sealed_key",
                    models.TextField(blank=True, default="", editable=False),
                ),
                (
                    "sealed_webhook_secret",
                    models.TextField(blank=True, default="", editable=False),
                ),
                ("key_ending", models.CharField(max_length=4)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("pending", "Pending"),
                            ("accepted", "Accepted"),
                            ("refused", "Refused"),
                        ],
                        default="pending",
                        max_length=8,
                    ),
                ),
                ("note", models.CharField(blank=True, default="", max_length=300)),
                ("submitted_by", models.CharField(max_length=120)),
                ("submitted_at", models.DateTimeField()),
                ("looked_at", models.DateTimeField(blank=True, null=True)),
                ("decided_at", models.DateTimeField(blank=True, null=True)),
                (
                    "operator",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        to="accounts.operator",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("state", "pending")),
                        fields=["submitted_at"],
                        name="own_key_pending",
                    )
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("decided_at__isnull", True), ("state", "pending")
                            ),
                            models.Q(
                                ("decided_at__isnull", False),
                                ("sealed_key", ""),
                                ("sealed_webhook_secret", ""),
                            ),
                            _connector="OR",
                        ),
                        name="own_key_wiped",
                    )
                ],
            },
        ),
        # Owners give keys, workers decide about them.
        TenantTable("settlement_ownkeysubmission", app="SELECT, INSERT"),
    ]
