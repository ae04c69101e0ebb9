"""Room for the next change of these tables."""

from typing import ClassVar

from django.db import migrations


class Migration(migrations.Migration):
    dependencies: ClassVar = [("billing", "0006_assignments")]

    operations: ClassVar = []
