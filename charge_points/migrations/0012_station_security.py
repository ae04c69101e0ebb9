"""Revocation lists of client CAs; security events of no single charge point."""

from typing import ClassVar

import django.db.models.deletion
from django.db import migrations, models

from cpms.accounts.rls import PlatformTable


class Migration(migrations.Migration):
    """See the module."""

    dependencies: ClassVar = [("charge_points", "0011_station_behaviour")]

    operations: ClassVar = [
        migrations.CreateModel(
            name="ClientRevocationList",
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
                    "source",
                    models.CharField(
                        help_text="address, or node with a file", max_length=500
                    ),
                ),
                ("issuer", models.CharField(blank=True, default="", max_length=255)),
                ("this_update", models.DateTimeField(blank=True, null=True)),
                ("next_update", models.DateTimeField(blank=True, null=True)),
                ("entries", models.PositiveIntegerField(default=0)),
                ("der", models.BinaryField(default=bytes)),
                (
                    "fingerprint",
                    models.CharField(blank=True, default="", max_length=64),
                ),
                (
                    "seen_at",
                    models.DateTimeField(
                        help_text="when it was last asked for, or read"
                    ),
                ),
                ("fault", models.CharField(blank=True, default="", max_length=255)),
                ("warned_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("source", "issuer"), name="one_row_per_revocation_list"
                    )
                ],
            },
        ),
        PlatformTable("charge_points_clientrevocationlist"),
        migrations.AlterField(
            model_name="securityevent",
            name="charge_point",
            field=models.ForeignKey(
                blank=True,
                db_constraint=False,
                db_index=False,
                help_text="empty: about the network as a whole",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                to="charge_points.chargepoint",
            ),
        ),
    ]
