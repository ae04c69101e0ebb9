"""The certificate authority of the stations and its revocations."""

from typing import ClassVar

import django.db.models.deletion
from django.db import migrations, models

from charge_points.migrations._walls import Walls
from cpms.accounts.rls import Parent, PlatformTable

STATION = Parent("charge_point_id", "charge_points_chargepoint")


class Migration(migrations.Migration):
    """The certificate authority of the stations and its revocations."""

    dependencies: ClassVar = [
        ("charge_points", "0004_firmware_and_monitoring"),
        ("accounts", "0002_tenancy"),
    ]
    operations: ClassVar = [
        migrations.CreateModel(
            name="StationAuthority",
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
                    "role",
                    models.CharField(
                        choices=[("root", "Root"), ("sub", "Sub")], max_length=4
                    ),
                ),
                ("certificate_pem", models.TextField()),
                ("private_key_encrypted", models.TextField()),
                ("crl_number", models.PositiveBigIntegerField(default=0)),
                ("created_at", models.DateTimeField()),
                (
                    "parent",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="charge_points.stationauthority",
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "station authorities",
            },
        ),
        migrations.CreateModel(
            name="InstalledCertificate",
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
                    "use",
                    models.CharField(
                        help_text="CSMSRootCertificate and the like", max_length=32
                    ),
                ),
                ("hash_algorithm", models.CharField(max_length=6)),
                ("issuer_name_hash", models.CharField(max_length=128)),
                ("issuer_key_hash", models.CharField(max_length=128)),
                ("serial_number", models.CharField(max_length=40)),
                ("children", models.JSONField(blank=True, default=list)),
                ("subject", models.CharField(blank=True, default="", max_length=255)),
                ("seen_at", models.DateTimeField()),
                (
                    "charge_point",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
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
                "constraints": [
                    models.UniqueConstraint(
                        fields=(
                            "charge_point",
                            "use",
                            "hash_algorithm",
                            "issuer_name_hash",
                            "issuer_key_hash",
                            "serial_number",
                        ),
                        name="installed_certificate_once",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="StationCertificate",
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
                    "serial_number",
                    models.CharField(help_text="hex", max_length=40, unique=True),
                ),
                (
                    "fingerprint",
                    models.CharField(
                        help_text="SHA-256 of the DER, hex", max_length=64
                    ),
                ),
                ("certificate_pem", models.TextField()),
                ("csr_hash", models.CharField(max_length=64)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("issued", "Issued"),
                            ("installed", "Installed"),
                            ("rejected", "Rejected"),
                            ("revoked", "Revoked"),
                        ],
                        default="issued",
                        max_length=10,
                    ),
                ),
                ("not_before", models.DateTimeField()),
                ("not_after", models.DateTimeField()),
                ("created_at", models.DateTimeField()),
                ("installed_at", models.DateTimeField(blank=True, null=True)),
                ("revoked_at", models.DateTimeField(blank=True, null=True)),
                (
                    "revoke_reason",
                    models.CharField(blank=True, default="", max_length=40),
                ),
                ("warned_at", models.DateTimeField(blank=True, null=True)),
                (
                    "authority",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        to="charge_points.stationauthority",
                    ),
                ),
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
                    models.Index(fields=["not_after"], name="station_certificate_end"),
                    models.Index(
                        condition=models.Q(("state", "revoked")),
                        fields=["authority"],
                        name="station_certificate_revoked",
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("charge_point", "csr_hash"),
                        name="station_certificate_once",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("not_after__gt", models.F("not_before"))),
                        name="station_certificate_lives",
                    ),
                ],
            },
        ),
        PlatformTable("charge_points_stationauthority"),
        Walls(
            "charge_points_stationcertificate",
            parents=[STATION],
            indexed=["charge_point_id"],
        ),
        Walls(
            "charge_points_installedcertificate",
            parents=[STATION],
            indexed=["charge_point_id"],
        ),
    ]
