"""What one gateway process is made of."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from charge_points.gateway.doors import Doors
from charge_points.gateway.exchange import Clock
from charge_points.gateway.limits import DEFAULT_LIMITS, Limits
from charge_points.gateway.proxies import ProxyRules
from charge_points.gateway.tls import TlsKeeper
from charge_points.handlers.registry import VersionTables


@dataclass(frozen=True, slots=True)
class Listener:
    """An address to listen on; port 0 takes any free one."""

    host: str
    port: int
    tls: TlsKeeper | None = None


@dataclass(frozen=True)
class Plan:
    """All that one process is made of."""

    listeners: Sequence[Listener]
    tables: Mapping[str, VersionTables]
    doors: Doors
    clock: Clock
    redis_url: str
    password_key: bytes
    node: str
    process: str
    limits: Limits = DEFAULT_LIMITS
    proxies: ProxyRules = field(default_factory=ProxyRules)
    # CAs of forwarded client certificates where there is no TLS listener.
    client_ca: Path | None = None
    # When this process is no longer the parent, the gateway drains and ends.
    parent_pid: int = 0
    metrics_host: str = "127.0.0.1"
    metrics_port: int = 0
    on_ready: Callable[[list[int]], None] = field(default=lambda _ports: None)
