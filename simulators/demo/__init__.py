"""The demo: the whole chain on one machine, through public interfaces only.

``python -m simulators.demo`` starts real processes (gateway, web, worker, beat, relay,
payment provider), lets simulated stations, vehicles and drivers charge at two
operators, and proves from three sides (REST, ledger, provider's own books) that every
payment went to the right account.
"""
