"""Signed meter values, what stations put off, boot intervals, hours of tokens."""

from typing import ClassVar

import django.db.models.deletion
from django.db import migrations, models

from charge_points.migrations._walls import Walls
from cpms.accounts.rls import Parent

STATION = Parent("charge_point_id", "charge_points_chargepoint")
OPERATOR = {
    "to": "accounts.operator",
    "on_delete": django.db.models.deletion.PROTECT,
    "db_constraint": False,
    "db_index": False,
    "related_name": "+",
}
CHARGE_POINT = {
    "to": "charge_points.chargepoint",
    "on_delete": django.db.models.deletion.CASCADE,
    "db_constraint": False,
    "db_index": False,
}
ID = models.BigAutoField(
    auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
)


class Migration(migrations.Migration):
    """Tables with their walls, in one step."""

    dependencies: ClassVar = [("charge_points", "0009_plug_and_charge")]
    operations: ClassVar = [
        migrations.AddField(
            model_name="chargepoint",
            name="heartbeat_interval_s",
            field=models.PositiveIntegerField(
                blank=True,
                help_text="told at boot; empty: the platform's own",
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="chargepoint",
            name="boot_retry_interval_s",
            field=models.PositiveIntegerField(
                blank=True,
                help_text="while not accepted; empty: the platform's",
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="idtoken",
            name="valid_from",
            field=models.TimeField(
                blank=True, help_text="each day, by the clock of the site", null=True
            ),
        ),
        migrations.AddField(
            model_name="idtoken",
            name="valid_until",
            field=models.TimeField(
                blank=True, help_text="before valid_from: of the next day", null=True
            ),
        ),
        migrations.AddConstraint(
            model_name="idtoken",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("valid_from__isnull", True), ("valid_until__isnull", True)
                    ),
                    models.Q(
                        ("valid_from__isnull", False), ("valid_until__isnull", False)
                    ),
                    _connector="OR",
                ),
                name="id_token_hours_whole",
            ),
        ),
        migrations.AddField(
            model_name="transaction",
            name="signature_status",
            field=models.CharField(
                blank=True,
                choices=[
                    ("", "not signed"),
                    ("verified", "Verified"),
                    ("wrong", "Wrong"),
                    ("no_key", "no key"),
                    ("not_understood", "not understood"),
                ],
                db_default="",
                default="",
                help_text="the worst of its signed values; empty: none",
                max_length=14,
            ),
        ),
        migrations.AddField(
            model_name="transaction",
            name="signature_checks",
            field=models.JSONField(
                blank=True,
                db_default=models.Value([], models.JSONField()),
                default=list,
            ),
        ),
        migrations.AddField(
            model_name="transaction",
            name="cost_is_final",
            field=models.BooleanField(
                db_default=False,
                default=False,
                help_text="priced: the cost is the bill's",
            ),
        ),
        migrations.AddField(
            model_name="transaction",
            name="personal_message",
            field=models.CharField(
                blank=True,
                db_default="",
                default="",
                help_text="to be shown with the next answer (2.0.1)",
                max_length=512,
            ),
        ),
        migrations.CreateModel(
            name="MeterKey",
            fields=[
                ("id", ID),
                ("evse_number", models.PositiveSmallIntegerField(default=0)),
                (
                    "public_key_der",
                    models.TextField(help_text="SubjectPublicKeyInfo, hexadecimal"),
                ),
                (
                    "fingerprint",
                    models.CharField(help_text="SHA-256, hexadecimal", max_length=64),
                ),
                ("curve", models.CharField(max_length=20)),
                (
                    "source",
                    models.CharField(
                        choices=[
                            ("staff", "staff"),
                            ("configuration", "configuration of the station"),
                        ],
                        max_length=13,
                    ),
                ),
                ("added_by", models.CharField(max_length=120)),
                ("added_at", models.DateTimeField()),
                ("charge_point", models.ForeignKey(**CHARGE_POINT)),
                ("operator", models.ForeignKey(**OPERATOR)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("charge_point", "evse_number", "fingerprint"),
                        name="one_meter_key",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("fingerprint__regex", "^[0-9a-f]{64}$")),
                        name="meter_key_fingerprint",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="DeferredChange",
            fields=[
                ("id", ID),
                ("evse_number", models.PositiveSmallIntegerField()),
                ("connector_number", models.PositiveSmallIntegerField()),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("inoperative", "out of service"),
                            ("operative", "back in service"),
                            ("reset", "reset"),
                        ],
                        max_length=11,
                    ),
                ),
                ("promised_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
                (
                    "end",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("done", "took effect"),
                            ("replaced", "replaced by another request"),
                        ],
                        default="",
                        max_length=8,
                    ),
                ),
                ("charge_point", models.ForeignKey(**CHARGE_POINT)),
                ("operator", models.ForeignKey(**OPERATOR)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("ended_at__isnull", True)),
                        fields=(
                            "charge_point",
                            "evse_number",
                            "connector_number",
                            "kind",
                        ),
                        name="one_promise_of_a_kind",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("end", ""), ("ended_at__isnull", True)),
                            models.Q(
                                models.Q(("end", ""), _negated=True),
                                ("ended_at__isnull", False),
                            ),
                            _connector="OR",
                        ),
                        name="deferred_change_ends_whole",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="EarlyStop",
            fields=[
                ("id", ID),
                (
                    "id_token",
                    models.CharField(blank=True, default="", max_length=255),
                ),
                ("ended_at", models.DateTimeField()),
                (
                    "meter_stop_wh",
                    models.DecimalField(
                        blank=True, decimal_places=3, max_digits=16, null=True
                    ),
                ),
                ("reason", models.CharField(blank=True, default="", max_length=40)),
                ("received_at", models.DateTimeField()),
                ("charge_point", models.ForeignKey(**CHARGE_POINT)),
                ("operator", models.ForeignKey(**OPERATOR)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("charge_point", "ended_at", "id_token"),
                        name="one_early_stop",
                    )
                ],
            },
        ),
        Walls(
            "charge_points_earlystop", parents=[STATION], indexed=["charge_point_id"]
        ),
        Walls("charge_points_meterkey", parents=[STATION], indexed=["charge_point_id"]),
        Walls("charge_points_deferredchange", parents=[STATION]),
    ]
