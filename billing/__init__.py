"""The management platform: what a charge is and what it costs.

Doors for others: ``services`` (ordering, tariffs), ``queries`` (frozen
dataclasses), ``pricing`` (the pure tariff engine). Billing hears of charges by
the outbox (``subscribers``) and never asks a charger anything itself.
"""
