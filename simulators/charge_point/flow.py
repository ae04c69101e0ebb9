"""How one connector goes through a charge, in either OCPP version."""

import asyncio
import uuid
from datetime import datetime, timedelta

from simulators.charge_point.battery import MILLIJOULES_PER_WH, Battery
from simulators.charge_point.certificate import request_certificate
from simulators.charge_point.facts import (
    Authorization,
    CertificateOffer,
    PluggedVehicle,
    Reading,
    StatusFact,
    Step,
    TokenAnswer,
    Transaction,
    TransactionFact,
)
from simulators.charge_point.outlet import Cable, Outlet
from simulators.charge_point.parts import Parts
from simulators.charge_point.queue import Delivered
from simulators.errors import SimulatorError


class ChargeFlow:
    """Plug, authorise, start, measure, stop and unplug at one connector."""

    def __init__(self, parts: Parts, outlet: Outlet) -> None:
        """Take a connector of a station."""
        self._parts = parts
        self.outlet = outlet
        self.reached = asyncio.Event()

    # -- cable -----------------------------------------------------------------

    async def plug_in(
        self, vehicle: PluggedVehicle | None, battery: Battery | None
    ) -> None:
        """Put the cable in; asks for a certificate unless the station is stock."""
        if self.outlet.cable is not None:
            msg = f"connector {self.outlet.number} has a cable already"
            raise SimulatorError(msg)
        own = vehicle.battery if vehicle is not None else Battery()
        self.outlet.cable = Cable(battery or own, vehicle, self._now())
        self.outlet.finishing = False
        self._note("plugged_in")
        told = self.report_status()
        early = self._parts.options.tx_start_point == "EVConnected"
        if (self._parts.is_201 and early) or self.outlet.ready is not None:
            self._begin("CablePluggedIn")
        if not self._parts.options.stock:
            self._parts.errands.spawn(self._ask_after(told))

    def unplug(self) -> None:
        """Pull the cable; a running transaction ends with it."""
        if self.outlet.cable is None:
            msg = f"connector {self.outlet.number} has no cable"
            raise SimulatorError(msg)
        transaction = self.outlet.transaction
        if transaction is not None:
            reason = transaction.stopped_for or "EVDisconnected"
            self._end(transaction, reason, "EVCommunicationLost")
        self.outlet.cable = None
        self.outlet.finishing = False
        self._note("unplugged")
        self.report_status()

    # -- certificate -----------------------------------------------------------

    async def _ask_after(self, told: Delivered | None) -> None:
        # The plugged-in report comes first: the certificate belongs to it.
        if told is not None:
            await told
        await self.request_certificate()

    async def request_certificate(self) -> CertificateOffer | None:
        """Ask for a charging certificate and hand it to the vehicle.

        Returns None where the server did not give one (the journal says why).
        """
        return await request_certificate(self._parts, self.outlet)

    # -- start -----------------------------------------------------------------

    def authorise(self, authorization: Authorization) -> None:
        """Take an accepted token or a remote start; charge if the cable is in."""
        outlet = self.outlet
        outlet.ready = authorization
        outlet.finishing = False
        outlet.reservation, outlet.reserved_for = None, ""
        transaction = outlet.transaction
        if transaction is not None and transaction.authorization is None:
            transaction.authorization = authorization
            done = self._emit(transaction, Step.UPDATED, authorization.trigger)
            self._started(transaction, done)
        elif outlet.cable is not None:
            self._begin(authorization.trigger)
        else:
            self.report_status()
            self._parts.errands.spawn(self._wait_for_cable(authorization))

    async def _wait_for_cable(self, authorization: Authorization) -> None:
        await asyncio.sleep(self._parts.settings.connection_timeout_s)
        if self.outlet.ready is authorization and self.outlet.cable is None:
            self.outlet.ready = None
            self._note("connection_timed_out")
            self.report_status()

    def _begin(self, trigger: str) -> None:
        outlet, now = self.outlet, self._now()
        transaction = Transaction(
            reference=str(uuid.uuid4()),
            started_at=now,
            started_wh=outlet.register_wh,
            authorization=outlet.ready,
        )
        outlet.transaction = transaction
        reading = outlet.read(now, "Transaction.Begin")
        done = self._emit(transaction, Step.STARTED, trigger, reading)
        if outlet.ready is not None:
            self._started(transaction, done)

    def _started(self, transaction: Transaction, done: Delivered) -> None:
        authorization = transaction.authorization
        assert authorization is not None
        self._note(
            "transaction_started",
            reference=transaction.reference,
            token=authorization.token.value,
            trigger=authorization.trigger,
        )
        self._parts.errands.spawn(self._energise(transaction, done))
        self._parts.errands.spawn(self._obey(transaction, done))

    async def _obey(self, transaction: Transaction, done: Delivered) -> None:
        verdict: TokenAnswer | None = await done
        if verdict is None or verdict.accepted:
            return
        self._note("token_refused", status=verdict.status)
        if self._parts.settings.stop_on_invalid and not transaction.ended:
            self.stop("DeAuthorized", "Deauthorized")

    async def _energise(self, transaction: Transaction, done: Delivered) -> None:
        """Close the relay once the server accepted the start, or the line is down."""
        parts = self._parts
        while parts.link.is_up and not parts.options.energises_at_once:
            finished, _ = await asyncio.wait({done}, timeout=parts.options.tick_s)
            if finished:
                break
        verdict = done.result() if done.done() else None
        refused = verdict is not None and not verdict.accepted
        if transaction.ended or (refused and parts.settings.stop_on_invalid):
            return
        transaction.energised = True
        transaction.charging_state = "Charging"
        self.outlet.start_measuring(self._now())
        self._note("energy_flows", reference=transaction.reference)
        self._emit(transaction, Step.UPDATED, "ChargingStateChanged")
        self.report_status()
        parts.errands.spawn(self._measure_on(transaction))

    # -- measure ---------------------------------------------------------------

    async def _measure_on(self, transaction: Transaction) -> None:
        parts = self._parts
        next_at = self._now() + self._interval()
        fast = False
        try:
            while transaction.energised:
                if fast != transaction.hungry:
                    fast = transaction.hungry
                    (parts.clock.run_fast if fast else parts.clock.run_normally)()
                await asyncio.sleep(parts.options.tick_s)
                next_at = self._look(transaction, next_at)
        finally:
            if fast:
                parts.clock.run_normally()

    def _look(self, transaction: Transaction, next_at: datetime) -> datetime:
        """Measure, report if it is time, and return when the next sample is due."""
        if not transaction.energised:
            return next_at
        self._measure(transaction)
        if self._now() < next_at:
            return next_at
        self.sample("MeterValuePeriodic", "Sample.Periodic")
        return self._now() + self._interval()

    def _interval(self) -> timedelta:
        return timedelta(seconds=max(1, self._parts.settings.meter_interval_s))

    def sample(self, trigger: str, context: str) -> None:
        """Report the meter now, inside the running transaction."""
        transaction = self.outlet.transaction
        if transaction is not None:
            reading = self.outlet.read(self._now(), context)
            self._emit(transaction, Step.UPDATED, trigger, reading)

    def _measure(self, transaction: Transaction) -> None:
        before = transaction.charging_state
        self.outlet.measure(self._now())
        if transaction.charging_state != before:
            self._emit(transaction, Step.UPDATED, "ChargingStateChanged")
            self.report_status()
        if transaction.charging_state == "SuspendedEV":
            transaction.wanted_millijoules = transaction.taken_millijoules
        if not transaction.hungry:
            self.reached.set()

    async def charge(self, *, energy_wh: int | None, seconds: int | None) -> Reading:
        """Take energy until the transaction's total is `energy_wh`, or for a time.

        Neither given: until the battery is full. `seconds` are station time.
        """
        transaction = self.outlet.transaction
        if transaction is None or self.outlet.cable is None:
            msg = f"connector {self.outlet.number} has no transaction to charge in"
            raise SimulatorError(msg)
        room = self.outlet.cable.battery.room_millijoules
        wanted = transaction.taken_millijoules + room
        if energy_wh is not None:
            wanted = energy_wh * MILLIJOULES_PER_WH
        until = None if seconds is None else self._now() + timedelta(seconds=seconds)
        self.reached.clear()
        transaction.paused = False
        transaction.wanted_millijoules = wanted
        await self._until_reached(transaction, until)
        return self.outlet.read(self._now(), "Sample.Periodic")

    async def _until_reached(
        self, transaction: Transaction, until: datetime | None
    ) -> None:
        while not self.reached.is_set() or until is not None:
            if transaction.ended:
                msg = (
                    f"the transaction on connector {self.outlet.number} ended"
                    f" ({transaction.stopped_for}) before its charge was done"
                )
                raise SimulatorError(msg)
            if until is not None and self._now() >= until:
                transaction.wanted_millijoules = transaction.taken_millijoules
                return
            await asyncio.sleep(self._parts.options.tick_s / 2)

    async def idle(self, seconds: int) -> None:
        """Let station time pass in which the vehicle takes nothing (SuspendedEV)."""
        transaction, clock = self.outlet.transaction, self._parts.clock
        if transaction is not None:
            transaction.wanted_millijoules = transaction.taken_millijoules
            transaction.paused = True
        until = self._now() + timedelta(seconds=seconds)
        clock.run_fast()
        try:
            while self._now() < until:  # noqa: ASYNC110 - station time has no event
                await asyncio.sleep(self._parts.options.tick_s / 2)
        finally:
            clock.run_normally()

    # -- stop ------------------------------------------------------------------

    def stop(self, reason: str, trigger: str) -> None:
        """End the transaction, or its energy where the end waits for the unplug."""
        transaction = self.outlet.transaction
        if transaction is None or transaction.stopped_for:
            msg = f"connector {self.outlet.number} has no transaction to stop"
            raise SimulatorError(msg)
        late_end = self._parts.options.tx_stop_point == "EVConnected"
        if not (self._parts.is_201 and late_end and self.outlet.cable is not None):
            self._end(transaction, reason, trigger)
            return
        self._cut_energy(transaction, reason)
        transaction.charging_state = "EVConnected"
        self.outlet.finishing = True
        reading = self.outlet.read(self._now(), "Sample.Periodic")
        self._emit(transaction, Step.UPDATED, trigger, reading)

    def stop_at_once(self, reason: str, trigger: str) -> None:
        """End the transaction wherever it is, cable in or not."""
        transaction = self.outlet.transaction
        if transaction is not None:
            self._end(transaction, transaction.stopped_for or reason, trigger)

    def _cut_energy(self, transaction: Transaction, reason: str) -> None:
        if transaction.energised:
            self.outlet.measure(self._now())
        transaction.energised = False
        self.outlet.stop_measuring()
        if not transaction.stopped_for:
            transaction.stopped_for = reason
            reference = transaction.reference
            self._note("energy_stopped", reference=reference, reason=reason)

    def _end(self, transaction: Transaction, reason: str, trigger: str) -> None:
        outlet = self.outlet
        self._cut_energy(transaction, reason)
        reading = outlet.read(self._now(), "Transaction.End")
        unplugged = trigger == "EVCommunicationLost"
        transaction.charging_state = "Idle" if unplugged else "EVConnected"
        self._emit(transaction, Step.ENDED, trigger, reading)
        transaction.ended = True
        outlet.transaction, outlet.ready = None, None
        outlet.finishing = outlet.cable is not None
        outlet.profiles.clear(purpose="TxProfile")
        self._note(
            "transaction_ended",
            reference=transaction.reference,
            reason=reason,
            energy_wh=outlet.register_wh - transaction.started_wh,
        )
        if outlet.unavailable_later:
            outlet.unavailable_later, outlet.available = False, False
        self.report_status()

    # -- report ----------------------------------------------------------------

    def report_status(self, *, again: bool = False) -> Delivered | None:
        """Queue a StatusNotification if the version's word changed."""
        outlet = self.outlet
        word = self._parts.dialect.status_word(outlet.status, outlet)
        if word == outlet.status_word and not again:
            return None
        outlet.status_word = word
        return self._parts.queue.push(
            StatusFact(
                evse=outlet.evse,
                connector=outlet.connector,
                number=outlet.number,
                word=word,
                fault=outlet.fault,
                at=self._now(),
            )
        )

    def _emit(
        self,
        transaction: Transaction,
        step: Step,
        trigger: str,
        reading: Reading | None = None,
    ) -> Delivered:
        fact = TransactionFact(
            transaction=transaction,
            step=step,
            trigger=trigger,
            seq_no=transaction.seq_no,
            at=reading.at if reading else self._now(),
            evse=self.outlet.evse,
            connector=self.outlet.connector,
            number=self.outlet.number,
            charging_state=transaction.charging_state,
            reading=reading,
            authorization=transaction.authorization,
            reason=transaction.stopped_for if step is Step.ENDED else "",
            offline=not self._parts.link.is_up,
        )
        transaction.seq_no += 1
        return self._parts.queue.push(fact)

    def _now(self) -> datetime:
        return self._parts.clock.now()

    def _note(self, name: str, **data: object) -> None:
        self._parts.journal.add(name, connector=self.outlet.number, **data)
