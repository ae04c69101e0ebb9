from ipaddress import IPv4Address, IPv6Address, ip_network

import pytest
from hypothesis import given, strategies as st

from charge_points.gateway.networks import is_inside
from charge_points.gateway.proxies import (
    V1_BYTES_MAX,
    V2_SIGNATURE,
    UnableToReadProxyHeader,
    parse,
)


def v2(source, *, command=0x21, tail=b""):
    family = 0x11 if source.version == 4 else 0x21
    body = source.packed * 2 + b"\0\1\0\2" + tail
    head = bytes([command, family]) + len(body).to_bytes(2, "big")
    return V2_SIGNATURE + head + body


def v1(source):
    return f"PROXY TCP{source.version} {source} {source} 1 65535\r\n".encode()


addresses = st.ip_addresses().filter(
    lambda found: getattr(found, "ipv4_mapped", None) is None
)


@given(addresses, st.binary(max_size=20), st.sampled_from([v1, v2]))
def test_headers_are_read_at_any_cut(source, after, make):
    header = make(source)
    for cut in range(len(header)):
        assert parse(header[:cut]) is None
    found = parse(header + after)
    assert (found.length, found.source) == (len(header), str(source))


@given(st.binary(max_size=300), st.sampled_from([b"", b"PROXY ", V2_SIGNATURE]))
def test_noise_is_refused_or_waits_for_more(noise, start):
    try:
        found = parse(start + noise)
    except UnableToReadProxyHeader:
        return
    assert found is None or found.length <= len(start + noise)


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\n",
        b"\x16\x03\x01",
        b"PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n",
        b"PROXY TCP6 1.2.3.4 1.2.3.4 1 2\r\n",
        b"PROXY TCP4 a.b.c.d 1.2.3.4 1 2\r\n",
        b"PROXY UDP4 1.2.3.4 1.2.3.4 1 2\r\n",
        b"PROXY " + b"x" * V1_BYTES_MAX,
        v2(IPv4Address("192.0.2.1"), command=0x22),
        v2(IPv4Address("192.0.2.1"), tail=bytes(2000)),
        V2_SIGNATURE + b"\x21\x31\x00\x00",
        V2_SIGNATURE + b"\x21\x11\x00\x04\x01\x02\x03\x04",
    ],
)
def test_other_beginnings_are_refused(data):
    with pytest.raises(UnableToReadProxyHeader):
        parse(data)


def test_one_host_has_one_spelling():
    mapped = IPv6Address("::ffff:192.0.2.1")
    assert parse(v2(mapped)).source == "192.0.2.1"
    assert is_inside(str(mapped), [ip_network("192.0.2.0/24")])


def test_what_is_no_address_is_inside_of_nothing():
    assert not is_inside("", [ip_network("0.0.0.0/0")])
    assert not is_inside("192.0.2.1", [])
