"""Ended charges until they are paid: rated, captured, split and posted, in batches.

The work of a worker, in one process and through the same doors: deliveries are claimed
and done as the relay hands them over. The provider answers at once, since its time is
not ours: what remains is everything that is written.
"""

import atexit
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.bench.result import Result, at_least
from tests.bench.world import ROOT, environment, erase, manage

ORDERS = 300
TARGET_PER_S = 5_000

SCRIPT = """
import json, time
from datetime import timedelta
from decimal import Decimal
from django.db import transaction
from django.utils import timezone
from billing.models import Order
from billing.services import tariffs
from charge_points.models import ChargePoint
from charge_points.services import id_tokens, provisioning, transactions
from charge_points.services.facts import StartFact, StopFact
from cpms.accounts.models import Driver, User
from cpms.accounts.services import operators
from cpms.outbox.delivery import claim_due, deliver
from cpms.outbox.subscriptions import all_subscriptions, subscription
from settlement.models import DriverPaymentMethod, LedgerEntry, PayeeAccount, SplitLine
from settlement.providers.facts import ProviderPayment
from settlement.services import asking, splits

COUNT = {orders}
WORK = {{"billing", "payments"}}  # mails and their documents are others' work
now = timezone.now()
past = now - timedelta(hours=2)

def answer(asked):
    captures = asked.kind == "capture"
    amount = asked.amount_minor
    return ProviderPayment(
        ref=asked.provider_ref or "pi_" + asked.order_number,
        state="captured" if captures else "authorized",
        amount_minor=amount, amount_capturable_minor=0 if captures else amount,
        amount_received_minor=amount if captures else 0, currency=asked.currency,
        charge_ref="ch_" + asked.order_number, order_number=asked.order_number,
        application_fee_minor=asked.application_fee_minor)

asking.ask = answer
OTHERS = [s.name for s in all_subscriptions() if s.queue not in WORK]

def drain():
    done = 0
    while found := claim_due(passing_over=OTHERS):
        for name, ids in found.items():
            size = subscription(name).batch_max
            for first in range(0, len(ids), size):
                done += deliver(name, ids[first:first + size])
    return done

operator = operators.create_operator(
    code="bench", name="Bench", country="DE", currency="EUR",
    time_zone="Europe/Berlin", by="bench", at=past)
PayeeAccount.objects.create(
    operator=operator, provider="stripe", reference="acct_bench", currency="EUR",
    charges_enabled=True, payouts_enabled=True, created_at=past)
splits.agree(splits.Agreement(
    operator_id=operator.pk, site_id=None, name="Bench", valid_from=past, parties=(
        splits.Party("operator", "Bench", "operator", 8_500),
        splits.Party("host", "Host", "site_host", 1_200),
        splits.Party("platform", "Platform", "platform", 300))), by="bench", at=past)
tariffs.assign(tariff=tariffs.save_tariff(
    operator_id=operator.pk, name="Bench", by="bench", at=past,
    ocpi={{"country_code": "DE", "party_id": "BEN", "id": "BENCH", "currency": "EUR",
        "tax_included": "NO", "last_updated": "2026-01-01T00:00:00Z",
        "elements": [{{"price_components": [
            {{"type": "ENERGY", "price": 0.49, "vat": 19.0, "step_size": 1}}]}},
            {{"price_components": [
            {{"type": "FLAT", "price": 0.5, "vat": 19.0, "step_size": 1}}]}}]}}),
    starts_at=past, by="bench")
stations = []
with transaction.atomic():
    for number in range(COUNT):
        made = provisioning.create_charge_point(
            wanted=provisioning.NewChargePoint(
                "bench", f"CP{{number:05d}}", max_power_w=22_000), by="bench", at=past)
        email = f"d{{number}}@example.org"
        driver = Driver.objects.create(
            user=User.objects.create_user(email, None), email=email, locale="en")
        DriverPaymentMethod.objects.create(
            driver=driver, provider="stripe", customer_ref="cus_bench",
            payment_method_ref=f"pm_{{number}}", is_default=True, created_at=past)
        id_tokens.put_policy(
            token=f"TOKEN{{number:05d}}", status="accepted", operator_id=None,
            driver_id=driver.pk, account_state="ok", at=past)
        stations.append(dict(
            charge_point_id=made.charge_point_id, operator_id=operator.pk))
ChargePoint.objects.update(connected_at=past)
begun, running = now - timedelta(minutes=1), []
for number, who in enumerate(stations):
    running.append((who, transactions.start(StartFact(
        **who, evse=1, connector=1, id_token=f"TOKEN{{number:05d}}", started_at=begun,
        meter_start_wh=Decimal(1000), received_at=begun)).ocpp_id))
drain()
assert Order.objects.filter(state="CHARGING").count() == COUNT, list(
    Order.objects.values_list("state", "payment_state", "failure_reason")[:3])
for who, ocpp_id in running:
    transactions.stop(StopFact(
        **who, ocpp_id=ocpp_id, ended_at=now, meter_stop_wh=Decimal(1300),
        received_at=now, reason="Local"))
begin = time.perf_counter()
deliveries = drain()
took = time.perf_counter() - begin
assert Order.objects.filter(state="CLOSED", payment_state="CAPTURED").count() == COUNT
assert SplitLine.objects.count() >= 3 * COUNT
print(json.dumps({{"seconds": took, "deliveries": deliveries,
                   "entries": LedgerEntry.objects.count()}}))
"""


def settling(orders=ORDERS):
    """Orders a second that one process brings from the charge's end to CLOSED."""
    place = Path(tempfile.mkdtemp(prefix="cpms-bench-settling-"))
    atexit.register(erase, place)
    manage(place, "migrate", "-v", "0")
    script = SCRIPT.format(orders=orders)
    done = subprocess.run(
        [sys.executable, "manage.py", "shell", "-v", "0", "-c", script],
        cwd=ROOT,
        env=environment(place),
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    told = json.loads(done.stdout.strip().splitlines()[-1])
    seconds = told["seconds"]
    return [
        at_least(
            "orders_settled",
            round(orders / seconds, 1),
            "orders/s",
            target=TARGET_PER_S,
        ),
        Result("deliveries_done", round(told["deliveries"] / seconds, 1), "events/s"),
        Result(
            "ledger_entries_settled", round(told["entries"] / seconds, 1), "entries/s"
        ),
    ]
