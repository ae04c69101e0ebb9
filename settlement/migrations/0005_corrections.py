"""Room for the next change of these tables."""

from typing import ClassVar

from django.db import migrations


class Migration(migrations.Migration):
    dependencies: ClassVar = [("settlement", "0004_modes_and_disputes")]

    operations: ClassVar = []
