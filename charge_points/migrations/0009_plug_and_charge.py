"""Roots of contracts, and how grave security events are."""

from typing import ClassVar

import django.db.models.deletion
from django.db import migrations, models

from charge_points.migrations._walls import SharedTenantTable


class Migration(migrations.Migration):
    """See the module."""

    dependencies: ClassVar = [
        ("accounts", "0002_tenancy"),
        ("charge_points", "0008_campaigns"),
    ]

    operations: ClassVar = [
        migrations.CreateModel(
            name="ContractRoot",
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
                    "fingerprint",
                    models.CharField(max_length=64, help_text="SHA-256, hexadecimal"),
                ),
                ("subject", models.CharField(max_length=255)),
                ("certificate_pem", models.TextField()),
                ("not_after", models.DateTimeField()),
                ("added_by", models.CharField(max_length=150)),
                ("added_at", models.DateTimeField()),
                (
                    "operator",
                    models.ForeignKey(
                        blank=True,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="accounts.operator",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("fingerprint", "operator"),
                        name="one_row_per_contract_root",
                        nulls_distinct=False,
                    )
                ],
            },
        ),
        SharedTenantTable("charge_points_contractroot"),
        migrations.AddField(
            model_name="securityevent",
            name="severity",
            field=models.CharField(
                choices=[("critical", "Critical"), ("notice", "Notice")],
                db_default="notice",
                default="notice",
                help_text="as the standard ranks the kind",
                max_length=8,
            ),
        ),
    ]
