"""A charge point that tests, the demo and the command line drive in Python."""

import asyncio

from simulators.charge_point.base import StationBase
from simulators.charge_point.battery import MILLIJOULES_PER_WH, Battery
from simulators.charge_point.facts import (
    Authorization,
    CertificateOffer,
    PluggedVehicle,
    Reading,
    Token,
    TokenAnswer,
    Transaction,
)
from simulators.charge_point.flow import ChargeFlow
from simulators.charge_point.wire import LineDown
from simulators.errors import SimulatorError


class SimulatedStation(StationBase):
    """One station with the vehicles and tokens that people bring to it.

    Connectors are numbered 1, 2, … through the station. Every awaited method
    has a time limit (`timeout_s`, else the options') and raises `WaitedTooLong`
    beyond it. Use as ``async with SimulatedStation(…) as station``, or call
    `close` at the end.

    Args:
        url: endpoint without the identity, for example ``ws://host:9000/ocpp``.
        identity: charge point identity.
        version: ``1.6`` or ``2.0.1``.
        password: basic auth; empty for none.
        options: how it is built.
        listener: called with every event of its journal.
    """

    # -- charging --------------------------------------------------------------

    async def plug_in(
        self,
        number: int = 1,
        vehicle: PluggedVehicle | None = None,
        *,
        battery: Battery | None = None,
    ) -> None:
        """Put a vehicle's cable into a connector."""
        outlet = self.flow(number).outlet
        for other in self.outlets.values():
            shares = other.evse == outlet.evse and other is not outlet
            if shares and self.dialect.version == "2.0.1" and other.cable:
                msg = f"EVSE {outlet.evse} is in use by connector {other.number}"
                raise SimulatorError(msg)
        await self.flow(number).plug_in(vehicle, battery)

    async def unplug(self, number: int = 1) -> None:
        """Pull the cable."""
        self.flow(number).unplug()

    async def present_token(
        self, token: str | Token, number: int = 1, timeout_s: float | None = None
    ) -> TokenAnswer:
        """Hold a token to the reader: starts a charge, or stops the one it began.

        Returns the server's verdict; while offline, that of the cache.
        """
        token = token if isinstance(token, Token) else Token(token)
        flow = self.flow(number)
        transaction = flow.outlet.transaction
        if transaction is not None and transaction.authorised:
            return await self._present_to_stop(token, transaction, flow, timeout_s)
        answer = await self.authorize(token, timeout_s)
        if answer.accepted:
            flow.authorise(
                Authorization(token=token, trigger="Authorized", group=answer.group)
            )
        return answer

    async def _present_to_stop(
        self,
        token: Token,
        transaction: Transaction,
        flow: ChargeFlow,
        timeout_s: float | None,
    ) -> TokenAnswer:
        held = transaction.authorization
        assert held is not None
        answer = TokenAnswer("Accepted", held.group)
        if token.value != held.token.value:
            answer = await self.authorize(token, timeout_s)
        same_group = bool(held.group) and answer.group == held.group
        if token.value == held.token.value or same_group:
            flow.stop("Local", "StopAuthorized")
            return answer
        self.journal.add("stop_refused", token=token.value)
        return answer

    async def authorize(
        self, token: str | Token, timeout_s: float | None = None
    ) -> TokenAnswer:
        """Ask the server about a token; offline, ask the cache."""
        token = token if isinstance(token, Token) else Token(token)
        try:
            answer = await self.within(
                timeout_s, "an answer to Authorize", self.dialect.authorize(token)
            )
            self.token_cache[token.value] = answer
        except LineDown:
            unknown = "Accepted" if self.settings.offline_unknown_allowed else "Unknown"
            listed = self.remote.local_list.get(token.value)
            cached = self.token_cache.get(token.value, TokenAnswer(unknown))
            answer = TokenAnswer(listed) if listed else cached
        self.journal.add("authorized", token=token.value, status=answer.status)
        return answer

    async def start_local_transaction(
        self, token: str | Token, number: int = 1, timeout_s: float | None = None
    ) -> Transaction:
        """Present a token and wait until energy flows.

        Raises:
            SimulatorError: the token was refused, or no cable is plugged in.
        """
        if self.flow(number).outlet.cable is None:
            msg = f"connector {number} has no cable; plug in first"
            raise SimulatorError(msg)
        answer = await self.present_token(token, number, timeout_s)
        if not answer.accepted:
            msg = f"{self.identity}: the server answered {answer.status} to the token"
            raise SimulatorError(msg)
        return await self.wait_for_energy(number, timeout_s)

    async def wait_for_remote_start(
        self, number: int = 1, timeout_s: float | None = None
    ) -> Transaction:
        """Wait until a start from the server has energy flowing."""
        return await self.wait_for_energy(number, timeout_s)

    async def wait_for_energy(
        self, number: int = 1, timeout_s: float | None = None
    ) -> Transaction:
        """Wait until energy flows at a connector and return its transaction."""
        outlet = self.flow(number).outlet
        seen = self.journal.last_number

        async def flowing() -> Transaction:
            while not ((running := outlet.transaction) and running.energised):
                for event in self.journal.all("token_refused"):
                    if event.number > seen and event.data["connector"] == number:
                        status = event.data["status"]
                        msg = f"{self.identity}: the server answered {status}"
                        msg += " to the start"
                        raise SimulatorError(msg)
                await asyncio.sleep(self.options.tick_s / 2)
            return running

        return await self.within(timeout_s, "energy to flow", flowing())

    async def wait_for_end(
        self, number: int = 1, timeout_s: float | None = None
    ) -> None:
        """Wait until no energy flows any more, whoever stopped it."""
        running = self.flow(number).outlet.transaction
        if running is not None:
            await self.wait_for(
                "energy_stopped",
                timeout_s=timeout_s,
                where=lambda event: event.data["reference"] == running.reference,
            )

    async def charge(
        self,
        number: int = 1,
        *,
        energy_wh: int | None = None,
        seconds: int | None = None,
        timeout_s: float | None = None,
    ) -> Reading:
        """Take energy: up to a total of `energy_wh`, for station `seconds`, or to full.

        The total is exact; the vehicle then holds (no power, still connected).
        """
        work = self.flow(number).charge(energy_wh=energy_wh, seconds=seconds)
        return await self.within(timeout_s, "the charge to be done", work)

    async def idle(
        self, number: int = 1, *, seconds: int, timeout_s: float | None = None
    ) -> None:
        """Stay connected without taking energy for station `seconds`."""
        work = self.flow(number).idle(seconds)
        await self.within(timeout_s, "the idle time to pass", work)

    async def stop_local(self, number: int = 1, reason: str = "Local") -> None:
        """Stop at the station (button or the same token)."""
        self.flow(number).stop(reason, "StopAuthorized")

    def fault(self, number: int = 1, code: str = "GroundFailure") -> None:
        """Let a connector fail (empty code: recover); a charge ends with it."""
        flow = self.flow(number)
        flow.outlet.fault = code
        if code and flow.outlet.transaction is not None:
            flow.stop_at_once("GroundFault", "AbnormalCondition")
        flow.report_status()

    def reset_register(self, number: int = 1, register_wh: int = 0) -> None:
        """Let the meter lose its register, as some do at power loss."""
        outlet = self.flow(number).outlet
        outlet.register_millijoules = register_wh * MILLIJOULES_PER_WH
        self.journal.add("register_reset", connector=number, register_wh=register_wh)

    async def request_certificate(
        self, number: int = 1, timeout_s: float | None = None
    ) -> CertificateOffer | None:
        """Ask for a charging certificate now."""
        work = self.flow(number).request_certificate()
        return await self.within(timeout_s, "a certificate", work)
