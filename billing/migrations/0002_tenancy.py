"""The walls between operators in billing's tables."""

from typing import ClassVar

from django.db import migrations

from cpms.accounts.rls import AppendOnlyTable, DriverTable, Parent, TenantTable

OF_MY_ORDER = (
    "order_id IN (SELECT o.id FROM billing_order o "
    "WHERE o.driver_id = cpms_driver_id())"
)
ORDER = Parent("order_id", "billing_order")


class Migration(migrations.Migration):
    """Row level security, grants, composite keys, append-only tables."""

    dependencies: ClassVar = [
        ("billing", "0001_initial"),
        ("accounts", "0002_tenancy"),
    ]
    operations: ClassVar = [
        TenantTable("billing_order", driver_sql="driver_id = cpms_driver_id()"),
        AppendOnlyTable("billing_ordermove", driver_sql=OF_MY_ORDER, parents=[ORDER]),
        TenantTable("billing_tariff", driver_sql="true"),
        TenantTable(
            "billing_tariffassignment",
            driver_sql="true",
            parents=[Parent("tariff_id", "billing_tariff", on_delete="CASCADE")],
        ),
        AppendOnlyTable(
            "billing_cdr",
            driver_sql=OF_MY_ORDER,
            parents=[ORDER, Parent("credits_id", "billing_cdr")],
        ),
        TenantTable("billing_receiptcounter"),
        AppendOnlyTable(
            "billing_receipt",
            driver_sql=OF_MY_ORDER,
            parents=[ORDER, Parent("cdr_id", "billing_cdr")],
        ),
        DriverTable(
            "billing_usedproof",
            driver_column=(
                "(SELECT v.driver_id FROM accounts_vehicle v WHERE v.id = vehicle_id)"
            ),
        ),
    ]
