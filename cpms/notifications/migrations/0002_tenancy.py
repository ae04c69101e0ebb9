"""The walls of the notifications."""

from typing import ClassVar

from django.db import migrations

from cpms.accounts.rls import Parent, TenantTable


class Migration(migrations.Migration):
    """Policies, rights and keys that keep messages inside their operator."""

    dependencies: ClassVar = [
        ("notifications", "0001_initial"),
        ("accounts", "0002_tenancy"),
    ]
    operations: ClassVar = [
        TenantTable("notifications_webhookendpoint"),
        TenantTable(
            "notifications_webhookmessage",
            parents=[Parent("endpoint_id", "notifications_webhookendpoint", "CASCADE")],
        ),
    ]
