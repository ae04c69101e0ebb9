"""How fast the ledger is posted to and proved."""

import atexit
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.bench.result import at_least
from tests.bench.world import ROOT, environment, erase, manage

ENTRIES = 100_000
PROVED_PER_MINUTE = 1_000_000

# Captures as they are posted: five lines each, in two books, sealed; then the proof.
# Only what needs no payment rows is in the book, so the checks of payments and shares
# would differ: what is measured is the time of all of them, what must hold is named.
SCRIPT = """
import json, time
from django.utils import timezone
from cpms.accounts.models import Operator
from settlement.services import ledger, sealing, verification
now = timezone.now()
operator = Operator.objects.create(
    code="bench", name="Bench", country="DE", currency="EUR")
LINES = (("provider:stripe:acct_bench", "EUR", 900), ("provider_fees", "EUR", 100),
         ("session_revenue", "EUR", -1000), ("split:host", "EUR", 150),
         ("payable:host", "EUR", -150))
begun = time.perf_counter()
for first in range(0, {entries}, 2_000):
    ledger.post_many([
        ledger.Posting(operator_id=operator.pk, source="bench", key=str(number),
                       effective_at=now, lines=LINES, order_number=f"{{number:020d}}")
        for number in range(first, first + 2_000)])
posted = time.perf_counter() - begun
while sealing.seal_all(at=timezone.now()):
    pass
begun = time.perf_counter()
report = verification.prove()
proved = time.perf_counter() - begun
failed = {{check.name for check in report.checks if not check.ok}}
assert not failed & {{"balance", "keys", "chain", "platform holds nothing"}}, failed
print(json.dumps({{"entries": report.entries, "posted_s": posted,
                   "proved_s": proved}}))
"""


def ledger():
    """Entries posted a second, and proved a minute, of a generated book."""
    place = Path(tempfile.mkdtemp(prefix="cpms-bench-ledger-"))
    atexit.register(erase, place)
    manage(place, "migrate", "-v", "0")
    script = SCRIPT.format(entries=ENTRIES)
    done = subprocess.run(
        [sys.executable, "manage.py", "shell", "-v", "0", "-c", script],
        cwd=ROOT,
        env=environment(place),
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    told = json.loads(done.stdout.strip().splitlines()[-1])
    posted = round(told["entries"] / told["posted_s"])
    proved = round(told["entries"] / told["proved_s"] * 60)
    return [
        at_least("ledger_post", posted, "entries/s", target=1_000),
        at_least("ledger_verify", proved, "entries/min", target=PROVED_PER_MINUTE),
    ]
