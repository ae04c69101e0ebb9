"""The walls of this room, and the partitioned tables."""

from typing import ClassVar

from django.db import migrations

from charge_points.migrations._walls import PARTITIONS, SharedTenantTable, Walls
from cpms.accounts.rls import AppendOnlyTable, Parent, PlatformTable

STATION = Parent("charge_point_id", "charge_points_chargepoint")
CONNECTOR = Parent("connector_id", "charge_points_connector")
EPISODE = Parent("episode_id", "charge_points_pluginepisode")
TRANSACTION = Parent("transaction_id", "charge_points_transaction")


class Migration(migrations.Migration):
    """Row level security, grants, composite keys, partitions."""

    dependencies: ClassVar = [
        ("charge_points", "0001_initial"),
        ("accounts", "0002_tenancy"),
    ]
    operations: ClassVar = [
        migrations.RunSQL(
            sql=[(statement, None) for statement in PARTITIONS],
            reverse_sql=migrations.RunSQL.noop,
        ),
        Walls("charge_points_site"),
        Walls(
            "charge_points_chargepoint",
            parents=[Parent("site_id", "charge_points_site")],
        ),
        Walls(
            "charge_points_evse",
            parents=[STATION],
            indexed=["charge_point_id"],
        ),
        Walls(
            "charge_points_connector",
            parents=[STATION, Parent("evse_id", "charge_points_evse")],
            indexed=["charge_point_id"],
        ),
        Walls("charge_points_pluginepisode", parents=[STATION, CONNECTOR]),
        Walls(
            "charge_points_transaction",
            parents=[STATION, CONNECTOR, EPISODE],
            indexed=["charge_point_id", "connector_id"],
        ),
        Walls(
            "charge_points_starthandle",
            parents=[STATION, CONNECTOR, TRANSACTION],
            indexed=["transaction_id"],
        ),
        Walls(
            "charge_points_chargingcertificate",
            parents=[STATION, CONNECTOR, EPISODE],
        ),
        Walls(
            "charge_points_transactionevent",
            parents=[TRANSACTION],
            indexed=["transaction_id"],
            has_id=False,
        ),
        Walls(
            "charge_points_transactionphase",
            parents=[TRANSACTION],
            indexed=["transaction_id"],
            has_id=False,
        ),
        # One key holds a meter value to its operator: each costs a tenth of the insert.
        Walls(
            "charge_points_metervalue",
            parents=[STATION],
            indexed=["charge_point_id"],
            has_id=False,
            app="SELECT",
            system="SELECT, INSERT",
        ),
        # No key at all: every message has a row, and to drop a week must lock nothing
        # but the log itself.
        Walls(
            "charge_points_messagelog",
            has_id=False,
            app="SELECT",
            system="SELECT, INSERT",
        ),
        Walls(
            "charge_points_command",
            parents=[STATION],
            indexed=["charge_point_id"],
        ),
        Walls(
            "charge_points_securityevent",
            parents=[STATION],
            indexed=["charge_point_id"],
        ),
        Walls(
            "charge_points_quirkcount",
            parents=[STATION],
            indexed=["charge_point_id"],
        ),
        Walls(
            "charge_points_devicevariable",
            parents=[STATION],
            indexed=["charge_point_id"],
        ),
        AppendOnlyTable(
            "charge_points_devicevariablechange",
            parents=[Parent("variable_id", "charge_points_devicevariable")],
        ),
        Walls(
            "charge_points_reportpart",
            parents=[STATION],
            indexed=["charge_point_id"],
        ),
        SharedTenantTable("charge_points_idtoken"),
        PlatformTable("charge_points_certificatekey"),
    ]
