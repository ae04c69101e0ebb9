"""Networks of addresses."""

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address

Network = IPv4Network | IPv6Network


def is_inside(host: str, networks: Sequence[Network]) -> bool:
    """Whether ``host`` is an address in one of the networks."""
    if not networks:
        return False
    try:
        address = ip_address(host)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return any((mapped or address) in network for network in networks)
