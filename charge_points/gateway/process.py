"""From command line options to a running gateway process."""

import asyncio
import os
import socket
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from ipaddress import ip_network
from pathlib import Path

import uvloop
from django.conf import settings
from django.utils.encoding import force_bytes

from charge_points.gateway.limits import DEFAULT_LIMITS, Limits
from charge_points.gateway.plan import Listener, Plan
from charge_points.gateway.proxies import ProxyRules
from charge_points.gateway.server import Gateway
from charge_points.gateway.service_doors import ServiceDoors
from charge_points.gateway.tls import TlsFiles, TlsKeeper
from charge_points.handlers.tables import all_tables


class UnableToStartGateway(Exception):
    """The options contradict each other or the machine; the message says what to do."""


@dataclass(frozen=True)
class Options:
    """The command line of one process; ports of 0 are chosen by the system."""

    host: str
    port: int
    tls_port: int | None = None
    tls_cert: Path | None = None
    tls_key: Path | None = None
    client_ca: Path | None = None
    client_crl: Path | None = None
    metrics_host: str = "127.0.0.1"
    metrics_port: int = 0
    trusted_proxies: tuple[str, ...] = ()
    proxy_protocol: bool = False
    client_cert_header: str = ""
    node: str = ""
    index: int = 0
    parent_pid: int = 0
    limits: Limits = DEFAULT_LIMITS


def listeners_of(options: Options) -> list[Listener]:
    """The listeners that the options ask for.

    Raises:
        UnableToStartGateway: TLS is asked for without certificate or key.
        UnableToUseCertificate: a TLS file cannot be used.
    """
    listeners = [Listener(options.host, options.port)]
    if options.tls_port is None:
        if options.client_crl is not None:
            raise UnableToStartGateway("--client-crl needs --tls-port.")
        return listeners
    if options.tls_cert is None or options.tls_key is None:
        raise UnableToStartGateway(
            "--tls-port needs --tls-cert and --tls-key (PEM files)."
        )
    files = TlsFiles(
        options.tls_cert, options.tls_key, options.client_ca, options.client_crl
    )
    keeper = TlsKeeper(files)
    return [*listeners, Listener(options.host, options.tls_port, keeper)]


def proxies_of(options: Options) -> ProxyRules:
    """What is believed of balancers.

    Raises:
        UnableToStartGateway: an address is wrong, or the options contradict.
    """
    try:
        networks = tuple(ip_network(text) for text in options.trusted_proxies)
    except ValueError as error:
        raise UnableToStartGateway(
            f"--trusted-proxy must be an address or a network: {error}"
        ) from error
    is_believed = options.proxy_protocol or options.client_cert_header
    if is_believed and not networks:
        raise UnableToStartGateway(
            "--proxy-protocol and --client-cert-header need --trusted-proxy: "
            "the addresses of the balancers that are believed."
        )
    if options.proxy_protocol and options.client_cert_header:
        raise UnableToStartGateway(
            "--proxy-protocol and --client-cert-header exclude each other: behind a "
            "balancer that only passes bytes on, headers are the client's own words."
        )
    return ProxyRules(networks, options.proxy_protocol, options.client_cert_header)


def plan_of(options: Options, on_ready: Callable[[list[int]], None]) -> Plan:
    """Everything that the process is made of.

    Raises:
        UnableToStartGateway: an option is wrong.
    """
    node = options.node or socket.gethostname()
    return Plan(
        listeners=listeners_of(options),
        tables=all_tables(),
        doors=ServiceDoors(node),
        clock=partial(datetime.now, UTC),
        redis_url=settings.REDIS_URL,
        password_key=password_key(),
        node=node,
        process=f"{options.index}-{os.getpid()}",
        limits=options.limits,
        proxies=proxies_of(options),
        client_ca=options.client_ca,
        parent_pid=options.parent_pid,
        metrics_host=options.metrics_host,
        metrics_port=options.metrics_port,
        on_ready=on_ready,
    )


def password_key() -> bytes:
    """The key of the stored password digests."""
    return force_bytes(settings.CHARGE_POINT_PASSWORD_KEY)


def run_process(plan: Plan) -> bool:
    """Serve until a signal; True when everything ended in order."""

    async def main() -> bool:
        return await Gateway(plan).run()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(main())


def reserve_port(host: str, port: int) -> socket.socket:
    """Bind, but do not listen: a port that all children of this process can share.

    Raises:
        UnableToStartGateway: the port is taken by somebody else.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    reserved = socket.socket(family, socket.SOCK_STREAM)
    reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        reserved.bind((host, port))
    except OSError as error:
        reserved.close()
        raise UnableToStartGateway(
            f"Port {port} on {host} is not free ({error.strerror}). "
            "Choose another one with --port or stop what listens there."
        ) from error
    return reserved
