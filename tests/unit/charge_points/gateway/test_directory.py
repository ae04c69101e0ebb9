from datetime import UTC, datetime

from charge_points.gateway.directory import Directory
from charge_points.gateway.failures import FailureLimit
from charge_points.gateway.limits import Limits
from charge_points.gateway.presence import lease_key, parse_lease
from charge_points.handlers.registry import Peer

AT = datetime(2026, 1, 1, tzinfo=UTC)


class FakeStation:
    def __init__(self, key, generation):
        self.peer = Peer(key, f"CP-{key}", 1, "1.6", generation, "Accepted", "c")
        self.seen_at = AT


def test_the_newest_connection_stands_in_the_directory_whatever_the_order():
    directory = Directory()
    old, new = FakeStation(7, 1), FakeStation(7, 2)
    assert directory.add(new) is None
    assert directory.add(old) is old
    assert directory.get(7) is new
    newer = FakeStation(7, 3)
    assert directory.add(newer) is new
    assert not directory.remove(new)
    assert directory.ids() == [7]
    assert directory.remove(newer)
    assert list(directory) == []


def test_failures_of_an_address_block_it_for_a_window():
    limit = FailureLimit(Limits(failures_per_address_max=2, failures_window_s=60.0))
    limit.note("a", 0.0)
    assert not limit.is_blocked("a", 1.0)
    limit.note("a", 1.0)
    assert limit.is_blocked("a", 2.0)
    assert not limit.is_blocked("b", 2.0)
    assert not limit.is_blocked("a", 61.0)
    limit.note("a", 100.0)
    limit.note("a", 200.0)
    assert not limit.is_blocked("a", 200.0)
    limit.forgive("a")
    limit.forgive("nobody")


def test_only_so_many_addresses_are_remembered():
    limits = Limits(failures_per_address_max=1, failure_addresses_max=2)
    limit = FailureLimit(limits)
    for address in ("a", "b", "c"):
        limit.note(address, 0.0)
    assert not limit.is_blocked("a", 0.0)
    assert limit.is_blocked("c", 0.0)


def test_a_lease_is_read_back():
    lease = parse_lease("3/node-1/0-77/2026-01-01T00:00:00+00:00")
    assert (lease.generation, lease.node, lease.process) == (3, "node-1", "0-77")
    assert lease.seen_at == AT
    assert lease_key(7) == "cpms:presence:7"
