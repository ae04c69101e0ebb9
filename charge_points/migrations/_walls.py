"""Walls for the shapes of table that ``cpms.accounts.rls`` does not know by itself."""

from collections.abc import Sequence
from typing import Any, Final

from cpms.accounts.rls import Parent, PlatformTable, TenantTable


class Walls(TenantTable):
    """A tenant table whose references are indexed already, or that has no id.

    Args:
        table: its name.
        parents: references to other tenant tables.
        indexed: columns of parents that lead an index of the model.
        has_id: False for composite primary keys and partitioned tables, which cannot
            carry ``UNIQUE (operator_id, id)`` and need not: nothing refers to them.
        options: as ``TenantTable``.
    """

    def __init__(
        self,
        table: str,
        *,
        parents: Sequence[Parent] = (),
        indexed: Sequence[str] = (),
        has_id: bool = True,
        **options: Any,
    ) -> None:
        """Take the statements of ``TenantTable`` and leave out what is not wanted."""
        super().__init__(table, parents=parents, **options)
        unwanted = [f"{table}_{column}_tenant_ix"[:63] for column in indexed]
        if not has_id:
            unwanted.append(f"{table[:50]}_tenant_key")
        self.sql = [
            statement
            for statement in self.sql
            if not any(f" {name} " in statement[0] for name in unwanted)
        ]


class SharedTenantTable(PlatformTable):
    """An operator's rows, and rows of all operators (operator empty) to read.

    Only the platform writes a row without operator.
    """

    def __init__(self, table: str) -> None:
        """Add policies to the rights."""
        super().__init__(table)
        mine = "(cpms_role() = 'operator' AND operator_id = ANY (cpms_operator_ids()))"
        write = f"cpms_role() = 'platform' OR {mine}"
        shared = "(cpms_role() = 'operator' AND operator_id IS NULL)"
        statements = (
            f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY",
            (
                f"CREATE POLICY tenant_read ON {table} FOR SELECT "
                f"USING ({write} OR {shared})"
            ),
            f"CREATE POLICY tenant_insert ON {table} FOR INSERT WITH CHECK ({write})",
            (
                f"CREATE POLICY tenant_update ON {table} FOR UPDATE "
                f"USING ({write}) WITH CHECK ({write})"
            ),
            f"CREATE POLICY tenant_delete ON {table} FOR DELETE USING ({write})",
        )
        self.sql = [*self.sql, *((statement, None) for statement in statements)]


# The tables are made here and not by the models (managed = False): Django knows no
# partitions. Their default partitions take what no other one does: clocks that were
# never set, or that are years ahead.
METER_VALUES: Final = """
CREATE TABLE charge_points_metervalue (
    operator_id bigint NOT NULL,
    charge_point_id bigint NOT NULL,
    transaction_id bigint,
    evse_number smallint NOT NULL,
    connector_number smallint NOT NULL,
    sampled_at timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    context varchar(24) NOT NULL,
    location varchar(8) NOT NULL,
    energy_wh numeric(16, 3),
    power_w numeric(12, 3),
    current_a numeric(10, 3),
    voltage_v numeric(10, 3),
    soc_percent numeric(6, 3),
    digest bigint NOT NULL,
    PRIMARY KEY (charge_point_id, sampled_at, digest)
) PARTITION BY RANGE (sampled_at)
"""
METER_VALUES_BY_TRANSACTION: Final = """
CREATE INDEX charge_points_metervalue_transaction
    ON charge_points_metervalue (transaction_id, sampled_at)
    WHERE transaction_id IS NOT NULL
"""
# A sequence, for identity columns of partitioned tables need PostgreSQL 17.
MESSAGE_IDS: Final = "CREATE SEQUENCE charge_points_messagelog_id"
MESSAGES: Final = """
CREATE TABLE charge_points_messagelog (
    id bigint NOT NULL DEFAULT nextval('charge_points_messagelog_id'),
    operator_id bigint NOT NULL,
    charge_point_id bigint NOT NULL,
    version varchar(8) NOT NULL,
    incoming boolean NOT NULL,
    action varchar(60) NOT NULL,
    message_id varchar(64) NOT NULL,
    at timestamptz NOT NULL,
    answered_at timestamptz,
    text text NOT NULL,
    answer_text text NOT NULL,
    PRIMARY KEY (id, at)
) PARTITION BY RANGE (at)
"""
MESSAGES_BY_STATION: Final = """
CREATE INDEX charge_points_messagelog_station
    ON charge_points_messagelog (charge_point_id, at)
"""

# Workers do not own tables, so partitions are made and dropped by functions of the
# owner that know these two tables only. Bounds are rounded by the caller. They give up
# rather than wait for a lock, for everybody else would wait behind them.
PARTITION_ADD: Final = """
CREATE FUNCTION charge_points_add_partition(
    parent text, key text, lower_at timestamptz, upper_at timestamptz
) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp SET lock_timeout = '2s'
AS $$
DECLARE
    name text := parent || '_' || to_char(lower_at AT TIME ZONE 'UTC', 'YYYYMMDD');
BEGIN
    IF (parent, key) NOT IN (('charge_points_metervalue', 'sampled_at'),
                             ('charge_points_messagelog', 'at')) THEN
        RAISE EXCEPTION '%.% is not partitioned by this function', parent, key;
    END IF;
    PERFORM pg_advisory_xact_lock(hashtext(parent));
    IF to_regclass(name) IS NOT NULL THEN
        RETURN false;
    END IF;
    EXECUTE format(
        'CREATE TABLE %I (LIKE %I INCLUDING DEFAULTS INCLUDING CONSTRAINTS)',
        name, parent);
    EXECUTE format(
        'WITH moved AS (DELETE FROM %I WHERE %I >= $1 AND %I < $2 RETURNING *) '
        'INSERT INTO %I SELECT * FROM moved',
        parent || '_default', key, key, name) USING lower_at, upper_at;
    EXECUTE format(
        'ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
        parent, name, lower_at, upper_at);
    RETURN true;
END $$
"""
PARTITION_DROP: Final = """
CREATE FUNCTION charge_points_drop_partitions(
    parent text, before timestamptz, at_most integer
) RETURNS integer LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp SET lock_timeout = '2s'
AS $$
DECLARE
    victim text;
    dropped integer := 0;
BEGIN
    IF parent <> 'charge_points_messagelog' THEN
        RAISE EXCEPTION '% keeps all its rows', parent;
    END IF;
    DELETE FROM charge_points_messagelog_default WHERE at < before;
    FOR victim IN
        SELECT child.relname FROM pg_inherits
        JOIN pg_class child ON child.oid = inhrelid
        WHERE inhparent = parent::regclass
          AND child.relname ~ '_[0-9]{8}$'
          AND to_date(right(child.relname, 8), 'YYYYMMDD') + 7
              <= (before AT TIME ZONE 'UTC')::date
        ORDER BY child.relname LIMIT at_most
    LOOP
        EXECUTE format('DROP TABLE %I', victim);
        dropped := dropped + 1;
    END LOOP;
    RETURN dropped;
END $$
"""
FIRST_MONTHS: Final = """
SELECT charge_points_add_partition(
    'charge_points_metervalue', 'sampled_at', month AT TIME ZONE 'UTC',
    (month + interval '1 month') AT TIME ZONE 'UTC')
FROM generate_series(
    date_trunc('month', now() AT TIME ZONE 'UTC') - interval '1 month',
    date_trunc('month', now() AT TIME ZONE 'UTC') + interval '2 months',
    interval '1 month') AS month
"""
FIRST_WEEKS: Final = """
SELECT charge_points_add_partition(
    'charge_points_messagelog', 'at', week AT TIME ZONE 'UTC',
    (week + interval '7 days') AT TIME ZONE 'UTC')
FROM generate_series(
    date_trunc('week', now() AT TIME ZONE 'UTC'),
    date_trunc('week', now() AT TIME ZONE 'UTC') + interval '14 days',
    interval '7 days') AS week
"""
# Room on each page for the next version of a row: these are updated all the time.
FILL_FACTORS: Final = tuple(
    f"ALTER TABLE {table} SET (fillfactor = 70)"
    for table in (
        "charge_points_chargepoint",
        "charge_points_connector",
        "charge_points_transaction",
    )
)
PARTITIONS: Final = (
    *FILL_FACTORS,
    METER_VALUES,
    METER_VALUES_BY_TRANSACTION,
    (
        "CREATE TABLE charge_points_metervalue_default "
        "PARTITION OF charge_points_metervalue DEFAULT"
    ),
    MESSAGE_IDS,
    MESSAGES,
    "ALTER SEQUENCE charge_points_messagelog_id OWNED BY charge_points_messagelog.id",
    "GRANT USAGE ON SEQUENCE charge_points_messagelog_id TO cpms_system",
    MESSAGES_BY_STATION,
    (
        "CREATE TABLE charge_points_messagelog_default "
        "PARTITION OF charge_points_messagelog DEFAULT"
    ),
    PARTITION_ADD,
    PARTITION_DROP,
    FIRST_MONTHS,
    FIRST_WEEKS,
    (
        "REVOKE ALL ON FUNCTION charge_points_add_partition, "
        "charge_points_drop_partitions FROM PUBLIC"
    ),
    (
        "GRANT EXECUTE ON FUNCTION charge_points_add_partition, "
        "charge_points_drop_partitions TO cpms_system"
    ),
)
