"""The month: charges of every kind, refunds, disputes, a sale, nights."""

import itertools
import sys
from contextlib import suppress
from datetime import datetime, timedelta
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import HTTPRedirectHandler, Request, build_opener

from billing import tasks as billing_tasks
from billing.models import Order
from billing.services import guests, ordering
from charge_points import tasks as network_tasks
from charge_points.services import ownership
from cpms.kernel.errors import DomainError
from cpms.outbox import tasks as outbox_tasks
from settlement import tasks as settlement_tasks
from settlement.models import Dispute, Payment
from settlement.providers.errors import ProviderError
from settlement.services import refunds
from tests.audit.business import Business, Shop
from tests.audit.clock import Clock
from tests.audit.late import LateFacts
from tests.audit.mishaps import Inbox, Mishaps
from tests.audit.told import Ledger, Told
from tests.audit.workers import Workers
from tests.factories import network

PER_STEP = 400
GROUP = 100
"""Charges at the same time. While one group's are billed, the next ones begin."""

TOGETHER = 6
"""Charges that begin or end between two looks into the outbox: what comes together is
worked off together, as under the relay."""

MONTH = timedelta(days=30)
CHARGING = timedelta(minutes=50)
RETRY = timedelta(seconds=65)
"""Longer than the lease of an attempt that a crash left in the air."""

TRIES = 5
KINDS = (
    ("vehicle", 34),
    ("phone", 12),
    ("driver_api", 16),
    ("token", 20),
    ("guest", 10),
    ("stranger", 2),
    ("poor", 3),
    ("unused", 3),
)
"""How charges begin, in percent; a stranger's token has no account."""

EMPTY_PERCENT = 2
OVERRUN_PERCENT = 1
OVERRUN_WH = 110_000
"""More than any hold covers."""

REFUND_PERCENT = 3
DISPUTE_PER_MILLE = 5
STATIONS_SOLD = 2
CARD = "4242424242424242"
_proofs = itertools.count(1)


class _Stay(HTTPRedirectHandler):
    def redirect_request(self, *_args, **_named):
        return None


def browse(url: str, **form: str) -> None:
    """Fill in the provider's page."""
    try:
        build_opener(_Stay).open(Request(url, urlencode(form).encode()), timeout=30)
    except HTTPError as answer:
        answer.close()


class Month:
    """Runs the days."""

    def __init__(
        self, business: Business, clock: Clock, mishaps: Mishaps, inbox: Inbox, psp
    ) -> None:
        self.business, self.clock, self.psp = business, clock, psp
        self.mishaps, self.inbox = mishaps, inbox
        self.chance = mishaps.random
        self.workers = Workers(mishaps, clock)
        self.ledger = Ledger()
        self.late = LateFacts(self.chance, clock)
        self.judged: set[int] = set()
        self.stranger_tokens = [
            network.token(operator=shop.operator) for shop in business.shops
        ]

    def run(self, orders: int) -> Ledger:
        """So many orders over thirty days."""
        steps = max(2, -(-orders // PER_STEP))
        pause = MONTH / steps - CHARGING * -(-min(orders, PER_STEP) // GROUP)
        day = self.clock.now().date()
        for step in range(steps):
            self._charges(self._wanted(orders, steps - step))
            if step == steps // 2:
                self._sell_a_site()
            if step == steps - 1:
                self.mishaps.calm_down(self.psp)
                self.workers.calm_down()
            self.clock.skip(pause)
            if self.clock.now().date() != day:
                day = self.clock.now().date()
                self._night()
            self._progress(step + 1, steps)
        self._end()
        return self.ledger

    def _wanted(self, orders: int, steps_left: int) -> int:
        """Charges to begin now, so that there are so many orders in the end.

        Some are refused before there is an order; the last step makes up for its own.
        """
        missing = max(0, orders - len(self.ledger.told))
        return -(-missing // steps_left) + (missing // 20 if steps_left == 1 else 0)

    def _progress(self, done: int, steps: int) -> None:
        width = 30
        bar = "#" * (width * done // steps)
        orders = len(self.ledger.told)
        sys.stderr.write(f"\r[{bar:<{width}}] {done}/{steps} {orders} orders ")
        sys.stderr.flush()

    # -- a few hours ------------------------------------------------------------------

    def _charges(self, count: int) -> None:
        self._tell_late_facts()
        ended = []
        for first in range(0, count, GROUP):
            ended += self._group(min(GROUP, count - first))
        self._work()
        self._money_back(ended)
        self._sweep()
        self._work()
        self.late.billed(ended)

    def _group(self, count: int) -> list[Told]:
        """Charges from plug-in to unplug; their ends are still to be worked off."""
        places = [
            (shop, station, evse)
            for shop in self.business.shops
            for station in shop.stations
            for evse in (1, 2)
        ]
        chosen = self.chance.sample(places, count)
        begun = []
        for number, place in enumerate(chosen, 1):
            if (told := self._ask(*place)) is not None:
                begun.append(told)
            self.workers.pump(look=number % TOGETHER == 0)
        self._work()
        self._pay_as_guests(begun)
        started = []
        for number, told in enumerate(begun, 1):
            if self._start(told):
                started.append(told)
            self.workers.pump(look=number % TOGETHER == 0)
        self._work()
        self.workers.take(self.inbox.hand_on())
        self.clock.skip(CHARGING)
        for number, told in enumerate(started, 1):
            self._stop(told)
            self.workers.pump(look=number % TOGETHER == 0)
        self.late.give_up_waiting()
        network_tasks.time_out_starts()
        return started

    def _tell_late_facts(self) -> None:
        """Stops that come after the bill, and operators who read meters again."""
        self.late.tell()
        self.late.decide(disputed=self.ledger.disputes)
        self._work()

    def _ask(self, shop: Shop, station: network.Station, evse: int) -> Told | None:
        kinds, weights = zip(*KINDS, strict=True)
        kind = self.chance.choices(kinds, weights)[0]
        told = Told(shop, station, evse, kind, began_at=self.clock.now())
        station.status("preparing", self.clock.now(), evse=evse)
        try:
            told.order = self._order(told)
        except DomainError as error:
            # A card that is known to be empty, a cap: refused before energy flows.
            self.ledger.refused[error.code] += 1
            station.status("available", self.clock.now(), evse=evse)
            return None
        self.ledger.told.append(told)
        return told

    def _order(self, told: Told) -> str:
        if told.kind in {"token", "stranger"}:
            return ""
        at = self.clock.now()
        if told.kind == "guest":
            code = told.station.connector(told.evse).code
            begun = guests.start(code=code, locale="en", email=None, at=at)
            told.guest_token = begun.live_token
            return begun.order_number
        if told.kind == "driver_api":
            target = ordering.Target(charge_point=told.station.identity, evse=told.evse)
            person = self.chance.choice(self.business.people)
            return ordering.start_for_driver(
                driver_id=person.driver.pk, target=target, at=at
            ).number
        return self._claim(told, at)

    def _claim(self, told: Told, at: datetime) -> str:
        issued = told.station.certificate(told.evse, at)
        proof, driver_id = None, None
        if told.kind in {"vehicle", "unused"}:
            car = self.chance.choice(self.business.cars)
            proof = car.proof(
                issued.jti, told.station.identity, jti=f"audit-{next(_proofs)}"
            )
        else:
            crowd = self.business.poor if told.kind == "poor" else self.business.people
            driver_id = self.chance.choice(crowd).driver.pk
        claim = ordering.Claim(
            presented=issued.jws, proof=proof, driver_id=driver_id, idempotency_key=""
        )
        return ordering.claim_certificate(claim=claim, at=at).number

    def _pay_as_guests(self, begun: list[Told]) -> None:
        for told in begun:
            if not told.guest_token:
                continue
            seen = guests.by_live_token(told.guest_token, at=self.clock.now())
            if seen.action_url:
                browse(seen.action_url, card_number=CARD)
        self.workers.take(self.inbox.hand_on())
        settlement_tasks.look()
        self._work()

    def _start(self, told: Told) -> bool:
        if told.kind == "unused":
            return False
        token = told.order
        if told.kind == "token":
            token = self.chance.choice(list(self.business.tokens))
        elif told.kind == "stranger":
            token = self.stranger_tokens[self.business.shops.index(told.shop)]
        elif Order.objects.get(number=told.order).state != "STARTING":
            return False
        told.charge = told.station.start(token, self.clock.now(), evse=told.evse)
        return told.charge.status == "Accepted"

    def _stop(self, told: Told) -> None:
        minutes = self.chance.randrange(30, 45)
        energy_wh = self.chance.randrange(500, 40_000)
        if self.chance.randrange(100) < EMPTY_PERCENT:
            energy_wh = 0
        elif self.chance.randrange(100) < OVERRUN_PERCENT:
            energy_wh = self.chance.randrange(OVERRUN_WH, OVERRUN_WH + 5000)
            minutes = 48
        ends_at = told.charge.started_at + timedelta(minutes=minutes)
        if 0 < energy_wh < OVERRUN_WH and self.late.strikes():
            self.late.keep_back(told, energy_wh, ends_at)
        else:
            told.bill(energy_wh)
            told.charge.stop(energy_wh, ends_at, told_at=self.clock.now())
        told.station.status("available", ends_at, evse=told.evse)

    def _money_back(self, ended: list[Told]) -> None:
        for told in ended:
            told.order = told.charge.row.order_number or ""
            payment = Payment.objects.filter(
                order_number=told.order, captured_minor__gt=0, sequence=1
            ).first()
            if payment is None:
                continue
            if self.chance.randrange(100) < REFUND_PERCENT:
                self._refund(told, payment)
            elif self.late.waits_for(told):
                # A higher bill while the bank decides is a person's to decide about.
                continue
            elif self.chance.randrange(1000) < DISPUTE_PER_MILLE:
                self.psp.control("disputes", {"payment_intent": payment.provider_ref})
                self.ledger.disputes.append(payment.order_number)

    def _refund(self, told: Told, payment: Payment) -> None:
        part = self.chance.choice((None, max(1, payment.captured_minor // 3)))
        refund = refunds.request_refund(
            payment_id=payment.pk,
            amount_minor=part,
            reason="goodwill",
            refund_application_fee=self.chance.random() < 0.5,
            key="audit",
            by="audit",
            at=self.clock.now(),
        )
        told.account.refund(refund.amount_minor)
        self.ledger.refunds += 1

    # -- the sale ---------------------------------------------------------------------

    def _sell_a_site(self) -> None:
        """Two stations change hands; a charge from before the sale is told after it."""
        seller, buyer, _ = self.business.shops
        self._tell_late_facts()
        self.clock.skip(timedelta(minutes=10))
        self._sweep()
        self._work()
        for station in list(seller.stations[:-1]):
            if len(self.ledger.sold) == STATIONS_SOLD:
                break
            before = self.clock.now()
            self.clock.skip(timedelta(minutes=40))
            try:
                done = ownership.transfer(
                    identity=station.identity,
                    to_operator_code=buyer.code,
                    site="Bought",
                    by="audit",
                    at=self.clock.now(),
                )
            except ownership.UnableToTransfer:
                continue
            seller.stations.remove(station)
            bought = network.Station(
                done.charge_point_id, buyer.operator.pk, station.identity
            ).go_online()
            buyer.stations.append(bought)
            self.ledger.sold.append(station.identity)
            self._told_late(seller, bought, before)

    def _told_late(self, seller: Shop, station: network.Station, at: datetime) -> None:
        token = self.chance.choice(list(self.business.tokens))
        told = Told(seller, station, 1, "offline", began_at=at)
        told.charge = station.start(token, at, told_at=self.clock.now())
        told.bill(12_345)
        ends_at = at + timedelta(minutes=30)
        told.charge.stop(told.energy_wh, ends_at, told_at=self.clock.now())
        self._work()
        told.order = told.charge.row.order_number or ""
        self.ledger.told.append(told)

    # -- what the schedule does -------------------------------------------------------

    def _work(self) -> None:
        """All that can be done, and what the provider answers at a later try."""
        for _ in range(TRIES):
            self.workers.take(self.inbox.hand_on())
            if self.workers.settle():
                return
            self.clock.skip(RETRY)

    def _sweep(self) -> None:
        network_tasks.expire_certificates()
        billing_tasks.sweep_finished()
        billing_tasks.sweep_unpaid()
        billing_tasks.sweep_rated()
        settlement_tasks.sweep()
        settlement_tasks.look()
        settlement_tasks.collect_receivables()

    def _night(self) -> None:
        open_here = Dispute.objects.filter(closed_at__isnull=True)
        for row in open_here.exclude(provider_ref="").exclude(pk__in=self.judged):
            # Once: of what the bank said we may not have heard by the next night.
            self.judged.add(row.pk)
            outcome = self.chance.choice(("won", "lost"))
            self.psp.control(f"disputes/{row.provider_ref}", {"outcome": outcome})
        settlement_tasks.poll_events()
        self._work()
        self._sweep()
        self._work()
        for shop in self.business.shops:
            # A night without an answer is made good by the next one.
            with suppress(ProviderError):
                settlement_tasks.reconcile_account(shop.account.pk)
        self.psp.control(
            "payouts", {"account": self.business.shops[0].account.reference}
        )
        settlement_tasks.seal()
        outbox_tasks.clean()

    def _end(self) -> None:
        """Nothing is wrong any more: what waits comes to its end."""
        self._tell_late_facts()
        self.ledger.late = self.late.counts
        for _ in range(4):
            self.clock.skip(timedelta(days=2))
            network_tasks.close_silent_charges()
            self._night()
        self.workers.close()
        sys.stderr.write("\n")
