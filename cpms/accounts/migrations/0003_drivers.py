"""What drivers and vehicles may spend."""

from typing import ClassVar

from django.db import migrations


class Migration(migrations.Migration):
    """What drivers and vehicles may spend."""

    dependencies: ClassVar = [("accounts", "0002_tenancy")]
    operations: ClassVar = []
