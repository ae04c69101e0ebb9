"""Revocation lists of client CAs; security events of no single charge point."""

from typing import ClassVar

import django.db.models.deletion
from django.db import migrations, models

from charge_points.migrations._walls import Walls
from cpms.accounts.rls import Parent, PlatformTable

STATION = Parent("charge_point_id", "charge_points_chargepoint")


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
        migrations.AlterField(
            model_name="stationcertificate",
            name="authority",
            field=models.ForeignKey(
                blank=True,
                help_text="empty: the operator's own CA signed it",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                to="charge_points.stationauthority",
            ),
        ),
        migrations.AddField(
            model_name="stationcertificate",
            name="chain_pem",
            field=models.TextField(
                blank=True, default="", help_text="sub-CAs of the operator's own CA"
            ),
        ),
        migrations.CreateModel(
            name="SigningRequest",
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
                ("csr", models.TextField()),
                ("csr_hash", models.CharField(max_length=64)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("waiting", "Waiting"),
                            ("signed", "Signed"),
                            ("refused", "Refused"),
                        ],
                        default="waiting",
                        max_length=7,
                    ),
                ),
                ("attempts", models.PositiveSmallIntegerField(default=0)),
                ("next_try_at", models.DateTimeField()),
                ("detail", models.CharField(blank=True, default="", max_length=255)),
                ("created_at", models.DateTimeField()),
                ("decided_at", models.DateTimeField(blank=True, null=True)),
                (
                    "charge_point",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        to="charge_points.chargepoint",
                    ),
                ),
                (
                    "operator",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="accounts.operator",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("state", "waiting")),
                        fields=["next_try_at"],
                        name="signing_request_due",
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("charge_point", "csr_hash"), name="signing_request_once"
                    )
                ],
            },
        ),
        Walls(
            "charge_points_signingrequest",
            parents=[STATION],
            indexed=["charge_point_id"],
        ),
    ]
