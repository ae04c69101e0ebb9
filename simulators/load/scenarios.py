"""What one connection says, as generators: a frame out, the answer's bytes in.

Each scenario has three parts: `prepare` before the clock runs, `work` for ever
while it runs, `finish` after it.
"""

import json
import uuid
from collections.abc import Callable, Generator
from typing import Any, Final

from simulators.load.frames import Template, client_frame
from simulators.load.messages import (
    BOOT_16,
    BOOT_201,
    REGISTER_WH,
    MillisecondClock,
    call_text,
    meter_value_201,
    meter_values_16,
    transaction_event,
)
from simulators.load.plan import Plan

Talk = Generator[bytes, bytes, None]

ID_MARK: Final = "@@@@@@@@@"
TIME_MARK: Final = "####-##-##T##:##:##.###Z"
SAMPLE_TIME_MARK: Final = "####-##-##T##:##:##.##$Z"
ENERGY_MARK: Final = 99_999_998
SEQ_MARK: Final = 999_999_997

# One Wh per 1,000 messages of one millisecond each is 3.6 kW: plausible.
MESSAGES_PER_WH: Final = 1_000

# A `charge` takes 300 Wh in 60 s of station time: 18 kW.
CHARGE_S: Final = 60
CHARGE_WH: Final = 300


ANSWER_SHOWN_MAX: Final = 300


class UnexpectedAnswer(Exception):
    """The server did not say what the scenario needs to go on."""

    def __init__(self, identity: str, reason: str) -> None:
        """Keep the reason apart: it is counted over all stations."""
        super().__init__(f"{identity}: {reason}")
        self.reason = reason


class Scenario:
    """One station's talk, either version."""

    def __init__(self, plan: Plan, identity: str) -> None:
        """Speak as a station."""
        self.plan = plan
        self.identity = identity
        self.units = 0
        self._clock = MillisecondClock(plan.behind_s)
        self._count = 0
        self._register_wh = REGISTER_WH
        self._transaction_id: int | None = None
        self._reference = ""
        self._seq_no = 0
        self._open = False
        self._sixteen = plan.version == "1.6"

    # -- parts -----------------------------------------------------------------

    def prepare(self) -> Talk:
        """Boot and, for the meter messages, open a transaction."""
        if self.plan.boot and self.plan.message != "charge":
            yield from self._boot()
        if self.plan.start and self._meters:
            yield from self._start()

    def work(self) -> Talk:
        """Say the plan's message for ever."""
        if self.plan.message == "charge":
            while True:
                yield from self._charge()
                self.units += 1
        template = self._template()
        frame = template.frame
        id_slot = template.slot("id")
        writers = self._writers(template)
        while True:
            self._count += 1
            frame[id_slot] = b"%09d" % self._count
            for write in writers:
                write()
            yield bytes(frame)
            self.units += 1

    def _writers(self, template: Template) -> list[Callable[[], None]]:
        """Return what changes from message to message, beside the message id."""
        frame, clock = template.frame, self._clock
        if not self._timed:
            return []
        time_slot = template.slot("at")

        def write_time() -> None:
            frame[time_slot] = clock.tick()

        if not self._meters:
            return [write_time]
        energy_slot = template.slot("energy")

        def write_energy() -> None:
            if self._count % MESSAGES_PER_WH == 0:
                self._register_wh += 1
                frame[energy_slot] = b"%8d" % self._register_wh

        frame[energy_slot] = b"%8d" % self._register_wh
        if not self._sequenced:
            return [write_time, write_energy]
        seq_slot, sampled_slot = template.slot("seq"), template.slot("sampled_at")

        def write_sequence() -> None:
            frame[sampled_slot] = frame[time_slot]
            frame[seq_slot] = b"%9d" % self._seq_no
            self._seq_no += 1

        return [write_time, write_energy, write_sequence]

    def finish(self) -> Talk:
        """End the transaction that is open, whichever part opened it."""
        if self.plan.finish and self._open:
            yield from self._stop()

    # -- inside ----------------------------------------------------------------

    @property
    def _meters(self) -> bool:
        return self.plan.message in {"meter-values", "transaction-event"}

    @property
    def _timed(self) -> bool:
        return self._meters or self.plan.message == "status"

    @property
    def _sequenced(self) -> bool:
        return self._meters and not self._sixteen

    def _call(self, action: str, payload: object) -> bytes:
        self._count += 1
        text = call_text(f"{self._count:09d}", action, payload)
        return client_frame(text.encode())

    def _ask(self, action: str, payload: object) -> Generator[bytes, bytes, Any]:
        answer = yield self._call(action, payload)
        content = json.loads(answer)
        if content[0] != 3:
            answered = repr(content)[:ANSWER_SHOWN_MAX]
            reason = f"{action} was answered {answered}"
            raise UnexpectedAnswer(self.identity, reason)
        return content[2]

    def _boot(self) -> Talk:
        payload = BOOT_16 if self._sixteen else BOOT_201
        answer = yield from self._ask("BootNotification", payload)
        if answer["status"] != "Accepted":
            reason = f"the station is not registered: {answer['status']}"
            raise UnexpectedAnswer(self.identity, reason)

    def _id_token(self) -> dict[str, str]:
        return {"idToken": self.plan.token_of(self.identity), "type": "ISO14443"}

    def _start(self) -> Talk:
        if self._sixteen:
            payload = {
                "connectorId": 1,
                "idTag": self.plan.token_of(self.identity),
                "meterStart": self._register_wh,
                "timestamp": self._clock.text(),
            }
            answer = yield from self._ask("StartTransaction", payload)
            self._transaction_id = answer["transactionId"]
            self._accept(answer["idTagInfo"])
            return
        self._reference, self._seq_no = str(uuid.uuid4()), 0
        answer = yield from self._ask(
            "TransactionEvent",
            self._event("Started", "Authorized", idToken=self._id_token()),
        )
        self._accept(answer.get("idTokenInfo") or {"status": "Accepted"})

    def _accept(self, info: dict[str, Any]) -> None:
        if info["status"] != "Accepted":
            reason = f"the token of the plan is {info['status']}"
            raise UnexpectedAnswer(self.identity, reason)
        self._open = True

    def _event(self, step: str, trigger: str, **more: object) -> dict[str, Any]:
        at = self._clock.text()
        payload = transaction_event(
            step,
            trigger=trigger,
            reference=self._reference,
            at=at,
            seq_no=self._seq_no,
            meterValue=[meter_value_201(at, self._register_wh)],
            **more,
        )
        self._seq_no += 1
        return payload

    def _stop(self) -> Talk:
        self._open = False
        if self._sixteen:
            payload = {
                "transactionId": self._transaction_id,
                "idTag": self.plan.token_of(self.identity),
                "meterStop": self._register_wh,
                "timestamp": self._clock.text(),
                "reason": "Local",
            }
            yield from self._ask("StopTransaction", payload)
            return
        ended = self._event("Ended", "StopAuthorized", idToken=self._id_token())
        ended["transactionInfo"]["stoppedReason"] = "Local"
        yield from self._ask("TransactionEvent", ended)

    def _charge(self) -> Talk:
        """Boot, plug in, authorise, start, meter, stop, unplug."""
        if self.plan.boot:
            yield from self._boot()
        yield from self._status("Preparing", "Occupied")
        token = self._id_token()
        asked = {"idTag": token["idToken"]} if self._sixteen else {"idToken": token}
        yield from self._ask("Authorize", asked)
        yield from self._start()
        for _ in range(self.plan.samples_per_charge):
            self._clock.pass_seconds(CHARGE_S // self.plan.samples_per_charge)
            self._register_wh += CHARGE_WH // self.plan.samples_per_charge
            yield from self._sample()
        yield from self._stop()
        yield from self._status("Available", "Available")

    def _sample(self) -> Talk:
        if not self._sixteen:
            event = self._event("Updated", "MeterValuePeriodic")
            yield from self._ask("TransactionEvent", event)
            return
        payload = meter_values_16(
            self._transaction_id, self._clock.text(), str(self._register_wh)
        )
        yield from self._ask("MeterValues", payload)

    def _status(self, word_16: str, word_201: str) -> Talk:
        yield from self._ask(
            "StatusNotification", self._status_payload(word_16, word_201)
        )

    def _status_payload(
        self, word_16: str, word_201: str, at: str = ""
    ) -> dict[str, Any]:
        at = at or self._clock.text()
        if self._sixteen:
            return {
                "connectorId": 1,
                "errorCode": "NoError",
                "status": word_16,
                "timestamp": at,
            }
        return {
            "timestamp": at,
            "connectorStatus": word_201,
            "evseId": 1,
            "connectorId": 1,
        }

    def _template(self) -> Template:
        markers = {"id": ID_MARK}
        if self._timed:
            markers["at"] = TIME_MARK
        if self._meters:
            markers["energy"] = str(ENERGY_MARK)
        if self._sequenced:
            markers["seq"] = str(SEQ_MARK)
            markers["sampled_at"] = SAMPLE_TIME_MARK
        action, payload = self._pattern()
        return Template(call_text(ID_MARK, action, payload), **markers)

    def _pattern(self) -> tuple[str, dict[str, Any]]:
        message = self.plan.message
        if message == "heartbeat":
            return "Heartbeat", {}
        if message == "authorize":
            token = self._id_token()
            if self._sixteen:
                return "Authorize", {"idTag": token["idToken"]}
            return "Authorize", {"idToken": token}
        if message == "status":
            payload = self._status_payload("Available", "Available", TIME_MARK)
            return "StatusNotification", payload
        return self._meter_pattern()

    def _meter_pattern(self) -> tuple[str, dict[str, Any]]:
        if self._sixteen:
            energy = str(ENERGY_MARK)
            payload = meter_values_16(self._transaction_id, TIME_MARK, energy)
            return "MeterValues", payload
        sampled = meter_value_201(SAMPLE_TIME_MARK, ENERGY_MARK)
        return "TransactionEvent", transaction_event(
            "Updated",
            trigger="MeterValuePeriodic",
            reference=self._reference,
            at=TIME_MARK,
            seq_no=SEQ_MARK,
            meterValue=[sampled],
        )
