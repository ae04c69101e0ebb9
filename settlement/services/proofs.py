"""The proofs as SQL: each returns what is wrong in words, nothing = proved.

Set-based, so that a million entries take seconds. Doubled percent signs: the texts go
through the driver's parameters; ``%(operator)s`` is an operator's id or NULL for all.
"""
# ruff: noqa: S608 - put together from the constants of this file and nothing else

from typing import Final

from settlement.models import PLATFORM_BOOK
from settlement.services.sealing import DIGESTS

_ALL: Final = "(%(operator)s IS NULL OR {column} = %(operator)s)"


COUNTS: Final = f"""
SELECT (SELECT count(*) FROM settlement_ledgerentry e
         WHERE {_ALL.format(column="e.operator_id")}),
       (SELECT count(*) FROM settlement_ledgerline l
         WHERE {_ALL.format(column="l.operator_id")})
"""

_BALANCE = f"""
SELECT format('entry %%s of book %%s: %%s line(s), sums %%s', e.id, e.operator_id,
              coalesce(l.n, 0), coalesce(l.sums, '-'))
  FROM settlement_ledgerentry e
  LEFT JOIN (SELECT entry_id, sum(n) AS n, bool_or(total <> 0) AS crooked,
                    string_agg(total || ' ' || currency, ', ') AS sums
               FROM (SELECT entry_id, currency, count(*) AS n,
                            sum(amount_minor) AS total
                       FROM settlement_ledgerline GROUP BY entry_id, currency) s
              GROUP BY entry_id) l ON l.entry_id = e.id
 WHERE {_ALL.format(column="e.operator_id")} AND (coalesce(l.n, 0) < 2 OR l.crooked)
"""

_KEYS = f"""
SELECT format('line %%s: book %%s, %%s; its entry: book %%s, its account: book %%s, '
              '%%s', l.id, l.operator_id, l.currency, e.operator_id, a.operator_id,
              a.currency)
  FROM settlement_ledgerline l
  LEFT JOIN settlement_ledgerentry e ON e.id = l.entry_id
  LEFT JOIN settlement_ledgeraccount a ON a.id = l.account_id
 WHERE {_ALL.format(column="l.operator_id")}
   AND (e.operator_id IS DISTINCT FROM l.operator_id
        OR a.operator_id IS DISTINCT FROM l.operator_id
        OR a.currency IS DISTINCT FROM l.currency OR l.amount_minor = 0)
"""

_DIGESTS = DIGESTS.format(entries=_ALL.format(column="e.operator_id"))

_CHAIN = f"""
WITH digests AS ({_DIGESTS}),
links AS (
  SELECT s.*, lag(s.digest) OVER book AS before, lag(s.number) OVER book AS nr_before
    FROM settlement_ledgerseal s WHERE {_ALL.format(column="s.operator_id")}
  WINDOW book AS (PARTITION BY s.operator_id ORDER BY s.number)),
sealed AS (
  SELECT d.operator_id, s.number, count(*) AS found,
         string_agg(d.digest, ''::bytea ORDER BY d.id) AS digests
    FROM digests d CROSS JOIN LATERAL (
         SELECT number FROM settlement_ledgerseal
          WHERE operator_id = d.operator_id AND last_entry >= d.id
          ORDER BY last_entry LIMIT 1) s
   GROUP BY d.operator_id, s.number),
proved AS (
  SELECT l.operator_id, l.number, l.digest, l.entries, l.previous_digest, l.before,
         l.nr_before, coalesce(d.found, 0) AS found,
         sha256(l.previous_digest || coalesce(d.digests, '')) AS digest_now
    FROM links l LEFT JOIN sealed d USING (operator_id, number))
SELECT format('seal %%s of book %%s: %%s', number, operator_id,
              CASE WHEN found <> entries
                   THEN format('%%s entries sealed, %%s found', entries, found)
                   WHEN digest <> digest_now THEN 'an entry was changed'
                   ELSE 'it does not follow the seal before it' END)
  FROM proved
 WHERE found <> entries OR digest <> digest_now
    OR number <> coalesce(nr_before, 0) + 1
    OR previous_digest <> coalesce(before, decode(repeat('00', 32), 'hex'))
"""

_PLATFORM_BOOK = f"""
SELECT format('book of the platform: %%s %%s on %%s by %%s %%s', l.amount_minor,
              l.currency, a.code, e.source, e.key)
  FROM settlement_ledgerline l
  JOIN settlement_ledgeraccount a ON a.id = l.account_id
  JOIN settlement_ledgerentry e ON e.id = l.entry_id
 WHERE l.operator_id = {PLATFORM_BOOK} AND e.source NOT IN
       ('platform.application_fee', 'platform.invoice',
        'platform.invoice_received', 'reversal')
"""

# The platform's book and the operators' payments tell the same of every fee.
_PLATFORM_FEES = f"""
SELECT format('order %%s: the platform took %%s, its book says %%s', order_number,
              coalesce(p.fee, 0), coalesce(b.fee, 0))
  FROM (SELECT order_number, sum(application_fee_minor
               - application_fee_refunded_minor) AS fee
          FROM settlement_payment GROUP BY order_number) p
  FULL JOIN (SELECT e.order_number, -sum(l.amount_minor) AS fee
               FROM settlement_ledgerline l
               JOIN settlement_ledgerentry e ON e.id = l.entry_id
               JOIN settlement_ledgeraccount a ON a.id = l.account_id
              WHERE l.operator_id = {PLATFORM_BOOK} AND a.code = 'application_fees'
                AND e.source <> 'platform.invoice'
              GROUP BY e.order_number) b USING (order_number)
 WHERE coalesce(p.fee, 0) <> coalesce(b.fee, 0)
"""

_PAYMENTS = f"""
SELECT format('order %%s of operator %%s: payments moved %%s, the ledger says %%s',
              order_number, operator_id, coalesce(p.net, 0), coalesce(b.net, 0))
  FROM (SELECT operator_id, order_number,
               sum(captured_minor - application_fee_minor - refunded_minor
                   + application_fee_refunded_minor) AS net
          FROM settlement_payment GROUP BY operator_id, order_number) p
  FULL JOIN (SELECT e.operator_id, e.order_number, sum(l.amount_minor) AS net
               FROM settlement_ledgerline l
               JOIN settlement_ledgerentry e ON e.id = l.entry_id
               JOIN settlement_ledgeraccount a ON a.id = l.account_id
              WHERE e.source IN ('payment.capture', 'payment.refund')
                AND a.code LIKE 'provider:%%'
              GROUP BY e.operator_id, e.order_number) b
       USING (operator_id, order_number)
 WHERE {_ALL.format(column="operator_id")} AND coalesce(p.net, 0) <> coalesce(b.net, 0)
"""

_SPLITS = f"""
SELECT format('order %%s/%%s: %%s kept of the capture, the parties got %%s',
              p.order_number, p.sequence, p.captured_minor - p.refunded_minor,
              coalesce(s.total, 0))
  FROM settlement_payment p
  LEFT JOIN (SELECT payment_id, sum(amount_minor) AS total
               FROM settlement_splitline GROUP BY payment_id) s ON s.payment_id = p.id
 WHERE {_ALL.format(column="p.operator_id")}
   AND p.captured_minor - p.refunded_minor <> coalesce(s.total, 0)
"""

_PAYABLES = f"""
SELECT format('operator %%s owes %%s %%s by shares, %%s by the ledger (%%s)',
              operator_id, party, coalesce(s.total, 0), coalesce(b.total, 0), currency)
  FROM (SELECT l.operator_id, l.currency, sum(l.amount_minor) AS total,
               CASE l.role WHEN 'platform' THEN 'platform' ELSE l.party END AS party
          FROM settlement_splitline l JOIN settlement_payment p ON p.id = l.payment_id
         WHERE l.role <> 'operator' AND (l.role <> 'platform' OR p.mode = 'own_key')
         GROUP BY 1, 2, 4) s
  FULL JOIN (SELECT l.operator_id, substr(a.code, 9) AS party, l.currency,
                    -sum(l.amount_minor) AS total
               FROM settlement_ledgerline l
               JOIN settlement_ledgeraccount a ON a.id = l.account_id
               JOIN settlement_ledgerentry e ON e.id = l.entry_id
              WHERE a.code LIKE 'payable:%%'
                AND e.source IN ('payment.capture', 'payment.refund')
              GROUP BY l.operator_id, a.code, l.currency) b
       USING (operator_id, party, currency)
 WHERE {_ALL.format(column="operator_id")}
   AND coalesce(s.total, 0) <> coalesce(b.total, 0)
"""

# Fees of operators with an own key: what is invoiced, and what is still owed of it.
_PLATFORM_INVOICES = f"""
SELECT format('platform invoices: %%s %%s owed, the platform''s book says %%s',
              coalesce(i.owed, 0), currency, coalesce(b.owed, 0))
  FROM (SELECT currency, sum(fee_minor) AS owed FROM settlement_platforminvoice
         WHERE state = 'open' GROUP BY currency) i
  FULL JOIN (SELECT l.currency, sum(l.amount_minor) AS owed
               FROM settlement_ledgerline l
               JOIN settlement_ledgeraccount a ON a.id = l.account_id
              WHERE l.operator_id = {PLATFORM_BOOK} AND a.code = 'platform_receivables'
              GROUP BY l.currency) b USING (currency)
 WHERE coalesce(i.owed, 0) <> coalesce(b.owed, 0)
"""

_RECEIVABLES = f"""
SELECT format('operator %%s: drivers owe %%s %%s, the ledger says %%s', operator_id,
              coalesce(r.total, 0), currency, coalesce(b.total, 0))
  FROM (SELECT operator_id, currency, sum(amount_minor) AS total
          FROM settlement_receivable WHERE state = 'open'
         GROUP BY operator_id, currency) r
  FULL JOIN (SELECT l.operator_id, l.currency, sum(l.amount_minor) AS total
               FROM settlement_ledgerline l
               JOIN settlement_ledgeraccount a ON a.id = l.account_id
              WHERE a.code = 'driver_receivables'
              GROUP BY l.operator_id, l.currency) b USING (operator_id, currency)
 WHERE {_ALL.format(column="operator_id")}
   AND coalesce(r.total, 0) <> coalesce(b.total, 0)
"""

CHECKS: Final = {
    "balance": _BALANCE,
    "keys": _KEYS,
    "chain": _CHAIN,
    "platform book holds only fees": _PLATFORM_BOOK,
    "platform fees": _PLATFORM_FEES,
    "payments": _PAYMENTS,
    "splits": _SPLITS,
    "payables": _PAYABLES,
    "receivables": _RECEIVABLES,
    "platform invoices": _PLATFORM_INVOICES,
}
