"""Guests, caps and pay links."""

from typing import ClassVar

from django.db import migrations


class Migration(migrations.Migration):
    """Guests, caps and pay links."""

    dependencies: ClassVar = [("billing", "0002_tenancy")]
    operations: ClassVar = []
