import asyncio
import os

import pytest
from hypothesis import given, settings, strategies as st
from websockets.asyncio.server import Server
from websockets.frames import Frame, Opcode
from websockets.protocol import OPEN
from websockets.server import ServerProtocol

from charge_points.gateway.station_socket import StationSocket


class FakeTransport:
    def __init__(self):
        self.sent = b""
        self.aborted = False

    def write(self, data):
        self.sent += data

    def is_closing(self):
        return False

    def can_write_eof(self):
        return False

    def close(self):
        self.aborted = True

    abort = close
    pause_reading = resume_reading = set_write_buffer_limits = lambda *_: None


class FakePeer:
    identity = "CP-1"


class FakeStation:
    peer = FakePeer()
    fragments_max = 4

    def __init__(self):
        self.texts = []
        self.life = 0

    def on_message(self, text):
        self.texts.append(text)
        if text == b"explode":
            raise RuntimeError("a fault of ours")

    def on_life(self):
        self.life += 1

    def ended(self):
        pass


def opened():
    """A socket behind its handshake, with a station that only collects."""
    server = object.__new__(Server)
    server.handler_tasks = set()
    socket = StationSocket(ServerProtocol(state=OPEN), server, ping_interval=None)
    socket.transport = FakeTransport()
    # What follows the handshake: the parser of frames.
    socket.protocol.parser = super(ServerProtocol, socket.protocol).parse()
    next(socket.protocol.parser)
    socket.request = object()
    socket.station = FakeStation()
    return socket


def masked(text, opcode=Opcode.TEXT, *, fin=True):
    return Frame(opcode, text, fin).serialize(mask=True)


def run(check):
    async def main():
        check()
        await asyncio.sleep(0)

    asyncio.run(main())


@settings(max_examples=60, deadline=None)
@given(
    texts=st.lists(st.binary(max_size=70_000), min_size=1, max_size=4),
    cuts=st.lists(st.integers(1, 400), max_size=6),
)
def test_messages_arrive_whole_however_the_bytes_are_cut(texts, cuts):
    def check():
        socket = opened()
        data = b"".join(masked(text) for text in texts)
        for cut in cuts:
            socket.data_received(data[:cut])
            data = data[cut:]
        socket.data_received(data)
        assert socket.station.texts == texts

    run(check)


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 65_535, 65_536, 100_000])
def test_a_sent_frame_is_what_the_library_would_send(size):
    def check():
        socket = opened()
        text = os.urandom(size)
        socket.send_now(text)
        assert socket.transport.sent == Frame(Opcode.TEXT, text).serialize(mask=False)

    run(check)


def test_a_whole_frame_inside_a_fragmented_message_breaks_the_protocol():
    def check():
        socket = opened()
        socket.data_received(masked(b"[2,", fin=False))
        socket.data_received(masked(b"whole"))
        assert socket.station.texts == []
        assert not socket.is_open

    run(check)


def test_fragments_pings_and_an_unmasked_frame_take_the_long_way():
    def check():
        socket = opened()
        socket.data_received(masked(b"[2,", fin=False))
        socket.data_received(masked(b"", Opcode.PING))
        socket.data_received(masked(b"1]", Opcode.CONT))
        assert socket.station.texts == [b"[2,1]"]
        assert socket.station.life == 1
        socket.data_received(Frame(Opcode.TEXT, b"unmasked").serialize(mask=False))
        assert not socket.is_open

    run(check)


def test_a_station_that_fails_costs_its_connection_only():
    def check():
        socket = opened()
        socket.data_received(masked(b"explode"))
        assert not socket.is_open
        socket.data_received(masked(b"later"))
        assert socket.station.texts == [b"explode"]

    run(check)
