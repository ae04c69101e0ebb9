"""From plug-in to remote start: gateway, web, relay, worker and provider together."""

import asyncio
import json
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

import uvloop

from simulators.demo.provider import Provider
from simulators.demo.system import System
from simulators.vehicle.keys import VehicleKey
from tests.bench import plugging
from tests.bench.result import Result, at_most
from tests.bench.world import PASSWORD, ROOT

VEHICLES = 200
SPREAD_S = 60.0
"""A full car park in the morning; the other round has all of them at one instant."""

TARGET_MS = 250.0
CLAIM_RATE = "100000/min"
UNPACED = {"STRIPE_CALLS_PER_S": "10000", "STRIPE_CALLS_BURST": "10000"}
"""Two hundred cards are saved before anything is measured."""

SEED = """
import json
from datetime import timedelta
from django.utils import timezone
from billing.services import tariffs
from charge_points.services import provisioning
from cpms.accounts.models import Driver, User
from cpms.accounts.services import operators, vehicles
from settlement.services import methods, payees
now = timezone.now()
operator = operators.create_operator(
    code="bench", name="Bench", country="DE", currency="EUR",
    time_zone="Europe/Berlin", by="bench", at=now)
payees.register(
    operator_id=operator.pk, provider="stripe", reference={account!r}, by="bench",
    at=now)
tariff = tariffs.save_tariff(
    operator_id=operator.pk, name="Bench", by="bench", at=now,
    ocpi={{"country_code": "DE", "party_id": "BEN", "id": "BENCH", "currency": "EUR",
        "tax_included": "NO", "last_updated": "2026-01-01T00:00:00Z",
        "elements": [{{"price_components": [
            {{"type": "ENERGY", "price": 0.5, "vat": 19.0, "step_size": 1}}]}}]}})
tariffs.assign(tariff=tariff, starts_at=now - timedelta(days=1), by="bench")
for identity, key in json.loads(open({cars!r}).read()).items():
    provisioning.create_charge_point(
        wanted=provisioning.NewChargePoint(
            "bench", identity, password={password!r}, max_power_w=22_000),
        by="bench", at=now)
    email = identity.lower() + "@example.org"
    driver = Driver.objects.create(
        user=User.objects.create_user(email, None), email=email, locale="en")
    methods.save(driver_id=driver.pk, provider="stripe",
        payment_method_ref="pm_card_visa", at=now)
    vehicles.enrol(driver_id=driver.pk, label="car", public_key_pem=key, csr_pem="",
        at=now)
"""


def plug_ins():
    """200 vehicles plug in and claim: within a minute, and all at one instant."""
    spreads = (SPREAD_S, 0.0)
    cars = {
        f"CP{number:05d}": VehicleKey.generate()
        for number in range(1, VEHICLES * len(spreads) + 1)
    }
    with _system() as system:
        _seed(system, cars)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            found = runner.run(
                plugging.rounds(
                    system.ocpp_url, system.web_url, cars, PASSWORD, spreads
                )
            )
        provider_s = _provider_s(system)
    calm, burst = found
    return [
        *_results(f"plug_ins_{VEHICLES}_within_{SPREAD_S:.0f}_s", calm, provider_s),
        *_results(f"plug_ins_{VEHICLES}_at_once", burst, provider_s),
    ]


def _results(name, seconds, provider_s):
    """How long our part of each took; and the provider's, for comparison."""
    ours = [took - provider_s[order] for order, took in seconds.items()]
    theirs = [provider_s[order] for order in seconds]
    p99 = _percentile_ms(ours, 99)
    return [
        Result(f"{name}_p50", _percentile_ms(ours, 50), "ms"),
        at_most(f"{name}_p99", p99, "ms", target=TARGET_MS),
        Result(f"{name}_provider_p50", _percentile_ms(theirs, 50), "ms"),
    ]


def _percentile_ms(values, percent):
    """The nearest rank: the value that so many in a hundred do not exceed."""
    ranked = sorted(values)
    rank = max(0, -(-len(ranked) * percent // 100) - 1)
    return round(ranked[rank] * 1000, 1)


@contextmanager
def _system():
    """All processes of ``manage.py run`` and the provider, in a home of their own."""
    home = Path(tempfile.mkdtemp(prefix="cpms-bench-"))
    system = _Bench(ROOT, home)
    try:
        system.start_provider()
        system.start()
        yield system
    finally:
        system.stop()
        shutil.rmtree(home, ignore_errors=True)


class _Bench(System):
    """The demo's system, which lets this one address claim as often as it needs."""

    def environment(self):
        limits = {"CLAIM_RATE_LIMIT": CLAIM_RATE, "LOG_LEVEL": "WARNING"}
        return {**super().environment(), **limits}


def _seed(system, cars):
    account = Provider(system.psp_url, system.psp_key).open_account("b@example.org")
    path = system.home / "cars.json"
    path.write_text(json.dumps({name: key.public_pem for name, key in cars.items()}))
    _shell(system, SEED.format(account=account, cars=str(path), password=PASSWORD))


def _provider_s(system):
    """Order number -> seconds that the provider itself took for the hold."""
    client = Provider(system.psp_url, system.psp_key).client
    found = Counter()
    for call in client.get("/_sim/calls", {"path": "payment_"})["calls"]:
        # The key of a question begins with the order's number.
        order, _, question = (call["idempotency_key"] or "").partition("-")
        if "-authorize-" in f"-{question}":
            found[order] += call["duration_s"]
    return found


def _shell(system, script):
    subprocess.run(
        [sys.executable, "manage.py", "shell", "-v", "0", "-c", script],
        cwd=ROOT,
        env={**system.environment(), **UNPACED},
        check=True,
        stdout=subprocess.DEVNULL,
    )
