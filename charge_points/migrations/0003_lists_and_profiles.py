"""Local lists, reservations, charging profiles, display messages."""

from typing import ClassVar

import django.db.models.deletion
from django.db import migrations, models

from charge_points.migrations._walls import Walls
from cpms.accounts.rls import Parent

OPERATOR = {
    "to": "accounts.operator",
    "on_delete": django.db.models.deletion.PROTECT,
    "db_constraint": False,
    "db_index": False,
    "related_name": "+",
}
ID = models.BigAutoField(
    auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
)
STATION = Parent("charge_point_id", "charge_points_chargepoint")
TRANSACTION = Parent("transaction_id", "charge_points_transaction")


class Migration(migrations.Migration):
    """Tables with their walls, in one step."""

    dependencies: ClassVar = [("charge_points", "0002_tenancy")]
    operations: ClassVar = [
        migrations.AddField(
            model_name="chargepoint",
            name="speaks_cost_messages",
            field=models.BooleanField(
                db_default=False,
                default=False,
                help_text="1.6: org.openchargealliance.costmsg by DataTransfer",
            ),
        ),
        migrations.AddField(
            model_name="command",
            name="parent",
            field=models.ForeignKey(
                blank=True,
                db_constraint=False,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                to="charge_points.command",
            ),
        ),
        migrations.AddField(
            model_name="command",
            name="parts",
            field=models.PositiveSmallIntegerField(
                db_default=0,
                default=0,
                help_text="of a command that is sent as several CALLs",
            ),
        ),
        migrations.AddField(
            model_name="idtoken",
            name="allowed_connector_types",
            field=models.JSONField(
                blank=True,
                db_default=models.Value([], models.JSONField()),
                default=list,
            ),
        ),
        migrations.AddField(
            model_name="idtoken",
            name="allowed_site_ids",
            field=models.JSONField(
                blank=True,
                db_default=models.Value([], models.JSONField()),
                default=list,
            ),
        ),
        migrations.AddField(
            model_name="idtoken",
            name="stop_only",
            field=models.BooleanField(
                db_default=False,
                default=False,
                help_text="master pass: stops all charges, starts none (2.0.1 C16)",
            ),
        ),
        migrations.AddField(
            model_name="transaction",
            name="limit_profile_until",
            field=models.DateTimeField(
                blank=True,
                help_text="when the station's own limit of this charge falls to zero",
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="transaction",
            name="running_cost_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="transaction",
            name="running_cost_currency",
            field=models.CharField(blank=True, db_default="", default="", max_length=3),
        ),
        migrations.AddField(
            model_name="transaction",
            name="running_cost_minor",
            field=models.BigIntegerField(
                blank=True, help_text="as billing last told, taxes included", null=True
            ),
        ),
        migrations.CreateModel(
            name="ChargingLimit",
            fields=[
                ("id", ID),
                ("evse_number", models.PositiveSmallIntegerField(default=0)),
                (
                    "source",
                    models.CharField(help_text="EMS, Other, SO or CSO", max_length=8),
                ),
                ("is_grid_critical", models.BooleanField(default=False)),
                ("schedules", models.JSONField(default=list)),
                ("began_at", models.DateTimeField()),
                ("cleared_at", models.DateTimeField(blank=True, null=True)),
                (
                    "charge_point",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        to="charge_points.chargepoint",
                    ),
                ),
                ("operator", models.ForeignKey(**OPERATOR)),
            ],
            options={
                "indexes": [
                    models.Index(
                        fields=["charge_point", "-began_at"], name="limit_history"
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("cleared_at__isnull", True)),
                        fields=("charge_point", "evse_number", "source"),
                        name="one_limit_per_source",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="ChargingNeeds",
            fields=[
                ("id", ID),
                ("evse_number", models.PositiveSmallIntegerField()),
                (
                    "transfer_mode",
                    models.CharField(blank=True, default="", max_length=16),
                ),
                ("energy_wh", models.BigIntegerField(blank=True, null=True)),
                ("power_max_w", models.BigIntegerField(blank=True, null=True)),
                ("departure_at", models.DateTimeField(blank=True, null=True)),
                (
                    "soc_percent",
                    models.PositiveSmallIntegerField(blank=True, null=True),
                ),
                ("needs", models.JSONField(default=dict)),
                ("schedule", models.JSONField(blank=True, null=True)),
                ("schedule_based_at", models.DateTimeField(blank=True, null=True)),
                ("received_at", models.DateTimeField()),
                ("schedule_at", models.DateTimeField(blank=True, null=True)),
                (
                    "charge_point",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        to="charge_points.chargepoint",
                    ),
                ),
                ("operator", models.ForeignKey(**OPERATOR)),
                (
                    "transaction",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        to="charge_points.transaction",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        fields=["charge_point", "evse_number", "-received_at"],
                        name="needs_history",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="ChargingProfile",
            fields=[
                ("id", ID),
                ("evse_number", models.PositiveSmallIntegerField(default=0)),
                ("profile_id", models.BigIntegerField()),
                ("stack_level", models.PositiveIntegerField()),
                ("purpose", models.CharField(max_length=32)),
                ("kind", models.CharField(max_length=10)),
                ("recurrency", models.CharField(blank=True, default="", max_length=8)),
                (
                    "transaction_id",
                    models.CharField(
                        blank=True,
                        default="",
                        help_text="the OCPP id, of a TxProfile",
                        max_length=36,
                    ),
                ),
                ("valid_from", models.DateTimeField(blank=True, null=True)),
                ("valid_to", models.DateTimeField(blank=True, null=True)),
                ("schedules", models.JSONField()),
                (
                    "source",
                    models.CharField(
                        help_text="CSO: ours; EMS, SO, Other: as the station reported",
                        max_length=8,
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("active", "Active"),
                            ("cleared", "Cleared"),
                            ("replaced", "Replaced"),
                            ("ended", "Ended"),
                        ],
                        default="active",
                        max_length=8,
                    ),
                ),
                ("installed_at", models.DateTimeField()),
                ("confirmed_at", models.DateTimeField(blank=True, null=True)),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
                (
                    "charge_point",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        to="charge_points.chargepoint",
                    ),
                ),
                ("operator", models.ForeignKey(**OPERATOR)),
            ],
            options={
                "indexes": [
                    models.Index(
                        fields=["charge_point", "-installed_at"], name="profile_history"
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("state", "active")),
                        fields=("charge_point", "profile_id", "evse_number"),
                        name="one_active_profile_per_id",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="CompositeSchedule",
            fields=[
                ("id", ID),
                ("evse_number", models.PositiveSmallIntegerField(default=0)),
                ("starts_at", models.DateTimeField()),
                ("duration_s", models.PositiveIntegerField()),
                ("rate_unit", models.CharField(max_length=1)),
                (
                    "periods",
                    models.JSONField(
                        help_text='[{"start_s", "limit" (decimal text), "phases"}]'
                    ),
                ),
                ("received_at", models.DateTimeField()),
                (
                    "charge_point",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        to="charge_points.chargepoint",
                    ),
                ),
                ("operator", models.ForeignKey(**OPERATOR)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("charge_point", "evse_number"),
                        name="one_composite_schedule",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="CustomerInformation",
            fields=[
                ("id", ID),
                ("request_id", models.BigIntegerField()),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("accepted", "Accepted"),
                            ("complete", "Complete"),
                            ("refused", "Refused"),
                        ],
                        default="accepted",
                        max_length=8,
                    ),
                ),
                ("is_report", models.BooleanField(default=False)),
                ("is_clear", models.BooleanField(default=False)),
                (
                    "status_text",
                    models.CharField(blank=True, default="", max_length=20),
                ),
                (
                    "parts",
                    models.JSONField(default=dict, help_text="sequence number -> text"),
                ),
                ("last_part", models.PositiveIntegerField(blank=True, null=True)),
                ("asked_at", models.DateTimeField()),
                ("completed_at", models.DateTimeField(blank=True, null=True)),
                (
                    "charge_point",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        to="charge_points.chargepoint",
                    ),
                ),
                ("operator", models.ForeignKey(**OPERATOR)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("charge_point", "request_id"),
                        name="one_customer_information",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="DisplayMessage",
            fields=[
                ("id", ID),
                ("message_id", models.BigIntegerField()),
                ("priority", models.CharField(max_length=16)),
                (
                    "shown_in",
                    models.CharField(
                        blank=True,
                        default="",
                        help_text="Charging, Idle, Faulted …",
                        max_length=16,
                    ),
                ),
                ("starts_at", models.DateTimeField(blank=True, null=True)),
                ("ends_at", models.DateTimeField(blank=True, null=True)),
                (
                    "transaction_id",
                    models.CharField(blank=True, default="", max_length=36),
                ),
                ("format", models.CharField(max_length=8)),
                ("language", models.CharField(blank=True, default="", max_length=8)),
                ("content", models.CharField(max_length=512)),
                (
                    "state",
                    models.CharField(
                        choices=[("set", "Set"), ("cleared", "Cleared")],
                        default="set",
                        max_length=8,
                    ),
                ),
                ("set_at", models.DateTimeField()),
                ("confirmed_at", models.DateTimeField(blank=True, null=True)),
                ("cleared_at", models.DateTimeField(blank=True, null=True)),
                (
                    "charge_point",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        to="charge_points.chargepoint",
                    ),
                ),
                ("operator", models.ForeignKey(**OPERATOR)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("charge_point", "message_id"),
                        name="one_display_message",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="LocalList",
            fields=[
                ("id", ID),
                (
                    "is_wanted",
                    models.BooleanField(
                        default=True,
                        help_text="keep the list in step with the start policies",
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("unknown", "Unknown"),
                            ("stale", "Stale"),
                            ("sending", "Sending"),
                            ("in_sync", "In Sync"),
                            ("not_supported", "Not Supported"),
                        ],
                        default="unknown",
                        max_length=16,
                    ),
                ),
                (
                    "version",
                    models.BigIntegerField(
                        blank=True,
                        help_text="as the station last told or accepted",
                        null=True,
                    ),
                ),
                ("entries", models.JSONField(blank=True, null=True)),
                (
                    "left_out",
                    models.PositiveIntegerField(
                        default=0,
                        help_text="policies that do not fit into the station's list",
                    ),
                ),
                ("failures", models.PositiveSmallIntegerField(default=0)),
                (
                    "last_answer",
                    models.CharField(blank=True, default="", max_length=60),
                ),
                ("checked_at", models.DateTimeField(blank=True, null=True)),
                ("synced_at", models.DateTimeField(blank=True, null=True)),
                (
                    "not_before",
                    models.DateTimeField(
                        blank=True,
                        help_text="after failures: no attempt earlier",
                        null=True,
                    ),
                ),
                (
                    "charge_point",
                    models.OneToOneField(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        to="charge_points.chargepoint",
                    ),
                ),
                ("operator", models.ForeignKey(**OPERATOR)),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("version__isnull", True),
                            ("version__gte", 0),
                            _connector="OR",
                        ),
                        name="local_list_version_not_negative",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Reservation",
            fields=[
                ("id", ID),
                (
                    "number",
                    models.BigIntegerField(help_text="the reservationId on the wire"),
                ),
                ("evse_number", models.PositiveSmallIntegerField(default=0)),
                (
                    "connector_type",
                    models.CharField(
                        blank=True,
                        default="",
                        help_text="as 2.0.1 names it",
                        max_length=20,
                    ),
                ),
                (
                    "id_token",
                    models.CharField(help_text="the token's key", max_length=255),
                ),
                (
                    "id_token_type",
                    models.CharField(blank=True, default="", max_length=20),
                ),
                ("group_id", models.CharField(blank=True, default="", max_length=255)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("requested", "Requested"),
                            ("active", "Active"),
                            ("used", "Used"),
                            ("cancelled", "Cancelled"),
                            ("expired", "Expired"),
                            ("removed", "Removed"),
                            ("rejected", "Rejected"),
                            ("failed", "Failed"),
                        ],
                        default="requested",
                        max_length=10,
                    ),
                ),
                ("requested_by", models.CharField(max_length=120)),
                ("idempotency_key", models.CharField(max_length=128)),
                ("created_at", models.DateTimeField()),
                ("active_from", models.DateTimeField(blank=True, null=True)),
                ("expires_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
                (
                    "end_reason",
                    models.CharField(blank=True, default="", max_length=120),
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
                ("operator", models.ForeignKey(**OPERATOR)),
                (
                    "transaction",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        to="charge_points.transaction",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("state__in", ("requested", "active"))),
                        fields=["expires_at"],
                        name="reservation_due",
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("charge_point", "number"), name="one_reservation_number"
                    ),
                    models.UniqueConstraint(
                        fields=("charge_point", "idempotency_key"),
                        name="one_reservation_per_key",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(
                            ("evse_number__gt", 0),
                            ("state__in", ("requested", "active")),
                        ),
                        fields=("charge_point", "evse_number"),
                        name="one_live_reservation_per_evse",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("expires_at__gt", models.F("created_at"))),
                        name="reservation_expires_after_creation",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("state", "used"), _negated=True),
                            ("transaction__isnull", False),
                            _connector="OR",
                        ),
                        name="reservation_used_by_a_transaction",
                    ),
                ],
            },
        ),
        Walls(
            "charge_points_locallist", parents=[STATION], indexed=["charge_point_id"]
        ),
        Walls(
            "charge_points_reservation",
            parents=[STATION, TRANSACTION],
            indexed=["charge_point_id"],
        ),
        Walls(
            "charge_points_chargingprofile",
            parents=[STATION],
            indexed=["charge_point_id"],
        ),
        Walls(
            "charge_points_compositeschedule",
            parents=[STATION],
            indexed=["charge_point_id"],
        ),
        Walls(
            "charge_points_charginglimit",
            parents=[STATION],
            indexed=["charge_point_id"],
        ),
        Walls(
            "charge_points_chargingneeds",
            parents=[STATION, TRANSACTION],
            indexed=["charge_point_id"],
        ),
        Walls(
            "charge_points_displaymessage",
            parents=[STATION],
            indexed=["charge_point_id"],
        ),
        Walls(
            "charge_points_customerinformation",
            parents=[STATION],
            indexed=["charge_point_id"],
        ),
        # Parts of a command belong to the operator of the whole.
        migrations.RunSQL(
            sql=[
                (
                    "ALTER TABLE charge_points_command "
                    "ADD CONSTRAINT charge_points_command_parent_id_tenant_fk "
                    "FOREIGN KEY (operator_id, parent_id) "
                    "REFERENCES charge_points_command (operator_id, id) "
                    "ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED",
                    None,
                ),
                (
                    "CREATE INDEX charge_points_command_parent_id_tenant_ix "
                    "ON charge_points_command (parent_id)",
                    None,
                ),
            ],
            reverse_sql=migrations.RunSQL.noop,
        ),
    ]
