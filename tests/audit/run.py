"""Puts the month together."""

import json
import sys
from pathlib import Path

from django.conf import settings

from cpms.celery import app
from cpms.ops.logs import configure
from tests.audit.business import open_business
from tests.audit.clock import Clock
from tests.audit.mishaps import Inbox, Mishaps
from tests.audit.month import Month
from tests.audit.proof import COLUMNS, prove
from tests.factories import money

BOOKS = Path(settings.CPMS_HOME) / "provider-books.json"
"""The provider's side, for who looks at the database afterwards."""


def run(orders: int, seed: int, running_psp) -> tuple[int, list[str]]:
    """Run it; how many orders there are, and what differs at its end."""
    configure()
    app.conf.task_always_eager = True
    # Nobody logs in; passwords that cost time to hash would only lengthen the month.
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    mishaps = Mishaps(seed)
    inbox = Inbox(mishaps)
    with running_psp(webhook_url=inbox.url) as psp, Clock(psp) as clock:
        settings.PAYMENT_PROVIDERS = money.provider_settings(psp)
        business = open_business(psp, chance=mishaps.random)
        with mishaps.in_force(psp):
            ledger = Month(business, clock, mishaps, inbox, psp).run(orders)
        proof = prove(ledger, business.shops, psp)
        BOOKS.write_text(json.dumps(psp.books(), indent=2, sort_keys=True))
    inbox.close()
    _print(ledger, mishaps, proof)
    return len(ledger.told), proof.problems


def _print(ledger, mishaps, proof) -> None:
    out = sys.stdout.write
    kinds: dict[str, int] = {}
    for told in ledger.told:
        kinds[told.kind] = kinds.get(told.kind, 0) + 1
    out("charges: " + ", ".join(f"{n} {kind}" for kind, n in sorted(kinds.items())))
    refused = ", ".join(f"{n} {code}" for code, n in sorted(ledger.refused.items()))
    out(f"\nrefused before energy flowed: {refused or 'none'}\n")
    out(f"money back: {ledger.refunds} refunds, {len(ledger.disputes)} disputes\n")
    late = ", ".join(f"{n} {what}" for what, n in sorted(ledger.late.items()))
    out(f"late facts: {late or 'none'}\n")
    out(f"sold in mid-month: {', '.join(ledger.sold)}\n")
    counts = ", ".join(f"{n} {what}" for what, n in sorted(mishaps.counts.items()))
    out(f"mishaps: {counts}\n")
    out("the provider's books, EUR:\n")
    table = [("operator", *COLUMNS), *proof.rows]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for row in table:
        cells = [cell.rjust(w) for cell, w in zip(row, widths, strict=True)]
        out("  " + "  ".join(cells) + "\n")
    out(f"{proof.checks} comparisons\n")
