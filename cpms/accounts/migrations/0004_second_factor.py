"""Rights on the tables of the staff's second factor."""

from typing import ClassVar

from django.db import migrations

from cpms.accounts.rls import PlatformTable


class Migration(migrations.Migration):
    """A person's devices belong to no operator."""

    dependencies: ClassVar = [
        ("accounts", "0003_drivers"),
        ("otp_totp", "0003_add_timestamps"),
        ("otp_static", "0003_add_timestamps"),
    ]
    operations: ClassVar = [
        PlatformTable("otp_totp_totpdevice"),
        PlatformTable("otp_static_staticdevice"),
        PlatformTable("otp_static_statictoken"),
    ]
