import json
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings, strategies as st
from websockets.frames import Frame
from websockets.streams import StreamReader

from simulators.load.frames import (
    CLOSE,
    PING,
    TEXT,
    FrameError,
    FrameReader,
    Template,
    client_frame,
)
from simulators.load.messages import (
    MillisecondClock,
    meter_value_201,
    meter_values_16,
)


def parsed(data):
    """What the `websockets` package, as a server, reads."""
    reader = StreamReader()
    reader.feed_data(data)
    reader.feed_eof()
    work = Frame.parse(reader.read_exact, mask=True, max_size=None)
    try:
        while True:
            next(work)
    except StopIteration as stop:
        return stop.value


@pytest.mark.parametrize("size", [0, 1, 125, 126, 1200, 65_535, 65_536, 70_000])
def test_another_implementation_reads_our_frames(size):
    payload = b"x" * size
    frame = parsed(client_frame(payload))

    assert (frame.opcode, bytes(frame.data), frame.fin) == (TEXT, payload, True)


def cut_and_read(sizes, cut):
    frames = [Frame(TEXT, b"y" * size) for size in sizes]
    stream = b"".join(frame.serialize(mask=False) for frame in frames)
    reader = FrameReader()
    seen = []
    for start in range(0, len(stream), cut):
        seen += reader.feed(stream[start : start + cut])
    assert len(reader) == 0
    return seen


@settings(deadline=None)
@given(st.lists(st.integers(0, 300), max_size=4), st.integers(1, 400))
def test_frames_come_back_whole_however_the_stream_is_cut(sizes, cut):
    assert cut_and_read(sizes, cut) == [(TEXT, b"y" * size) for size in sizes]


@pytest.mark.parametrize("cut", [1_000, 65_536, 200_000])
def test_large_frames_come_back_whole(cut):
    sizes = [65_535, 65_536, 3]

    assert cut_and_read(sizes, cut) == [(TEXT, b"y" * size) for size in sizes]


def test_control_frames_keep_their_kind():
    stream = Frame(PING, b"p").serialize(mask=False)
    stream += Frame(CLOSE, b"\x03\xe8").serialize(mask=False)

    assert FrameReader().feed(stream) == [(PING, b"p"), (CLOSE, b"\x03\xe8")]


@pytest.mark.parametrize(
    "frame",
    [
        Frame(TEXT, b"x").serialize(mask=True),
        Frame(TEXT, b"x", fin=False).serialize(mask=False),
    ],
    # The mask is random, and two workers must agree on the name.
    ids=["masked", "unfinished"],
)
def test_frames_that_a_server_must_not_send_are_refused(frame):
    with pytest.raises(FrameError, match="masked or fragmented"):
        FrameReader().feed(frame)


def test_a_template_is_filled_in_place():
    template = Template('[2,"@@@","Heartbeat",{}]', id="@@@")
    template.frame[template.slot("id")] = b"042"

    assert json.loads(parsed(bytes(template.frame)).data)[1] == "042"


@pytest.mark.parametrize("text", ["nothing here", "@@@ and @@@"])
def test_a_marker_must_occur_exactly_once(text):
    with pytest.raises(ValueError, match="exactly once"):
        Template(text, id="@@@")


def test_the_clock_moves_by_a_millisecond_and_stays_in_the_past():
    clock = MillisecondClock(3600)
    stamps = [clock.text() for _ in range(1001)]
    instants = [datetime.fromisoformat(text) for text in stamps]

    steps = {later - sooner for sooner, later in pairwise(instants)}
    assert steps == {timedelta(milliseconds=1)}
    assert all(len(text) == 24 for text in stamps)
    assert instants[-1] < datetime.now(tz=UTC) - timedelta(minutes=59)


def test_the_clock_can_jump():
    clock = MillisecondClock(3600)
    before = datetime.fromisoformat(clock.text())
    clock.pass_seconds(60)

    passed = datetime.fromisoformat(clock.text()) - before
    assert passed == timedelta(seconds=60, milliseconds=1)


def test_the_meter_messages_have_their_samples():
    sixteen = meter_values_16(5, "T", "100")
    assert sixteen["transactionId"] == 5
    samples = sixteen["meterValue"][0]["sampledValue"]
    assert len(samples) == 8
    assert samples[0]["value"] == "100"
    assert "transactionId" not in meter_values_16(None, "T", "100")

    later = meter_value_201("T", 100)["sampledValue"]
    assert len(later) == 9
    assert later[0]["value"] == 100
