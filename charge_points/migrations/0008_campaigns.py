"""Room for the next change of these tables."""

from typing import ClassVar

from django.db import migrations


class Migration(migrations.Migration):
    dependencies: ClassVar = [("charge_points", "0007_security_profile")]

    operations: ClassVar = []
