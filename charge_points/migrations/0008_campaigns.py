"""One command for many stations, firmware in waves, reports linked to commands."""

from typing import ClassVar

import django.db.models.deletion
from django.db import migrations, models

from charge_points.migrations._walls import Walls
from cpms.accounts.rls import Parent

STATION = Parent("charge_point_id", "charge_points_chargepoint")


class Migration(migrations.Migration):
    """Tables with their walls, in one step."""

    dependencies: ClassVar = [("charge_points", "0007_security_profile")]
    operations: ClassVar = [
        migrations.CreateModel(
            name="CommandBatch",
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
                ("action", models.CharField(max_length=60)),
                ("payload", models.JSONField(blank=True, default=dict)),
                ("sealed_payload", models.TextField(blank=True, default="")),
                (
                    "selection",
                    models.JSONField(default=dict, help_text="as it was asked for"),
                ),
                ("size", models.PositiveIntegerField(help_text="charge points")),
                (
                    "at_once",
                    models.PositiveIntegerField(
                        blank=True,
                        help_text="under way at the same time; empty: all",
                        null=True,
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("running", "Running"),
                            ("ended", "Ended"),
                            ("cancelled", "Cancelled"),
                        ],
                        default="running",
                        max_length=9,
                    ),
                ),
                ("idempotency_key", models.CharField(max_length=128)),
                ("requested_by", models.CharField(max_length=120)),
                ("created_at", models.DateTimeField()),
                ("not_before", models.DateTimeField()),
                ("expires_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "verbose_name_plural": "command batches",
            },
        ),
        migrations.CreateModel(
            name="CommandBatchMember",
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
                    "state",
                    models.CharField(
                        choices=[
                            ("waiting", "Waiting"),
                            ("released", "Released"),
                            ("cancelled", "Cancelled"),
                            ("expired", "Expired"),
                            ("failed", "Failed"),
                        ],
                        default="waiting",
                        max_length=9,
                    ),
                ),
                ("detail", models.CharField(blank=True, default="", max_length=200)),
            ],
        ),
        migrations.CreateModel(
            name="CommandFollowUp",
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
                ("action", models.CharField(max_length=60)),
                (
                    "status",
                    models.CharField(
                        blank=True,
                        default="",
                        help_text="the station's own word",
                        max_length=60,
                    ),
                ),
                (
                    "part",
                    models.PositiveIntegerField(
                        blank=True, help_text="of a report in parts: seqNo", null=True
                    ),
                ),
                (
                    "is_last",
                    models.BooleanField(
                        blank=True,
                        help_text="of a report in parts: no more follow",
                        null=True,
                    ),
                ),
                (
                    "entries",
                    models.PositiveIntegerField(
                        blank=True,
                        help_text="how many things a part told of",
                        null=True,
                    ),
                ),
                ("content_hash", models.CharField(max_length=64)),
                ("received_at", models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name="FirmwareCampaign",
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
                ("name", models.CharField(max_length=120)),
                (
                    "selection",
                    models.JSONField(default=dict, help_text="as it was asked for"),
                ),
                ("size", models.PositiveIntegerField(help_text="charge points")),
                ("first_wave_size", models.PositiveIntegerField()),
                ("wave_size", models.PositiveIntegerField()),
                (
                    "success_quota_percent",
                    models.PositiveSmallIntegerField(
                        help_text="of a wave, before the next one opens"
                    ),
                ),
                (
                    "failure_limit_percent",
                    models.PositiveSmallIntegerField(
                        help_text="of the stations asked so far; more pauses it"
                    ),
                ),
                ("retries", models.PositiveSmallIntegerField(blank=True, null=True)),
                (
                    "retry_interval_s",
                    models.PositiveIntegerField(blank=True, null=True),
                ),
                (
                    "result_within_s",
                    models.PositiveIntegerField(
                        help_text="a station without result after so long has failed"
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("running", "Running"),
                            ("paused", "Paused"),
                            ("aborted", "Aborted"),
                            ("finished", "Finished"),
                        ],
                        default="running",
                        max_length=8,
                    ),
                ),
                (
                    "pause_reason",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("", "not paused"),
                            ("staff", "by staff"),
                            ("failures", "too many failures"),
                            ("quota", "the wave missed its quota"),
                        ],
                        default="",
                        max_length=8,
                    ),
                ),
                ("wave", models.PositiveIntegerField(default=1)),
                (
                    "forgiven_failures",
                    models.PositiveIntegerField(
                        default=0, help_text="seen by whoever resumed the campaign"
                    ),
                ),
                (
                    "forgiven_wave",
                    models.PositiveIntegerField(
                        default=0,
                        help_text="whose missed quota whoever resumed it has accepted",
                    ),
                ),
                ("idempotency_key", models.CharField(max_length=128)),
                ("requested_by", models.CharField(max_length=120)),
                ("created_at", models.DateTimeField()),
                ("starts_at", models.DateTimeField()),
                (
                    "ends_at",
                    models.DateTimeField(help_text="no station is asked later"),
                ),
                (
                    "ended_at",
                    models.DateTimeField(
                        blank=True,
                        help_text="when the last station's result was there",
                        null=True,
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="FirmwareCampaignMember",
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
                    "state",
                    models.CharField(
                        choices=[
                            ("waiting", "Waiting"),
                            ("ordered", "Ordered"),
                            ("succeeded", "Succeeded"),
                            ("failed", "Failed"),
                            ("skipped", "skipped: has it already"),
                            ("missed", "missed: offline until the end"),
                            ("cancelled", "Cancelled"),
                        ],
                        default="waiting",
                        max_length=9,
                    ),
                ),
                (
                    "wave",
                    models.PositiveIntegerField(
                        blank=True, help_text="empty: in none yet", null=True
                    ),
                ),
                ("attempts", models.PositiveSmallIntegerField(default=0)),
                ("detail", models.CharField(blank=True, default="", max_length=200)),
                ("ordered_at", models.DateTimeField(blank=True, null=True)),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
            ],
        ),
        migrations.AddField(
            model_name="command",
            name="request_id",
            field=models.BigIntegerField(
                blank=True, help_text="by which reports refer to it", null=True
            ),
        ),
        migrations.AddField(
            model_name="command",
            name="sealed_payload",
            field=models.TextField(
                blank=True,
                db_default="",
                default="",
                help_text="the whole payload while it may be sent",
            ),
        ),
        migrations.AlterField(
            model_name="command",
            name="payload",
            field=models.JSONField(
                blank=True, default=dict, help_text="secrets masked"
            ),
        ),
        migrations.AddIndex(
            model_name="command",
            index=models.Index(
                condition=models.Q(("request_id__isnull", False)),
                fields=["charge_point", "request_id"],
                name="command_request",
            ),
        ),
        migrations.AddField(
            model_name="commandbatch",
            name="operator",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="accounts.operator",
            ),
        ),
        migrations.AddField(
            model_name="commandbatchmember",
            name="batch",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                to="charge_points.commandbatch",
            ),
        ),
        migrations.AddField(
            model_name="commandbatchmember",
            name="charge_point",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                to="charge_points.chargepoint",
            ),
        ),
        migrations.AddField(
            model_name="commandbatchmember",
            name="command",
            field=models.ForeignKey(
                blank=True,
                db_constraint=False,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                to="charge_points.command",
            ),
        ),
        migrations.AddField(
            model_name="commandbatchmember",
            name="operator",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="accounts.operator",
            ),
        ),
        migrations.AddField(
            model_name="commandfollowup",
            name="charge_point",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                to="charge_points.chargepoint",
            ),
        ),
        migrations.AddField(
            model_name="commandfollowup",
            name="command",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                to="charge_points.command",
            ),
        ),
        migrations.AddField(
            model_name="commandfollowup",
            name="operator",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="accounts.operator",
            ),
        ),
        migrations.AddField(
            model_name="firmwarecampaign",
            name="firmware",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                to="charge_points.firmwarefile",
            ),
        ),
        migrations.AddField(
            model_name="firmwarecampaign",
            name="operator",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="accounts.operator",
            ),
        ),
        migrations.AddField(
            model_name="firmwarecampaignmember",
            name="campaign",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                to="charge_points.firmwarecampaign",
            ),
        ),
        migrations.AddField(
            model_name="firmwarecampaignmember",
            name="charge_point",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                to="charge_points.chargepoint",
            ),
        ),
        migrations.AddField(
            model_name="firmwarecampaignmember",
            name="operator",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="accounts.operator",
            ),
        ),
        migrations.AddField(
            model_name="firmwarecampaignmember",
            name="update",
            field=models.ForeignKey(
                blank=True,
                db_constraint=False,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                to="charge_points.firmwareupdate",
            ),
        ),
        migrations.AddIndex(
            model_name="commandbatch",
            index=models.Index(
                condition=models.Q(("state", "running")),
                fields=["id"],
                name="command_batch_running",
            ),
        ),
        migrations.AddConstraint(
            model_name="commandbatch",
            constraint=models.UniqueConstraint(
                fields=("operator", "idempotency_key"), name="one_command_batch_per_key"
            ),
        ),
        migrations.AddConstraint(
            model_name="commandbatch",
            constraint=models.CheckConstraint(
                condition=models.Q(("expires_at__gt", models.F("not_before"))),
                name="command_batch_expires_after_begin",
            ),
        ),
        migrations.AddConstraint(
            model_name="commandbatch",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("at_once__isnull", True), ("at_once__gt", 0), _connector="OR"
                ),
                name="command_batch_at_once_positive",
            ),
        ),
        migrations.AddIndex(
            model_name="commandbatchmember",
            index=models.Index(
                condition=models.Q(("state", "waiting")),
                fields=["batch", "id"],
                name="command_batch_waiting",
            ),
        ),
        migrations.AddConstraint(
            model_name="commandbatchmember",
            constraint=models.UniqueConstraint(
                fields=("batch", "charge_point"), name="one_command_batch_member"
            ),
        ),
        migrations.AddConstraint(
            model_name="commandbatchmember",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("command__isnull", False), ("state", "released")),
                    models.Q(
                        models.Q(("state", "released"), _negated=True),
                        ("command__isnull", True),
                    ),
                    _connector="OR",
                ),
                name="command_batch_member_has_command",
            ),
        ),
        migrations.AddConstraint(
            model_name="commandfollowup",
            constraint=models.UniqueConstraint(
                fields=("command", "action", "content_hash"),
                name="one_command_follow_up",
            ),
        ),
        migrations.AddIndex(
            model_name="firmwarecampaign",
            index=models.Index(
                condition=models.Q(("ended_at__isnull", True)),
                fields=["id"],
                name="campaign_open",
            ),
        ),
        migrations.AddConstraint(
            model_name="firmwarecampaign",
            constraint=models.UniqueConstraint(
                fields=("operator", "idempotency_key"), name="one_campaign_per_key"
            ),
        ),
        migrations.AddConstraint(
            model_name="firmwarecampaign",
            constraint=models.CheckConstraint(
                condition=models.Q(("ends_at__gt", models.F("starts_at"))),
                name="campaign_ends_after_begin",
            ),
        ),
        migrations.AddConstraint(
            model_name="firmwarecampaign",
            constraint=models.CheckConstraint(
                condition=models.Q(("first_wave_size__gt", 0), ("wave_size__gt", 0)),
                name="campaign_waves_not_empty",
            ),
        ),
        migrations.AddConstraint(
            model_name="firmwarecampaign",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("failure_limit_percent__lte", 100),
                    ("success_quota_percent__lte", 100),
                ),
                name="campaign_shares_in_percent",
            ),
        ),
        migrations.AddConstraint(
            model_name="firmwarecampaign",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("state", "paused"),
                        models.Q(("pause_reason", ""), _negated=True),
                    ),
                    models.Q(
                        models.Q(("state", "paused"), _negated=True),
                        ("pause_reason", ""),
                    ),
                    _connector="OR",
                ),
                name="campaign_pause_has_reason",
            ),
        ),
        migrations.AddIndex(
            model_name="firmwarecampaignmember",
            index=models.Index(
                fields=["campaign", "state", "id"], name="campaign_member_state"
            ),
        ),
        migrations.AddConstraint(
            model_name="firmwarecampaignmember",
            constraint=models.UniqueConstraint(
                fields=("campaign", "charge_point"), name="one_campaign_member"
            ),
        ),
        migrations.AddConstraint(
            model_name="firmwarecampaignmember",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state", "ordered"), _negated=True),
                    models.Q(("ordered_at__isnull", False), ("wave__isnull", False)),
                    _connector="OR",
                ),
                name="campaign_member_ordered_whole",
            ),
        ),
        Walls("charge_points_commandbatch"),
        Walls(
            "charge_points_commandbatchmember",
            parents=[
                Parent("batch_id", "charge_points_commandbatch"),
                STATION,
                Parent("command_id", "charge_points_command"),
            ],
            indexed=["batch_id"],
        ),
        Walls(
            "charge_points_commandfollowup",
            parents=[STATION, Parent("command_id", "charge_points_command")],
            indexed=["command_id"],
        ),
        Walls(
            "charge_points_firmwarecampaign",
            parents=[Parent("firmware_id", "charge_points_firmwarefile")],
        ),
        Walls(
            "charge_points_firmwarecampaignmember",
            parents=[
                Parent("campaign_id", "charge_points_firmwarecampaign"),
                STATION,
                Parent("update_id", "charge_points_firmwareupdate"),
            ],
            indexed=["campaign_id"],
        ),
    ]
