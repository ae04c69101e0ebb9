"""Receipts, credit notes and statements."""

from typing import ClassVar

from django.db import migrations


class Migration(migrations.Migration):
    """Receipts, credit notes and statements."""

    dependencies: ClassVar = [("billing", "0003_ways_to_start")]
    operations: ClassVar = []
