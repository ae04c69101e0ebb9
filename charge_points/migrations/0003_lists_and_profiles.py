"""Local lists, reservations, charging profiles, display messages."""

from typing import ClassVar

from django.db import migrations


class Migration(migrations.Migration):
    """Local lists, reservations, charging profiles, display messages."""

    dependencies: ClassVar = [("charge_points", "0002_tenancy")]
    operations: ClassVar = []
