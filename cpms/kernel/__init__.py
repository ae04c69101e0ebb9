"""Pure building blocks: money, ids, errors, canonical JSON, state tables.

No framework, no I/O, no clock.
"""
