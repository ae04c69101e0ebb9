"""Room for the next change of these tables."""

from typing import ClassVar

from django.db import migrations


class Migration(migrations.Migration):
    dependencies: ClassVar = [("accounts", "0004_second_factor")]

    operations: ClassVar = []
