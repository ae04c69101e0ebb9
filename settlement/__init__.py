"""How money moves: knows no charger and no tariff.

Doors for others: ``services`` (payments, payees, splits, methods, receivables,
refunds, ledger), ``queries`` (frozen dataclasses) and ``events`` (names of the
facts in the outbox). Every payment is made on the operator's own account at the
provider; nothing here can move an operator's money through the platform.
"""
