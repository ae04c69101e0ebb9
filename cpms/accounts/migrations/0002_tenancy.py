"""The walls of the accounts room and the rights to Django's own tables."""

from typing import ClassVar

from django.db import migrations

from cpms.accounts.rls import (
    AppendOnlyTable,
    DriverTable,
    PlatformTable,
    TenancyFunctions,
    TenantTable,
)


class Migration(migrations.Migration):
    """Row level security and grants."""

    dependencies: ClassVar = [
        ("accounts", "0001_initial"),
        ("admin", "0003_logentry_add_action_flag_choices"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
        ("sessions", "0001_initial"),
    ]
    operations: ClassVar = [
        TenancyFunctions(),
        TenantTable("accounts_operator", operator_column="id", driver_sql="true"),
        TenantTable("accounts_membership"),
        TenantTable("accounts_apikey"),
        # Written in the scope of the deed, which may be the platform's: an entry
        # without operator is the platform's own.
        AppendOnlyTable("accounts_auditentry"),
        DriverTable("accounts_driver", driver_column="id"),
        DriverTable("accounts_drivertoken"),
        DriverTable("accounts_vehicle"),
        PlatformTable("accounts_idempotencyrecord"),
        PlatformTable("accounts_vehicleauthority", app="SELECT, INSERT"),
        PlatformTable("accounts_user"),
        PlatformTable("accounts_user_groups"),
        PlatformTable("accounts_user_user_permissions"),
        PlatformTable("auth_group"),
        PlatformTable("auth_group_permissions"),
        PlatformTable("auth_permission", app="SELECT", system="SELECT"),
        PlatformTable("django_content_type", app="SELECT", system="SELECT"),
        PlatformTable("django_session"),
        PlatformTable("django_admin_log", app="SELECT, INSERT", system="SELECT"),
        PlatformTable("django_migrations", app="SELECT", system="SELECT"),
    ]
