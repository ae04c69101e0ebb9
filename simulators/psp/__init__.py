"""Simulated payment provider over real HTTP, with books of its own.

A Stripe-compatible subset: connected accounts, manual capture, application
fees, refunds, disputes, payouts, idempotency, signed webhooks, faults on
demand. It is an outside process and knows nothing of the system that uses it.
Run `python -m simulators.psp --help`.
"""

from simulators.psp.cli import run

__all__ = ["run"]
