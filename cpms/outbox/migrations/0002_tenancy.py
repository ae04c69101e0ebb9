"""Rights to the outbox: the web writes events and replays, workers do the rest."""

from typing import ClassVar

from django.db import migrations

from cpms.accounts.rls import PlatformTable


class Migration(migrations.Migration):
    """Grants. No policies: only platform staff has pages on these tables."""

    dependencies: ClassVar = [
        ("outbox", "0001_initial"),
        ("accounts", "0002_tenancy"),
    ]
    operations: ClassVar = [
        PlatformTable("outbox_eventrecord", app="SELECT, INSERT"),
        PlatformTable("outbox_delivery", app="SELECT, INSERT, UPDATE"),
    ]
