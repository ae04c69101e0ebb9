"""The certificate authority of the stations and its revocations."""

from typing import ClassVar

from django.db import migrations


class Migration(migrations.Migration):
    """The certificate authority of the stations and its revocations."""

    dependencies: ClassVar = [("charge_points", "0004_firmware_and_monitoring")]
    operations: ClassVar = []
