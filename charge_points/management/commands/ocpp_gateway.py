"""``manage.py ocpp_gateway``: hold the charge points' connections."""

import argparse
import json
import os
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from charge_points.gateway.process import (
    Options,
    UnableToStartGateway,
    plan_of,
    reserve_port,
    run_process,
)
from charge_points.gateway.supervisor import Supervisor
from charge_points.gateway.tls import UnableToUseCertificate
from cpms.accounts.management.base import port


class Command(BaseCommand):
    """Run the OCPP gateway until SIGTERM, which drains; a second one hurries."""

    help = (
        "Hold the connections of charge points (OCPP 1.6J and 2.0.1). SIGHUP reads the "
        "TLS files again. SIGTERM drains: "
        "nothing new is taken, calls in progress are finished, then connections are "
        "closed; a second SIGTERM does not wait."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        """Describe the options."""
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
        parser.add_argument("--port", type=port, default=9000, help="plain port")
        parser.add_argument("--tls-port", type=port, help="TLS port, beside --port")
        parser.add_argument("--tls-cert", type=Path, help="certificate chain, PEM")
        parser.add_argument("--tls-key", type=Path, help="private key, PEM")
        parser.add_argument(
            "--client-ca", type=Path, help="CAs of client certificates, PEM (profile 3)"
        )
        parser.add_argument(
            "--client-crl",
            type=Path,
            help="revocation lists of --client-ca, PEM or DER",
        )
        parser.add_argument("--processes", type=int, default=1, metavar="N")
        parser.add_argument(
            "--metrics-port",
            type=port,
            default=0,
            help="Prometheus port of the first process; the next ones follow",
        )
        parser.add_argument("--metrics-host", default="127.0.0.1")
        parser.add_argument(
            "--trusted-proxy",
            action="append",
            default=[],
            metavar="CIDR",
            help="believe X-Forwarded-For and -Proto of these addresses; repeatable",
        )
        parser.add_argument(
            "--proxy-protocol",
            action="store_true",
            help="they begin with a PROXY header (1, 2) and set no HTTP headers",
        )
        parser.add_argument(
            "--client-cert-header",
            default="",
            metavar="NAME",
            help="their header with the client certificate (RFC 9440, escaped PEM)",
        )
        parser.add_argument("--node", default="", help="name of this node")
        parser.add_argument("--ready-file", type=Path, help="written when it serves")
        parser.add_argument("--json", action="store_true", help="ready line as JSON")
        for name in ("--child-index", "--ready-fd", "--parent-pid"):
            parser.add_argument(name, type=int, default=-1, help=argparse.SUPPRESS)

    def handle(self, *_args: Any, **options: Any) -> None:
        """Run one process, or supervise several."""
        if options["processes"] < 1:
            raise CommandError("--processes must be at least 1.", returncode=2)
        try:
            if options["child_index"] >= 0:
                is_fine = self._run_child(options)
            elif options["processes"] == 1:
                is_fine = self._run_single(options)
            else:
                is_fine = self._supervise(options)
        except (UnableToStartGateway, UnableToUseCertificate, OSError) as error:
            raise CommandError(str(error)) from error
        if not is_fine:
            sys.exit(1)

    def _run_single(self, options: dict[str, Any]) -> bool:
        with closing(reserve_port(options["host"], options["port"])) as reserved:
            port = reserved.getsockname()[1]
            plan = plan_of(
                replace(_options(options), port=port),
                lambda ports: self._announce(options, ports, [os.getpid()]),
            )
            return run_process(plan)

    def _run_child(self, options: dict[str, Any]) -> bool:
        def on_ready(_ports: list[int]) -> None:
            os.write(options["ready_fd"], b"ready\n")
            os.close(options["ready_fd"])

        return run_process(plan_of(_options(options), on_ready))

    def _supervise(self, options: dict[str, Any]) -> bool:
        wanted = [options["port"]]
        if options["tls_port"] is not None:
            wanted.append(options["tls_port"])
        reserved = [reserve_port(options["host"], port) for port in wanted]
        ports = [int(held.getsockname()[1]) for held in reserved]

        def command(index: int, ready_fd: int) -> list[str]:
            given = sys.argv[1:]
            # Later options win, so that a port of 0 becomes the reserved one.
            own = [
                f"--port={ports[0]}",
                f"--child-index={index}",
                f"--ready-fd={ready_fd}",
                f"--parent-pid={os.getpid()}",
            ]
            if len(ports) > 1:
                own.append(f"--tls-port={ports[1]}")
            return [sys.executable, sys.argv[0], *given, *own]

        supervisor = Supervisor(
            command,
            options["processes"],
            lambda pids: self._announce(options, ports, pids),
        )
        try:
            return supervisor.run() == 0
        finally:
            for held in reserved:
                held.close()

    def _announce(
        self, options: dict[str, Any], ports: list[int], pids: list[int]
    ) -> None:
        """Say that connections are taken: on standard output and in a file."""
        ready = {
            "event": "ready",
            "host": options["host"],
            "port": ports[0],
            "tls_port": ports[1] if len(ports) > 1 else None,
            "pids": pids,
        }
        if options["ready_file"] is not None:
            path: Path = options["ready_file"]
            partial = path.with_suffix(".partial")
            partial.write_text(json.dumps(ready))
            partial.replace(path)
        if options["json"]:
            self.stdout.write(json.dumps(ready))
        else:
            self.stdout.write(
                f"OCPP gateway: ws://{ready['host']}:{ready['port']}/ocpp/<id>"
            )
        self.stdout.flush()


def _options(options: dict[str, Any]) -> Options:
    index = max(options["child_index"], 0)
    metrics_port = options["metrics_port"]
    return Options(
        host=options["host"],
        port=options["port"],
        tls_port=options["tls_port"],
        tls_cert=options["tls_cert"],
        tls_key=options["tls_key"],
        client_ca=options["client_ca"],
        client_crl=options["client_crl"],
        metrics_host=options["metrics_host"],
        metrics_port=metrics_port + index if metrics_port else 0,
        trusted_proxies=tuple(options["trusted_proxy"]),
        proxy_protocol=options["proxy_protocol"],
        client_cert_header=options["client_cert_header"],
        node=options["node"],
        index=index,
        parent_pid=max(options["parent_pid"], 0),
    )
