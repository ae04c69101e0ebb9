"""Firmware, diagnostics, monitoring, network profiles."""

from typing import ClassVar

import django.db.models.deletion
from django.db import migrations, models

from charge_points.migrations._walls import Walls
from cpms.accounts.rls import Parent

STATION = Parent("charge_point_id", "charge_points_chargepoint")
FIRMWARE = Parent("firmware_id", "charge_points_firmwarefile")


class Migration(migrations.Migration):
    """Tables with their walls, in one step."""

    dependencies: ClassVar = [
        ("charge_points", "0003_lists_and_profiles"),
        ("accounts", "0002_tenancy"),
    ]
    operations: ClassVar = [
        migrations.CreateModel(
            name="FirmwareFile",
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
                ("vendor", models.CharField(blank=True, default="", max_length=50)),
                ("model", models.CharField(blank=True, default="", max_length=50)),
                ("version", models.CharField(max_length=50)),
                ("file_name", models.CharField(max_length=255)),
                (
                    "stored_as",
                    models.CharField(
                        help_text="under the media folder", max_length=100
                    ),
                ),
                ("size_bytes", models.BigIntegerField()),
                ("sha256", models.CharField(max_length=64)),
                (
                    "md5",
                    models.CharField(
                        help_text="PublishFirmware asks for it", max_length=32
                    ),
                ),
                ("signing_certificate", models.TextField(blank=True, default="")),
                ("signature", models.CharField(blank=True, default="", max_length=800)),
                ("uploaded_by", models.CharField(max_length=120)),
                ("uploaded_at", models.DateTimeField()),
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
        ),
        migrations.CreateModel(
            name="FirmwarePublication",
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
                ("request_id", models.BigIntegerField()),
                ("checksum", models.CharField(help_text="MD5", max_length=32)),
                (
                    "location",
                    models.CharField(help_text="secrets masked", max_length=512),
                ),
                ("command_number", models.BigIntegerField(blank=True, null=True)),
                ("status", models.CharField(max_length=32)),
                ("published_at_addresses", models.JSONField(default=list)),
                (
                    "history",
                    models.JSONField(default=list, help_text="[[status, time], …]"),
                ),
                ("requested_at", models.DateTimeField()),
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
        ),
        migrations.CreateModel(
            name="FirmwareUpdate",
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
                ("request_id", models.BigIntegerField()),
                (
                    "location",
                    models.CharField(
                        blank=True,
                        default="",
                        help_text="secrets masked",
                        max_length=512,
                    ),
                ),
                (
                    "command_number",
                    models.BigIntegerField(
                        blank=True, help_text="the command that asked for it", null=True
                    ),
                ),
                ("is_signed", models.BooleanField(default=False)),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("Requested", "Requested"),
                            ("Refused", "Refused"),
                            ("Canceled", "Canceled"),
                            ("Accepted", "Accepted"),
                            ("DownloadScheduled", "DownloadScheduled"),
                            ("Downloading", "Downloading"),
                            ("DownloadPaused", "DownloadPaused"),
                            ("DownloadFailed", "DownloadFailed"),
                            ("Downloaded", "Downloaded"),
                            ("SignatureVerified", "SignatureVerified"),
                            ("InvalidSignature", "InvalidSignature"),
                            ("InstallScheduled", "InstallScheduled"),
                            ("Installing", "Installing"),
                            ("InstallRebooting", "InstallRebooting"),
                            ("InstallVerificationFailed", "InstallVerificationFailed"),
                            ("InstallationFailed", "InstallationFailed"),
                            ("Installed", "Installed"),
                        ],
                        default="Requested",
                        max_length=32,
                    ),
                ),
                ("detail", models.CharField(blank=True, default="", max_length=120)),
                (
                    "history",
                    models.JSONField(default=list, help_text="[[status, time], …]"),
                ),
                ("retrieve_at", models.DateTimeField(blank=True, null=True)),
                ("install_at", models.DateTimeField(blank=True, null=True)),
                (
                    "requested_by",
                    models.CharField(blank=True, default="", max_length=120),
                ),
                ("requested_at", models.DateTimeField()),
                ("downloaded_at", models.DateTimeField(blank=True, null=True)),
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
                (
                    "firmware",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        db_index=False,
                        help_text="empty: the file is somewhere else",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        to="charge_points.firmwarefile",
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
        ),
        migrations.CreateModel(
            name="LogUpload",
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
                ("request_id", models.BigIntegerField()),
                (
                    "kind",
                    models.CharField(
                        help_text="DiagnosticsLog or SecurityLog", max_length=16
                    ),
                ),
                (
                    "location",
                    models.CharField(
                        blank=True,
                        default="",
                        help_text="empty: our own endpoint",
                        max_length=512,
                    ),
                ),
                (
                    "command_number",
                    models.BigIntegerField(
                        blank=True, help_text="the command that asked for it", null=True
                    ),
                ),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("Requested", "Requested"),
                            ("Accepted", "Accepted"),
                            ("Refused", "Refused"),
                            ("Uploading", "Uploading"),
                            ("Uploaded", "Uploaded"),
                            ("UploadFailure", "UploadFailure"),
                            ("BadMessage", "BadMessage"),
                            ("NotSupportedOperation", "NotSupportedOperation"),
                            ("PermissionDenied", "PermissionDenied"),
                            ("Canceled", "Canceled"),
                        ],
                        default="Requested",
                        max_length=24,
                    ),
                ),
                ("detail", models.CharField(blank=True, default="", max_length=120)),
                (
                    "history",
                    models.JSONField(default=list, help_text="[[status, time], …]"),
                ),
                ("oldest_at", models.DateTimeField(blank=True, null=True)),
                ("latest_at", models.DateTimeField(blank=True, null=True)),
                (
                    "requested_by",
                    models.CharField(blank=True, default="", max_length=120),
                ),
                ("requested_at", models.DateTimeField()),
                (
                    "upload_until",
                    models.DateTimeField(help_text="our endpoint takes nothing later"),
                ),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
                (
                    "file_name",
                    models.CharField(
                        blank=True,
                        default="",
                        help_text="as the station calls it",
                        max_length=255,
                    ),
                ),
                ("stored_as", models.CharField(blank=True, default="", max_length=100)),
                ("size_bytes", models.BigIntegerField(blank=True, null=True)),
                ("sha256", models.CharField(blank=True, default="", max_length=64)),
                ("received_at", models.DateTimeField(blank=True, null=True)),
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
        ),
        migrations.CreateModel(
            name="MonitoringReport",
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
                ("request_id", models.BigIntegerField()),
                ("status", models.CharField(blank=True, default="", max_length=16)),
                (
                    "is_whole",
                    models.BooleanField(
                        default=False, help_text="all monitors were asked for"
                    ),
                ),
                (
                    "parts",
                    models.JSONField(
                        default=dict, help_text="sequence number -> monitor ids"
                    ),
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
        ),
        migrations.CreateModel(
            name="NetworkProfile",
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
                ("slot", models.IntegerField()),
                ("csms_url", models.CharField(max_length=512)),
                ("ocpp_version", models.CharField(max_length=8)),
                ("ocpp_transport", models.CharField(max_length=8)),
                ("ocpp_interface", models.CharField(max_length=16)),
                ("security_profile", models.SmallIntegerField()),
                ("message_timeout_s", models.IntegerField()),
                ("apn", models.CharField(blank=True, default="", max_length=512)),
                (
                    "vpn_server",
                    models.CharField(blank=True, default="", max_length=512),
                ),
                ("vpn_type", models.CharField(blank=True, default="", max_length=8)),
                ("set_at", models.DateTimeField()),
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
        ),
        migrations.CreateModel(
            name="StationEvent",
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
                ("event_id", models.BigIntegerField()),
                ("occurred_at", models.DateTimeField()),
                ("received_at", models.DateTimeField()),
                (
                    "trigger",
                    models.CharField(
                        help_text="Alerting, Delta, Periodic", max_length=16
                    ),
                ),
                ("notification_type", models.CharField(max_length=24)),
                (
                    "cause",
                    models.BigIntegerField(
                        blank=True, help_text="event id that caused it", null=True
                    ),
                ),
                ("component", models.CharField(max_length=50)),
                (
                    "component_instance",
                    models.CharField(blank=True, default="", max_length=50),
                ),
                ("evse_number", models.IntegerField(blank=True, null=True)),
                ("connector_number", models.IntegerField(blank=True, null=True)),
                ("variable", models.CharField(max_length=50)),
                (
                    "variable_instance",
                    models.CharField(blank=True, default="", max_length=50),
                ),
                ("actual_value", models.TextField()),
                ("monitor_id", models.BigIntegerField(blank=True, null=True)),
                (
                    "severity",
                    models.PositiveSmallIntegerField(
                        blank=True,
                        help_text="of its monitor, as far as it is known",
                        null=True,
                    ),
                ),
                ("tech_code", models.CharField(blank=True, default="", max_length=50)),
                ("tech_info", models.CharField(blank=True, default="", max_length=500)),
                ("is_cleared", models.BooleanField(default=False)),
                (
                    "transaction_id",
                    models.CharField(blank=True, default="", max_length=36),
                ),
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
        ),
        migrations.CreateModel(
            name="VariableMonitor",
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
                ("monitor_id", models.BigIntegerField()),
                ("component", models.CharField(max_length=50)),
                (
                    "component_instance",
                    models.CharField(blank=True, default="", max_length=50),
                ),
                ("evse_number", models.IntegerField(blank=True, null=True)),
                ("connector_number", models.IntegerField(blank=True, null=True)),
                ("variable", models.CharField(max_length=50)),
                (
                    "variable_instance",
                    models.CharField(blank=True, default="", max_length=50),
                ),
                (
                    "kind",
                    models.CharField(
                        help_text="UpperThreshold, Delta …", max_length=24
                    ),
                ),
                ("value", models.DecimalField(decimal_places=6, max_digits=24)),
                (
                    "severity",
                    models.PositiveSmallIntegerField(help_text="0 danger … 9 debug"),
                ),
                ("is_transaction_only", models.BooleanField(default=False)),
                (
                    "is_custom",
                    models.BooleanField(
                        default=False, help_text="set by command, not the station's own"
                    ),
                ),
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
        ),
        migrations.AddConstraint(
            model_name="firmwarefile",
            constraint=models.UniqueConstraint(
                fields=("operator", "sha256", "version"), name="one_firmware_file"
            ),
        ),
        migrations.AddConstraint(
            model_name="firmwarefile",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("signature", ""), ("signing_certificate", "")),
                    models.Q(
                        models.Q(("signature", ""), _negated=True),
                        models.Q(("signing_certificate", ""), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="firmware_file_signed_whole",
            ),
        ),
        migrations.AddConstraint(
            model_name="firmwarepublication",
            constraint=models.UniqueConstraint(
                fields=("charge_point", "request_id"), name="one_firmware_publication"
            ),
        ),
        migrations.AddConstraint(
            model_name="firmwareupdate",
            constraint=models.UniqueConstraint(
                fields=("charge_point", "request_id"), name="one_firmware_update"
            ),
        ),
        migrations.AddConstraint(
            model_name="logupload",
            constraint=models.UniqueConstraint(
                fields=("charge_point", "request_id"), name="one_log_upload"
            ),
        ),
        migrations.AddConstraint(
            model_name="monitoringreport",
            constraint=models.UniqueConstraint(
                fields=("charge_point", "request_id"), name="one_monitoring_report"
            ),
        ),
        migrations.AddConstraint(
            model_name="networkprofile",
            constraint=models.UniqueConstraint(
                fields=("charge_point", "slot"), name="one_network_profile"
            ),
        ),
        migrations.AddIndex(
            model_name="stationevent",
            index=models.Index(
                fields=["charge_point", "-received_at"], name="station_event_station"
            ),
        ),
        migrations.AddConstraint(
            model_name="stationevent",
            constraint=models.UniqueConstraint(
                fields=("charge_point", "event_id", "occurred_at"),
                name="one_station_event",
            ),
        ),
        migrations.AddConstraint(
            model_name="variablemonitor",
            constraint=models.UniqueConstraint(
                fields=("charge_point", "monitor_id"), name="one_variable_monitor"
            ),
        ),
        Walls("charge_points_firmwarefile"),
        Walls(
            "charge_points_firmwareupdate",
            parents=[STATION, FIRMWARE],
            indexed=["charge_point_id"],
        ),
        Walls(
            "charge_points_firmwarepublication",
            parents=[STATION],
            indexed=["charge_point_id"],
        ),
        Walls(
            "charge_points_logupload", parents=[STATION], indexed=["charge_point_id"]
        ),
        Walls(
            "charge_points_variablemonitor",
            parents=[STATION],
            indexed=["charge_point_id"],
        ),
        Walls(
            "charge_points_monitoringreport",
            parents=[STATION],
            indexed=["charge_point_id"],
        ),
        Walls(
            "charge_points_stationevent", parents=[STATION], indexed=["charge_point_id"]
        ),
        Walls(
            "charge_points_networkprofile",
            parents=[STATION],
            indexed=["charge_point_id"],
        ),
    ]
