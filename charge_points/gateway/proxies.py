"""Balancers in front: who really connects (PROXY protocol, versions 1 and 2).

Specification: haproxy.org/download/2.9/doc/proxy-protocol.txt. A balancer that only
passes bytes on tells the source by PROXY protocol, and HTTP headers are then the
client's own words; one that ends TLS tells it by headers. Never both are believed.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final

from charge_points.gateway.networks import Network, is_inside

V1_START: Final = b"PROXY "
V1_BYTES_MAX: Final = 107
V2_SIGNATURE: Final = b"\r\n\r\n\0\r\nQUIT\n"
V2_HEAD_BYTES: Final = 16
# 216 bytes hold every address; the rest is for TLVs, which nobody needs so long.
V2_BYTES_MAX: Final = 1024

_V2_LOCAL: Final = 0x20
_V2_PROXY: Final = 0x21
_TCP4: Final = 0x11
_TCP6: Final = 0x21


class UnableToReadProxyHeader(Exception):
    """A connection of a trusted balancer does not begin as it has to."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a connection comes from; ``is_proxied``: a balancer said so."""

    host: str
    is_proxied: bool = False


@dataclass(frozen=True, slots=True)
class ProxyRules:
    """What is believed of whom.

    ``networks``: balancers. ``speaks_proxy_protocol``: every connection of theirs
    begins with a PROXY header, and their HTTP headers are not believed. Otherwise
    ``X-Forwarded-For`` and ``-Proto`` are, and ``certificate_header`` (empty: none)
    names the header with the client certificate of a TLS that ended there.
    """

    networks: Sequence[Network] = ()
    speaks_proxy_protocol: bool = False
    certificate_header: str = ""

    def is_balancer(self, host: str) -> bool:
        """Whether ``host`` is one of the balancers."""
        return is_inside(host, self.networks)


@dataclass(frozen=True, slots=True)
class ProxyHeader:
    """A PROXY header: its length, and the source; None for the balancer itself."""

    length: int
    source: str | None


def parse(data: bytes) -> ProxyHeader | None:
    """Read the header at the beginning of ``data``; None: more bytes are needed.

    Raises:
        UnableToReadProxyHeader: it does not begin with one.
    """
    if V2_SIGNATURE.startswith(data[:12]):
        return _parse_v2(data)
    if V1_START.startswith(data[:6]):
        return _parse_v1(data)
    raise UnableToReadProxyHeader("the connection begins without PROXY header")


def _parse_v1(data: bytes) -> ProxyHeader | None:
    line, end, _ = data[:V1_BYTES_MAX].partition(b"\r\n")
    if not end:
        if len(data) >= V1_BYTES_MAX:
            raise UnableToReadProxyHeader("the PROXY line is too long")
        return None
    length = len(line) + len(end)
    words = line.decode("ascii", "replace").split(" ")
    if words[1:2] == ["UNKNOWN"]:
        return ProxyHeader(length, None)
    if len(words) != 6 or words[1] not in {"TCP4", "TCP6"}:
        raise UnableToReadProxyHeader("the PROXY line is not well-formed")
    try:
        source = ip_address(words[2])
    except ValueError as error:
        raise UnableToReadProxyHeader("the PROXY line has no address") from error
    if source.version != int(words[1][-1]):
        raise UnableToReadProxyHeader("the PROXY line names another family")
    return ProxyHeader(length, _text(source))


def _parse_v2(data: bytes) -> ProxyHeader | None:
    if len(data) < V2_HEAD_BYTES:
        return None
    command, family, rest = struct.unpack_from("!BBH", data, len(V2_SIGNATURE))
    length = V2_HEAD_BYTES + rest
    if length > V2_BYTES_MAX:
        raise UnableToReadProxyHeader("the PROXY header is too long")
    if command not in {_V2_LOCAL, _V2_PROXY}:
        raise UnableToReadProxyHeader("the PROXY header has an unknown command")
    if len(data) < length:
        return None
    body = data[V2_HEAD_BYTES:length]
    if command == _V2_LOCAL or family == 0:
        return ProxyHeader(length, None)
    if family == _TCP4 and rest >= 12:
        return ProxyHeader(length, _text(IPv4Address(body[:4])))
    if family == _TCP6 and rest >= 36:
        return ProxyHeader(length, _text(IPv6Address(body[:16])))
    raise UnableToReadProxyHeader("the PROXY header carries no TCP address")


def _text(address: IPv4Address | IPv6Address) -> str:
    """One spelling per host, or limits by address would count it twice."""
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped or address)
