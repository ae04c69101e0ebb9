import socket

import pytest

from cpms.embedded import ports
from cpms.embedded.ports import PORTS, UnableToFindPort, choose, is_free


def test_the_remembered_port_is_kept_when_it_is_free():
    port = choose(None)
    assert port in PORTS
    assert choose(port) == port


def test_a_port_that_a_stranger_listens_on_is_not_chosen():
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        taken = stranger.getsockname()[1]
        assert not is_free(taken)
        assert choose(taken) != taken


def test_no_free_port_is_an_error_with_a_way_out(monkeypatch):
    monkeypatch.setattr(ports, "is_free", lambda _port: False)
    with pytest.raises(UnableToFindPort, match="set DATABASE_URL"):
        choose(None)


def test_ports_lie_below_those_the_kernel_lends():
    with open("/proc/sys/net/ipv4/ip_local_port_range") as file:  # noqa: PTH123
        lowest = int(file.read().split()[0])
    if lowest < PORTS.start:
        pytest.skip("this machine lends unusual ports")
    assert lowest >= PORTS.stop
