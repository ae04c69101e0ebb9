import itertools

import orjson
import pytest
from hypothesis import settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from charge_points.ocpp.encoding import UnableToEncode
from charge_points.ocpp.frames import HARD_LIMIT_BYTES, Call
from charge_points.ocpp.rpc import (
    EXPIRED_IDS_LIMIT,
    TRANSITIONS,
    WAITING_CALLS_LIMIT,
    CallAnswered,
    CallExpired,
    CallRefused,
    FrameRefused,
    Ignored,
    Move,
    Phase,
    RpcSession,
    TooBig,
    UnableToMove,
)
from charge_points.ocpp.versions import V16, V201, VERSIONS

HEARTBEAT = '[2,"h","Heartbeat",{}]'


def waiting_session(version=V16, message_id="m", deadline=30.0):
    session = RpcSession(version)
    session.send_call(message_id, "ClearCache", {}, deadline=deadline)
    return session


def test_a_call_of_the_station_is_answered_once():
    session = RpcSession(V16)
    call = session.receive_text(HEARTBEAT)
    assert isinstance(call, Call)
    assert session.waiting_count == 1
    assert session.answer(call, {"currentTime": "x"}) == b'[3,"h",{"currentTime":"x"}]'
    assert session.waiting_count == 0
    with pytest.raises(UnableToMove, match="answered before"):
        session.answer(call, {})
    with pytest.raises(UnableToMove, match="answered before"):
        session.refuse(call, "InternalError")


def test_a_call_of_the_station_is_refused_with_its_id():
    session = RpcSession(V201)
    call = session.receive_text('[2,7,"Heartbeat",{}]')
    assert session.refuse(call, "InternalError", "later") == (
        b'[4,7,"InternalError","later",{}]'
    )
    assert session.waiting_count == 0


def test_an_answer_that_cannot_be_written_leaves_the_call_waiting():
    session = RpcSession(V16)
    call = session.receive_text(HEARTBEAT)
    with pytest.raises(UnableToEncode):
        session.answer(call, {"currentTime": object()})
    with pytest.raises(UnableToEncode):
        session.refuse(call, "InternalError", details={"x": object()})
    assert session.waiting_count == 1


def test_calls_with_the_same_id_are_told_apart():
    session = RpcSession(V16)
    first = session.receive_text('[2,"1","Heartbeat",{}]')
    second = session.receive_text('[2,"1","Heartbeat",{}]')
    assert first is not second
    assert first.quirks == ()
    assert second.quirks == ("concurrent_calls",)
    session.answer(second, {})
    session.answer(first, {})
    assert session.waiting_count == 0


def test_one_call_too_many_is_told_to_come_again():
    session = RpcSession(V16)
    for _ in range(WAITING_CALLS_LIMIT):
        assert isinstance(session.receive_text(HEARTBEAT), Call)
    event = session.receive_text(HEARTBEAT)
    assert isinstance(event, FrameRefused)
    assert orjson.loads(event.reply)[:3] == [4, "h", "InternalError"]
    assert event.quirk == "concurrent_calls"
    assert session.waiting_count == WAITING_CALLS_LIMIT


def test_our_call_is_paired_with_its_result():
    session = RpcSession(V16)
    assert session.version == V16
    data = session.send_call("m", "Reset", {"type": "Hard"}, deadline=30.0)
    assert data == b'[2,"m","Reset",{"type":"Hard"}]'
    assert session.phase is Phase.WAITING
    sent = session.open_call
    event = session.receive_text('[3,"m",{"status":"Accepted"}]')
    assert event == CallAnswered(sent, {"status": "Accepted"}, ())
    assert (session.phase, session.open_call) == (Phase.IDLE, None)


def test_our_call_is_paired_with_its_error():
    session = waiting_session()
    sent = session.open_call
    event = session.receive_text('[4,"m","NotSupported","no",{"a":1}]')
    assert event == CallRefused(sent, "NotSupported", "no", {"a": 1}, ())
    assert session.phase is Phase.IDLE


def test_a_second_call_of_ours_waits_for_the_first():
    session = waiting_session()
    before = session.open_call
    with pytest.raises(UnableToMove, match="waiting"):
        session.send_call("n", "ClearCache", {}, deadline=30.0)
    assert session.open_call is before


def test_a_call_that_cannot_be_written_is_not_open():
    session = RpcSession(V16)
    with pytest.raises(UnableToEncode):
        session.send_call("m", "TransactionEvent", {}, deadline=30.0)
    assert session.phase is Phase.IDLE


@pytest.mark.parametrize("text", ['[3,"other",{}]', '[4,"other","GenericError","",{}]'])
def test_an_answer_with_another_id_changes_nothing(text):
    session = waiting_session()
    assert session.receive_text(text) == Ignored("other", "unknown_response_id")
    assert session.phase is Phase.WAITING
    idle = RpcSession(V16)
    assert idle.receive_text(text) == Ignored("other", "unknown_response_id")


def test_a_call_error_with_id_minus_one_refuses_the_open_call():
    session = waiting_session(V201)
    sent = session.open_call
    event = session.receive_text('[4,"-1","RpcFrameworkError","",{}]')
    assert event == CallRefused(
        sent, "RpcFrameworkError", "", {}, ("error_without_id",)
    )
    again = session.receive_text('[4,"-1","RpcFrameworkError","",{}]')
    assert again == Ignored("-1", "unknown_response_id")


def test_a_result_with_id_minus_one_answers_nothing():
    assert waiting_session().receive_text('[3,"-1",{}]') == Ignored(
        "-1", "unknown_response_id"
    )


def test_an_unreadable_answer_to_our_call_refuses_it():
    session = waiting_session()
    sent = session.open_call
    event = session.receive_text('[3,"m",7]')
    assert isinstance(event, CallRefused)
    assert event.call is sent
    assert event.quirks == ("unreadable_frame",)
    assert session.phase is Phase.IDLE


def test_an_unreadable_answer_to_something_else_gets_no_reply():
    for session in (waiting_session(), RpcSession(V16)):
        event = session.receive_text('[3,"other",7]')
        assert isinstance(event, FrameRefused)
        assert event.reply is None


@pytest.mark.parametrize(
    ("version", "reply"),
    [(V16, [4, "-1", "FormationViolation"]), (V201, [4, "-1", "RpcFrameworkError"])],
)
def test_broken_json_is_answered_and_the_session_goes_on(version, reply):
    session = RpcSession(version)
    event = session.receive_text("[,{")
    assert isinstance(event, FrameRefused)
    assert orjson.loads(event.reply)[:3] == reply
    assert event.quirk == "unreadable_frame"
    assert isinstance(session.receive_text(HEARTBEAT), Call)


def test_over_the_hard_limit_the_connection_must_be_closed():
    session = RpcSession(V16)
    assert session.receive_text("x" * (HARD_LIMIT_BYTES + 1)) == TooBig(1009)
    assert session.receive_text("ü" * (HARD_LIMIT_BYTES // 2 + 1)) == TooBig(1009)
    assert isinstance(session.receive_text("x" * HARD_LIMIT_BYTES), FrameRefused)


def test_the_deadline_decides_when_a_call_is_given_up():
    session = waiting_session(deadline=30.0)
    sent = session.open_call
    assert session.expire(29.9) is None
    assert session.expire(30.0) == CallExpired(sent)
    assert session.phase is Phase.IDLE
    assert session.expire(99.0) is None


def test_a_late_answer_is_told_from_a_wrong_one():
    session = waiting_session()
    session.expire(30.0)
    assert session.receive_text('[3,"m",{}]') == Ignored("m", "late_response")
    for number in range(EXPIRED_IDS_LIMIT):
        session.send_call(str(number), "ClearCache", {}, deadline=0.0)
        session.expire(0.0)
    assert session.receive_text('[3,"m",{}]') == Ignored("m", "unknown_response_id")


def test_closing_tells_what_stays_unanswered_and_ends_everything():
    session = waiting_session()
    sent = session.open_call
    call = session.receive_text(HEARTBEAT)
    assert session.close() == CallExpired(sent)
    assert session.close() is None
    assert session.phase is Phase.CLOSED
    assert session.waiting_count == 0
    assert session.receive_text(HEARTBEAT) == Ignored("", None)
    with pytest.raises(UnableToMove):
        session.answer(call, {})
    with pytest.raises(UnableToMove):
        session.send_call("n", "ClearCache", {}, deadline=1.0)
    assert RpcSession(V16).close() is None


def test_the_table_knows_every_phase_and_nothing_leaves_the_end():
    assert {phase for phase, _ in TRANSITIONS} == {Phase.IDLE, Phase.WAITING}
    assert {move for _, move in TRANSITIONS} == set(Move)
    assert TRANSITIONS[Phase.IDLE, Move.CLOSE] is Phase.CLOSED


class AnySequence(RuleBasedStateMachine):
    """Whatever happens in whatever order, a simple model agrees."""

    def __init__(self):
        super().__init__()
        self.session = RpcSession(V16)
        self.ids = (f"m{number}" for number in itertools.count())
        self.open_id = None
        self.calls = []
        self.closed = False

    @rule(action=st.sampled_from(["Heartbeat", "Fly"]))
    def station_calls(self, action):
        event = self.session.receive_text(f'[2,"same","{action}",{{}}]')
        if self.closed:
            assert event == Ignored("", None)
        elif len(self.calls) < WAITING_CALLS_LIMIT:
            self.calls.append(event)
        else:
            assert isinstance(event, FrameRefused)

    @precondition(lambda self: self.calls)
    @rule(data=st.data())
    def we_answer(self, data):
        call = self.calls.pop(data.draw(st.integers(0, len(self.calls) - 1)))
        if self.closed:
            with pytest.raises(UnableToMove):
                self.session.answer(call, {})
        else:
            assert self.session.answer(call, {}) == b'[3,"same",{}]'

    @rule()
    def we_call(self):
        message_id = next(self.ids)
        if self.closed or self.open_id:
            with pytest.raises(UnableToMove):
                self.session.send_call(message_id, "ClearCache", {}, deadline=9.0)
        else:
            self.session.send_call(message_id, "ClearCache", {}, deadline=9.0)
            self.open_id = message_id

    @rule(kind=st.sampled_from(["3", "4"]), right=st.booleans())
    def station_answers(self, kind, right):
        message_id = self.open_id if right and self.open_id else "nobody"
        event = self.session.receive_text(
            f'[3,"{message_id}",{{}}]'
            if kind == "3"
            else f'[4,"{message_id}","GenericError","",{{}}]'
        )
        if not self.closed and message_id == self.open_id:
            assert event.call.message_id == message_id
            self.open_id = None
        else:
            assert isinstance(event, Ignored)

    @rule(now=st.sampled_from([1.0, 9.0]))
    def time_passes(self, now):
        expired = self.session.expire(now)
        if now >= 9.0 and self.open_id:
            assert expired.call.message_id == self.open_id
            self.open_id = None
        else:
            assert expired is None

    @rule(text=st.text(max_size=20))
    def noise_comes(self, text):
        self.session.receive_text(text)

    @precondition(lambda self: not self.closed)
    @rule(really=st.integers(0, 9))
    def we_close(self, really):
        if really == 0:
            self.session.close()
            self.closed, self.open_id = True, None

    @invariant()
    def the_model_agrees(self):
        phase = Phase.WAITING if self.open_id else Phase.IDLE
        assert self.session.phase is (Phase.CLOSED if self.closed else phase)
        assert self.session.waiting_count == (0 if self.closed else len(self.calls))


AnySequence.TestCase.settings = settings(
    max_examples=60, stateful_step_count=40, deadline=None
)
TestAnySequence = AnySequence.TestCase


@pytest.mark.parametrize("version", VERSIONS)
def test_bytes_are_taken_as_well_as_text(version):
    session = RpcSession(version)
    assert isinstance(session.receive_text(HEARTBEAT.encode()), Call)
    assert isinstance(session.receive_text(b"\xff\xfe"), FrameRefused)
