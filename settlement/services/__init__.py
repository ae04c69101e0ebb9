"""The only writers of settlement.

Public for other rooms: ``payments``, ``payees``, ``splits``, ``methods``,
``receivables``, ``ledger``. The rest is the inside of settlement.
"""
