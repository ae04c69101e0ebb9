"""Firmware, diagnostics, monitoring, station certificates."""

from typing import ClassVar

from django.db import migrations


class Migration(migrations.Migration):
    """Firmware, diagnostics, monitoring, station certificates."""

    dependencies: ClassVar = [("charge_points", "0003_lists_and_profiles")]
    operations: ClassVar = []
