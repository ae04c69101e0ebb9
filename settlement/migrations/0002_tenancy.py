"""The walls of settlement: policies, rights, composite keys."""

from typing import ClassVar

from django.db import migrations

from cpms.accounts.rls import (
    AppendOnlyTable,
    DriverTable,
    Parent,
    PlatformTable,
    TenantTable,
)

MINE = "driver_id = cpms_driver_id()"
MY_PAYMENT = (
    "payment_id IN (SELECT id FROM settlement_payment "
    "WHERE driver_id = cpms_driver_id())"
)
ACCOUNT = Parent("payee_account_id", "settlement_payeeaccount")
PAYMENT = Parent("payment_id", "settlement_payment")
REFUND = Parent("refund_id", "settlement_refund")


class Migration(migrations.Migration):
    """Row level security, grants and keys that keep rows inside their operator."""

    dependencies: ClassVar = [
        ("settlement", "0001_initial"),
        ("accounts", "0002_tenancy"),
    ]
    operations: ClassVar = [
        TenantTable("settlement_payeeaccount"),
        DriverTable("settlement_driverpaymentmethod"),
        TenantTable("settlement_splitagreement"),
        TenantTable(
            "settlement_splitparty",
            parents=[Parent("agreement_id", "settlement_splitagreement", "CASCADE")],
        ),
        TenantTable("settlement_payment", driver_sql=MINE, parents=[ACCOUNT]),
        AppendOnlyTable("settlement_paymentmove", parents=[PAYMENT]),
        TenantTable("settlement_refund", driver_sql=MY_PAYMENT, parents=[PAYMENT]),
        TenantTable("settlement_paymentattempt", parents=[PAYMENT, REFUND]),
        TenantTable("settlement_dispute", parents=[PAYMENT]),
        AppendOnlyTable("settlement_splitline", parents=[PAYMENT, REFUND]),
        TenantTable("settlement_receivable", driver_sql=MINE, parents=[PAYMENT]),
        migrations.RunSQL(
            "ALTER TABLE settlement_payment ADD CONSTRAINT "
            "settlement_payment_collects_tenant_fk FOREIGN KEY "
            "(operator_id, collects_id) REFERENCES settlement_receivable "
            "(operator_id, id) DEFERRABLE INITIALLY DEFERRED",
            migrations.RunSQL.noop,
        ),
        TenantTable(
            "settlement_providertransaction", parents=[ACCOUNT, PAYMENT, REFUND]
        ),
        TenantTable("settlement_reconciliationdifference", parents=[ACCOUNT]),
        # The web only writes what a provider signed; a worker does the rest.
        PlatformTable("settlement_webhookevent", app="SELECT, INSERT"),
        AppendOnlyTable("settlement_ledgeraccount"),
        AppendOnlyTable("settlement_ledgerentry"),
        AppendOnlyTable("settlement_ledgerline"),
        AppendOnlyTable("settlement_ledgerseal"),
    ]
