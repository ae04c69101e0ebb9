"""Limits by the battery's state; requests that no station was told of are found."""

from django.db import migrations, models

REQUESTED = models.Q(("status", "Requested"))


class Migration(migrations.Migration):
    """No new tables."""

    dependencies = [("charge_points", "0010_transactions")]

    operations = [
        migrations.AddField(
            model_name="starthandle",
            name="soc_limit_percent",
            field=models.PositiveSmallIntegerField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="transaction",
            name="soc_limit_percent",
            field=models.PositiveSmallIntegerField(
                blank=True,
                help_text="the battery's state at which it stops",
                null=True,
            ),
        ),
        migrations.AddIndex(
            model_name="firmwareupdate",
            index=models.Index(
                condition=REQUESTED,
                fields=["command_number"],
                name="firmware_update_requested",
            ),
        ),
        migrations.AddIndex(
            model_name="logupload",
            index=models.Index(
                condition=REQUESTED,
                fields=["command_number"],
                name="log_upload_requested",
            ),
        ),
    ]
