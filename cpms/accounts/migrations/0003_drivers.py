"""What drivers and vehicles may spend; shared vehicles, and how they change hands."""

from typing import ClassVar

import django.db.models.deletion
from django.db import migrations, models

from cpms.accounts.rls import DriverTable


class Migration(migrations.Migration):
    """Caps, shares, transfers."""

    dependencies: ClassVar = [("accounts", "0002_tenancy")]
    operations: ClassVar = [
        migrations.CreateModel(
            name="VehicleShare",
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
                ("shared_at", models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name="VehicleTransfer",
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
                ("code_hash", models.CharField(max_length=64, unique=True)),
                ("created_at", models.DateTimeField()),
                ("expires_at", models.DateTimeField()),
                ("taken_at", models.DateTimeField(blank=True, null=True)),
            ],
        ),
        migrations.AddField(
            model_name="driver",
            name="day_cap_minor",
            field=models.BigIntegerField(
                blank=True, help_text="Most that may be spent in a day", null=True
            ),
        ),
        migrations.AddField(
            model_name="driver",
            name="month_cap_minor",
            field=models.BigIntegerField(
                blank=True, help_text="Most that may be spent in a month", null=True
            ),
        ),
        migrations.AddField(
            model_name="vehicle",
            name="cap_currency",
            field=models.CharField(blank=True, default="", max_length=3),
        ),
        migrations.AddField(
            model_name="vehicle",
            name="certificate_expires_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="vehicle",
            name="chain_pem",
            field=models.TextField(
                blank=True,
                default="",
                help_text="issuers of a certificate of another PKI",
            ),
        ),
        migrations.AddField(
            model_name="vehicle",
            name="charge_cap_minor",
            field=models.BigIntegerField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="vehicle",
            name="day_cap_minor",
            field=models.BigIntegerField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="vehicle",
            name="key_proved",
            field=models.BooleanField(
                default=False, help_text="the key itself signed the enrolment"
            ),
        ),
        migrations.AddField(
            model_name="vehicle",
            name="month_cap_minor",
            field=models.BigIntegerField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="vehicle",
            name="payer",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to="accounts.driver",
            ),
        ),
        migrations.AddConstraint(
            model_name="driver",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("day_cap_minor__isnull", True),
                        ("day_cap_minor__gt", 0),
                        _connector="OR",
                    ),
                    models.Q(
                        ("month_cap_minor__isnull", True),
                        ("month_cap_minor__gt", 0),
                        _connector="OR",
                    ),
                ),
                name="driver_period_caps_positive",
            ),
        ),
        migrations.AddField(
            model_name="vehicleshare",
            name="driver",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, to="accounts.driver"
            ),
        ),
        migrations.AddField(
            model_name="vehicleshare",
            name="vehicle",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="shares",
                to="accounts.vehicle",
            ),
        ),
        migrations.AddField(
            model_name="vehicletransfer",
            name="driver",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, to="accounts.driver"
            ),
        ),
        migrations.AddField(
            model_name="vehicletransfer",
            name="vehicle",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, to="accounts.vehicle"
            ),
        ),
        migrations.AddConstraint(
            model_name="vehicleshare",
            constraint=models.UniqueConstraint(
                fields=("vehicle", "driver"), name="one_share_per_driver"
            ),
        ),
        # Who owns a vehicle reads and writes through the platform's scope as well.
        DriverTable("accounts_vehicleshare"),
        DriverTable("accounts_vehicletransfer"),
    ]
