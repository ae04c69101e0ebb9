"""What the server may ask of a station, decided without OCPP words.

Answers are the words that both versions share (`Accepted`, `Rejected`, …). What
follows an answer runs after that answer has left, as real stations do it.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from simulators.charge_point.facts import Authorization, Token
from simulators.charge_point.flow import ChargeFlow
from simulators.charge_point.outlet import Outlet
from simulators.charge_point.parts import Parts
from simulators.charge_point.profiles import Profile, ProfileStore
from simulators.shapes import JsonValue

if TYPE_CHECKING:
    from simulators.charge_point.base import StationBase

ACCEPTED = "Accepted"
REJECTED = "Rejected"
SCHEDULED = "Scheduled"


class RemoteControl:
    """The server's hands on one station."""

    def __init__(self, station: "StationBase", parts: Parts) -> None:
        """Serve a station."""
        self._station = station
        self._parts = parts
        self._after_answer: list[Callable[[], object]] = []
        self.local_list: dict[str, str] = {}
        self.local_list_version = 0
        self.display: dict[int, dict[str, Any]] = {}

    def answered(self) -> None:
        """Run what was to follow the answer that just left."""
        jobs, self._after_answer = self._after_answer, []
        for job in jobs:
            job()

    def later(self, job: Callable[[], object]) -> None:
        """Do something right after the present answer has left."""
        self._after_answer.append(job)

    # -- charging --------------------------------------------------------------

    def start(
        self,
        token: Token,
        *,
        number: int | None,
        remote_start_id: int | None = None,
        profile: Mapping[str, Any] | None = None,
    ) -> str:
        """Start at a connector, or at the first one that can."""
        flow = self._startable(number, token)
        if flow is None:
            return REJECTED
        if profile is not None and self.set_profile(flow.outlet, profile) != ACCEPTED:
            return REJECTED
        authorization = Authorization(
            token=token, trigger="RemoteStart", remote_start_id=remote_start_id
        )
        self._parts.journal.add(
            "remote_start", connector=flow.outlet.number, token=token.value
        )
        self.later(lambda: self._authorise(flow, authorization))
        return ACCEPTED

    def _authorise(self, flow: ChargeFlow, authorization: Authorization) -> None:
        if self._parts.settings.authorize_remote:
            self._parts.errands.spawn(self._ask_first(flow, authorization))
        else:
            flow.authorise(authorization)

    async def _ask_first(self, flow: ChargeFlow, authorization: Authorization) -> None:
        answer = await self._station.dialect.authorize(authorization.token)
        self._parts.journal.add(
            "authorized", token=authorization.token.value, status=answer.status
        )
        if answer.accepted:
            flow.authorise(authorization)

    def _startable(self, number: int | None, token: Token) -> ChargeFlow | None:
        flows = self._station.flows
        if number is not None:
            flow = flows.get(number)
            return flow if flow and _can_start(flow.outlet, token) else None
        able = [flow for flow in flows.values() if _can_start(flow.outlet, token)]
        able.sort(key=lambda flow: flow.outlet.cable is None)
        return able[0] if able else None

    def stop(self, number: int | None) -> str:
        """Stop the transaction of a connector (None: there is no such one)."""
        flow = self._station.flows.get(number or 0)
        if flow is None or flow.outlet.transaction is None:
            return REJECTED
        if flow.outlet.transaction.stopped_for:
            return REJECTED
        self._parts.journal.add("remote_stop", connector=number)
        self.later(lambda: flow.stop("Remote", "RemoteStop"))
        return ACCEPTED

    def number_of(self, *, reference: str = "", server_id: int | None = None) -> int:
        """Return the connector of a running transaction; 0 if there is none."""
        for number, outlet in self._station.outlets.items():
            running = outlet.transaction
            if running is None:
                continue
            if running.reference == reference or (
                server_id is not None and running.server_id == server_id
            ):
                return number
        return 0

    def set_profile(self, outlet: Outlet | None, profile: Mapping[str, Any]) -> str:
        """Keep a charging profile for a connector (None: for all)."""
        try:
            parsed = Profile.parse(profile)
        except ValueError as error:
            self._parts.journal.add("profile_refused", reason=str(error))
            return REJECTED
        kept = [each.profiles.put(parsed) for each in self._outlets(outlet)]
        self._parts.journal.add("profile_set", id=parsed.id, purpose=parsed.purpose)
        return ACCEPTED if False not in kept else REJECTED

    def clear_profiles(
        self,
        outlet: Outlet | None,
        *,
        profile_id: int | None,
        purpose: str | None,
        stack_level: int | None,
    ) -> str:
        """Remove the profiles that match."""
        stores: list[ProfileStore] = [each.profiles for each in self._outlets(outlet)]
        gone = sum(
            store.clear(profile_id=profile_id, purpose=purpose, stack_level=stack_level)
            for store in stores
        )
        return ACCEPTED if gone else "Unknown"

    def _outlets(self, outlet: Outlet | None) -> list[Outlet]:
        return [outlet] if outlet else list(self._station.outlets.values())

    # -- hardware --------------------------------------------------------------

    def unlock(self, number: int) -> str:
        """Release the cable; in 1.6 a running charge ends with it."""
        flow = self._station.flows[number]
        running = flow.outlet.transaction
        if running is not None and running.authorised:
            if self._parts.is_201:
                return "OngoingAuthorizedTransaction"
            self.later(lambda: flow.stop("UnlockCommand", "UnlockCommand"))
        self._parts.journal.add("unlocked", connector=number)
        return "Unlocked"

    def change_availability(self, outlet: Outlet | None, *, operative: bool) -> str:
        """Put connectors in or out of service, at once or after the charge."""
        chosen = self._outlets(outlet)
        busy = [each for each in chosen if each.transaction and not operative]
        for each in chosen:
            if each in busy:
                each.unavailable_later = True
            else:
                each.available, each.unavailable_later = operative, False
        self._report_later(*(self._station.flows[each.number] for each in chosen))
        return SCHEDULED if busy else ACCEPTED

    def reset(self, *, when_idle: bool, stop_reason: str) -> str:
        """Reboot, at once or when nothing runs any more."""
        busy = any(each.transaction for each in self._station.outlets.values())
        self._parts.journal.add("reset_asked", when_idle=when_idle)
        if when_idle and busy:
            self.later(lambda: self._station.spawn(self._reset_when_idle(stop_reason)))
            return SCHEDULED
        self.later(
            lambda: self._station.spawn(
                self._station.reboot("RemoteReset", stop_reason)
            )
        )
        return ACCEPTED

    async def _reset_when_idle(self, stop_reason: str) -> None:
        for outlet in self._station.outlets.values():
            if outlet.transaction is not None:
                limit_s = self._station.options.idle_reset_max_s
                await self._station.wait_for(
                    "transaction_ended",
                    after=self._station.journal.last_number,
                    timeout_s=limit_s,
                )
        await self._station.reboot("ScheduledReset", stop_reason)

    def reserve(self, number: int, *, reservation: int, token: str) -> str:
        """Keep a free connector for a token."""
        outlet = self._station.outlets.get(number)
        if outlet is None:
            return REJECTED
        if outlet.fault:
            return "Faulted"
        if not outlet.available:
            return "Unavailable"
        if outlet.cable or outlet.ready or outlet.reservation is not None:
            return "Occupied"
        outlet.reservation, outlet.reserved_for = reservation, token
        self._report_later(self._station.flows[number])
        return ACCEPTED

    def cancel_reservation(self, reservation: int) -> str:
        """Free the connector of a reservation."""
        for number, outlet in self._station.outlets.items():
            if outlet.reservation == reservation:
                outlet.reservation, outlet.reserved_for = None, ""
                self._report_later(self._station.flows[number])
                return ACCEPTED
        return REJECTED

    def _report_later(self, *flows: ChargeFlow) -> None:
        def report() -> None:
            for flow in flows:
                flow.report_status()

        self.later(report)

    # -- memory ----------------------------------------------------------------

    def clear_cache(self) -> str:
        """Forget the verdicts on tokens."""
        self._station.token_cache.clear()
        return ACCEPTED

    def update_list(
        self, entries: Mapping[str, str], *, version: int, full: bool
    ) -> str:
        """Take a local authorization list; an empty status removes a token."""
        if not full and version <= self.local_list_version:
            return "VersionMismatch"
        if full:
            self.local_list.clear()
        for token, status in entries.items():
            if status:
                self.local_list[token] = status
            else:
                self.local_list.pop(token, None)
        self.local_list_version = version
        return ACCEPTED

    def data_transfer(self, vendor: str, message: str, data: JsonValue) -> str:
        """Take a DataTransfer from the server."""
        self._parts.journal.add(
            "data_transfer", vendor=vendor, message=message, data=data
        )
        known = not self._station.options.stock and vendor == "org.cpms.autocharge"
        if not known:
            return "UnknownVendorId"
        if message != "ChargingCertificateRevoked":
            return "UnknownMessageId"
        self._parts.journal.add("certificate_revoked", data=data)
        return ACCEPTED

    def new_password(self, password: str) -> str:
        """Take new credentials and connect with them."""
        self._station.password = password
        self.later(lambda: self._station.spawn(self._station.renew_line()))
        return ACCEPTED

    # -- triggers --------------------------------------------------------------

    def trigger(self, message: str, outlet: Outlet | None) -> str:
        """Send a message because the server wants it."""
        jobs: dict[str, Callable[[Outlet], None]] = {
            "StatusNotification": self._tell_status,
            "MeterValues": self._tell_meter,
        }
        if self._parts.is_201:
            jobs["TransactionEvent"] = self._tell_transaction
        if message in {"BootNotification", "Heartbeat"}:
            self.later(lambda: self._tell_station(message))
            return ACCEPTED
        job = jobs.get(message)
        if job is None:
            return "NotImplemented"
        for each in self._outlets(outlet):
            self.later(partial(job, each))
        return ACCEPTED

    def _tell_station(self, message: str) -> None:
        station = self._station
        if message == "Heartbeat":
            station.spawn(station.dialect.heartbeat())
        else:
            station.spawn(station.boot("Triggered"))

    def _tell_status(self, outlet: Outlet) -> None:
        self._station.flows[outlet.number].report_status(again=True)

    def _tell_meter(self, outlet: Outlet) -> None:
        self._station.spawn(self._station.dialect.report_meter(outlet))

    def _tell_transaction(self, outlet: Outlet) -> None:
        self._station.flows[outlet.number].sample("Trigger", "Trigger")


def _can_start(outlet: Outlet, token: Token) -> bool:
    running = outlet.transaction
    return (
        outlet.available
        and not outlet.fault
        and outlet.ready is None
        and (running is None or running.authorization is None)
        and outlet.reserved_for in {"", token.value}
    )
