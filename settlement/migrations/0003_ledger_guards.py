"""What PostgreSQL itself holds about the ledger (design page 4.5, docs/adr).

* an entry has at least two lines, and they add up to zero in each currency: an entry
  without lines is refused when the database transaction ends, crooked lines at once;
* all lines of an entry arrive in one statement, in the database transaction that
  made the entry; nothing is ever added to it later. (With the sum checked at the end
  only, somebody could have the check made early and then add a line.)
* nothing is updated, deleted or truncated (0002, by rights and by trigger);
* a line stays in the book and the currency of its account;
* an entry is reversed at most once, by an entry of the same book;
* no line touches the account of operators' funds held by the platform;
* every book but the platform's belongs to an operator that exists.
"""

from typing import ClassVar

from django.db import migrations

# Nobody may write this column (only named columns are granted below), so what it
# says about the creating database transaction is true. xmin would not do: inside a
# savepoint it holds the subtransaction's id.
COLUMNS = [
    """
    ALTER TABLE settlement_ledgerentry
      ADD COLUMN created_txid xid8 NOT NULL DEFAULT pg_current_xact_id()
    """,
    # 0 is the platform's own book; every other one must belong to an operator.
    """
    ALTER TABLE settlement_ledgeraccount
      ADD COLUMN owner_id bigint GENERATED ALWAYS AS (nullif(operator_id, 0)) STORED
        REFERENCES accounts_operator (id)
    """,
    """
    ALTER TABLE settlement_ledgeraccount
      ADD CONSTRAINT ledger_account_place UNIQUE (operator_id, id, currency)
    """,
    """
    ALTER TABLE settlement_ledgeraccount
      ADD CONSTRAINT ledger_account_held CHECK (
        code <> 'operator_funds_held' OR (operator_id = 0 AND type = 'liability'))
    """,
    """
    ALTER TABLE settlement_ledgerentry
      ADD CONSTRAINT ledger_entry_reverses FOREIGN KEY (operator_id, reverses_id)
        REFERENCES settlement_ledgerentry (operator_id, id),
      ADD CONSTRAINT ledger_entry_not_itself CHECK (reverses_id <> id)
    """,
    "ALTER TABLE settlement_ledgerline DROP CONSTRAINT settlement_ledgerline_tenant_key",
    """
    ALTER TABLE settlement_ledgerline
      ADD CONSTRAINT ledger_line_entry FOREIGN KEY (operator_id, entry_id)
        REFERENCES settlement_ledgerentry (operator_id, id),
      ADD CONSTRAINT ledger_line_account
        FOREIGN KEY (operator_id, account_id, currency)
        REFERENCES settlement_ledgeraccount (operator_id, id, currency)
    """,
]

RIGHTS = [
    "REVOKE INSERT ON settlement_ledgerentry FROM cpms_app, cpms_system",
    """
    GRANT INSERT (operator_id, source, key, order_number, effective_at, reverses_id)
      ON settlement_ledgerentry TO cpms_app, cpms_system
    """,
    "REVOKE INSERT ON settlement_ledgerseal FROM cpms_app",
]

# Ids are drawn from the sequence while an entry's row is made. With the database
# transaction's id taken before, every drawn id belongs to a transaction that a
# snapshot can see: on that the seals rely when they decide what is complete.
NUMBERED = """
CREATE FUNCTION settlement_take_txid() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_current_xact_id();
  RETURN NULL;
END $$
"""

# The guards look past row level security: the scope of a posting may have ended
# before its database transaction does.
LINES = """
CREATE FUNCTION settlement_check_lines() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  bad record;
BEGIN
  SELECT p.entry_id, p.lines, p.crooked, e.created_txid, h.have
    INTO bad
    FROM (SELECT entry_id, sum(n) AS lines, bool_or(total <> 0) AS crooked
            FROM (SELECT entry_id, count(*) AS n, sum(amount_minor) AS total
                    FROM new_lines GROUP BY entry_id, currency) sums
           GROUP BY entry_id) p
    JOIN settlement_ledgerentry e ON e.id = p.entry_id
   CROSS JOIN LATERAL (SELECT count(*) AS have FROM settlement_ledgerline l
                        WHERE l.entry_id = p.entry_id) h
   WHERE p.crooked OR p.lines < 2 OR h.have <> p.lines
      OR e.created_txid <> pg_current_xact_id()
   LIMIT 1;
  IF FOUND THEN
    IF bad.created_txid <> pg_current_xact_id() THEN
      RAISE EXCEPTION 'ledger entry % is complete: lines come in the database '
        'transaction that makes the entry', bad.entry_id
        USING ERRCODE = 'restrict_violation';
    ELSIF bad.have <> bad.lines THEN
      RAISE EXCEPTION 'ledger entry % has lines: all lines of an entry come in one '
        'statement', bad.entry_id USING ERRCODE = 'restrict_violation';
    ELSIF bad.lines < 2 THEN
      RAISE EXCEPTION 'ledger entry % has % line(s): at least two belong to it',
        bad.entry_id, bad.lines USING ERRCODE = 'check_violation';
    END IF;
    RAISE EXCEPTION 'ledger entry % does not add up to zero in every currency',
      bad.entry_id USING ERRCODE = 'check_violation';
  END IF;
  PERFORM 1 FROM new_lines n JOIN settlement_ledgeraccount a ON a.id = n.account_id
    WHERE n.operator_id = 0 AND a.code = 'operator_funds_held' LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'the platform cannot hold an operator''s money'
      USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NULL;
END $$
"""

# Lines are checked when they come, all of an entry's together; what is left to the
# end of the database transaction is an entry without any.
ENTRIES = """
CREATE FUNCTION settlement_check_entry() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  PERFORM 1 FROM settlement_ledgerline WHERE entry_id = NEW.id LIMIT 1;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'ledger entry % has 0 line(s): at least two belong to it',
      NEW.id USING ERRCODE = 'check_violation';
  END IF;
  RETURN NULL;
END $$
"""

TRIGGERS = [
    """
    CREATE TRIGGER ledger_take_txid BEFORE INSERT ON settlement_ledgerentry
      FOR EACH STATEMENT EXECUTE FUNCTION settlement_take_txid()
    """,
    """
    CREATE CONSTRAINT TRIGGER ledger_entry_lines AFTER INSERT
      ON settlement_ledgerentry DEFERRABLE INITIALLY DEFERRED
      FOR EACH ROW EXECUTE FUNCTION settlement_check_entry()
    """,
    """
    CREATE TRIGGER ledger_lines AFTER INSERT ON settlement_ledgerline
      REFERENCING NEW TABLE AS new_lines
      FOR EACH STATEMENT EXECUTE FUNCTION settlement_check_lines()
    """,
]


class Migration(migrations.Migration):
    """Columns, keys, rights and triggers of the ledger."""

    dependencies: ClassVar = [("settlement", "0002_tenancy")]
    operations: ClassVar = [
        migrations.RunSQL(sql, migrations.RunSQL.noop)
        for sql in (*COLUMNS, *RIGHTS, NUMBERED, LINES, ENTRIES, *TRIGGERS)
    ]
