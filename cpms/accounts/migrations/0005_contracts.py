"""Contracts of drivers."""

from typing import ClassVar

import django.db.models.deletion
from django.db import migrations, models

from cpms.accounts.rls import DriverTable


class Migration(migrations.Migration):
    """One table."""

    dependencies: ClassVar = [("accounts", "0004_second_factor")]

    operations: ClassVar = [
        migrations.CreateModel(
            name="Contract",
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
                ("emaid", models.CharField(max_length=15)),
                ("label", models.CharField(blank=True, default="", max_length=80)),
                (
                    "state",
                    models.CharField(
                        choices=[("active", "Active"), ("cancelled", "Cancelled")],
                        default="active",
                        max_length=9,
                    ),
                ),
                ("proved", models.BooleanField(default=False)),
                (
                    "certificate_expires_at",
                    models.DateTimeField(blank=True, null=True),
                ),
                ("registered_at", models.DateTimeField()),
                ("cancelled_at", models.DateTimeField(blank=True, null=True)),
                (
                    "driver",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        to="accounts.driver",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("state", "active")),
                        fields=("emaid",),
                        name="one_active_contract_per_emaid",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("emaid__regex", "^[A-Z]{2}[A-Z0-9]{12,13}$")
                        ),
                        name="contract_emaid_shape",
                    ),
                ],
            },
        ),
        DriverTable("accounts_contract"),
    ]
