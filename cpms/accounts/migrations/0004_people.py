"""Notifications, webhooks and the second factor."""

from typing import ClassVar

from django.db import migrations


class Migration(migrations.Migration):
    """Notifications, webhooks and the second factor."""

    dependencies: ClassVar = [("accounts", "0003_drivers")]
    operations: ClassVar = []
