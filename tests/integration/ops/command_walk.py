"""Every command of the project: how it is used well, refused, and used wrongly."""

import contextlib
import io
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from unittest import mock

from cryptography.hazmat.primitives import serialization
from django.core.management import ManagementUtility
from django.db import connections
from django.utils import timezone

from cpms.accounts.models import Operator
from simulators.v2g import TestPki
from tests.factories import accounts, network, tariffs

PASSWORD = "0123456789abcdef-known"
NOBODY = "nobody"
SESSION = {
    "start_local": "2026-06-24T08:00:00",
    "time_zone": "Europe/Berlin",
    "segments": [{"state": "charging", "minutes": 60, "energy_kwh": "10"}],
}


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    status: int
    out: str
    err: str

    @property
    def told(self) -> dict:
        """The one JSON object on standard output."""
        return json.loads(self.out)


def manage(*arguments) -> Ended:
    """What ``manage.py <arguments>`` does, in this database transaction."""
    out, err = io.StringIO(), io.StringIO()
    status = 0
    with (
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        # The test's own connection outlives the command.
        mock.patch.object(connections, "close_all"),
        mock.patch.object(sys, "argv", ["manage.py", *map(str, arguments)]),
    ):
        try:
            ManagementUtility(["manage.py", *map(str, arguments)]).execute()
        except SystemExit as ended:
            status = int(ended.code or 0)
    return Ended(status, out.getvalue(), err.getvalue())


@dataclass
class World:
    """What commands work on: an operator, its charge point, files."""

    operator: Operator
    other: Operator
    folder: Path
    psp: object

    @property
    def station(self) -> network.Station:
        """A new charge point of the operator."""
        return network.station(self.operator, password=PASSWORD, security_profile=1)

    @property
    def secure_station(self) -> network.Station:
        """One that speaks TLS."""
        return network.station(self.operator, password=PASSWORD, security_profile=2)

    def file(self, value, name="file.json") -> Path:
        """A JSON file."""
        path = self.folder / name
        path.write_text(json.dumps(value))
        return path

    def account(self) -> str:
        """A new account at the provider that takes payments."""
        from settlement.providers.registry import get_provider  # noqa: PLC0415

        reference = get_provider("stripe").create_account(
            country="DE", currency="EUR", email="a@example.org", idempotency_key="walk"
        )
        self.psp.control(f"accounts/{reference}", {"onboarded": True})
        return reference

    def own_key(self, reference: str) -> Path:
        """A file with the restricted key of an account."""
        key = self.psp.control("keys", {"account": reference})["api_key"]
        return self.file({"api_key": key, "webhook_secret": "whsec_0123456789"})


Words = Callable[[World], list]


@dataclass(frozen=True)
class Entry:
    """A command in the walk.

    Args:
        done: arguments that end with 0.
        refused: arguments that end with 1.
        code: of that refusal.
        advice: a word of its message that tells what is wrong or what to do.
        wrong: arguments that end with 2.
        is_json: ``--json`` prints one object for ``done`` and ``refused``.
    """

    done: Words
    refused: Words | None
    code: str
    advice: str
    wrong: Words
    is_json: bool = True


def _root_file(folder):
    root = TestPki.new().authorities["mo-root"].certificate
    path = folder / "mo-root.pem"
    path.write_bytes(root.public_bytes(serialization.Encoding.PEM))
    return path


def _nothing(_world):
    return []


def _odd(_world):
    return ["--no-such-option"]


def _days(world, code):
    today = timezone.now().date()
    return [
        *("--operator", code or world.operator.code),
        *("--from", today, "--until", today + timedelta(days=1)),
    ]


PARTIES = [
    {"key": "operator", "name": "One", "role": "operator", "basis_points": 9000},
    {"key": "site", "name": "Host", "role": "site_host", "basis_points": 1000},
]

WALK = {
    "create_operator": Entry(
        lambda _: [
            *("--code=third", "--name=Third", "--country=DE", "--currency=EUR"),
            "--time-zone=Europe/Berlin",
        ],
        lambda w: [
            *(f"--code={w.operator.code}", "--name=Again", "--country=DE"),
            "--currency=EUR",
        ],
        "operator_exists",
        "exists already",
        lambda _: ["--code=third"],
    ),
    "create_charge_point": Entry(
        lambda w: [
            *("--operator", w.operator.code, "--identity=NEW-1", "--evses=2"),
            *("--security-profile=1", "--password", PASSWORD),
        ],
        lambda w: [
            *("--operator", w.operator.code, "--identity=NEW-2"),
            *("--security-profile=1", "--password=short-secret"),
        ],
        "password_length",
        "16",
        lambda w: [
            *("--operator", w.operator.code, "--identity=NEW-2"),
            "--security-profile=7",
        ],
    ),
    "transfer_charge_point": Entry(
        lambda w: ["--identity", w.station.identity, "--to", w.other.code],
        lambda w: ["--identity", w.station.identity, "--to", NOBODY],
        "unknown_operator",
        NOBODY,
        lambda _: ["--identity=X"],
    ),
    "secure_charge_point": Entry(
        lambda w: ["--identity", w.station.identity, "--security-profile=2"],
        lambda w: ["--identity", w.secure_station.identity, "--security-profile=1"],
        "security_profile_lowered",
        "only be raised",
        lambda _: ["--identity=X"],
    ),
    "contract_root": Entry(
        lambda w: ["--add", str(_root_file(w.folder))],
        lambda _: ["--remove", "00"],
        "unknown_root",
        "no root",
        lambda _: [],
    ),
    "reseal_secrets": Entry(_nothing, None, "", "", lambda _: ["--key"]),
    "rotate_station_ca": Entry(_nothing, None, "", "", lambda _: ["--sub"]),
    "create_id_token": Entry(
        lambda w: [
            *("--token=ABC123", "--status=accepted", "--group=fleet"),
            *("--operator", w.operator.code, "--expires=2030-01-01T00:00:00Z"),
        ],
        lambda _: ["--token=ABC123", "--status=perhaps"],
        "status_invalid",
        "accepted",
        lambda _: ["--token=ABC123", "--status=accepted", "--expires=tomorrow"],
    ),
    "create_api_key": Entry(
        lambda w: ["--operator", w.operator.code, "--scopes=orders:read"],
        lambda w: ["--operator", w.operator.code, "--scopes=everything"],
        "unknown_scope",
        "choose from",
        lambda w: ["--operator", w.operator.code],
    ),
    "create_payee_account": Entry(
        lambda w: ["--operator", w.operator.code, "--account", w.account()],
        lambda w: ["--operator", w.operator.code, "--account=acct_nobody"],
        "payee_account_unknown",
        "check the reference",
        lambda w: ["--operator", w.operator.code],
    ),
    "register_own_key": Entry(
        lambda w: [
            *("--operator", w.operator.code, "--account", reference := w.account()),
            *("--key-file", w.own_key(reference)),
        ],
        lambda w: [
            *("--operator", w.operator.code, "--account=acct_nobody"),
            *("--key-file", w.file({"api_key": "sk_live_x", "webhook_secret": "w"})),
        ],
        "key_not_restricted",
        "restricted key",
        lambda w: ["--operator", w.operator.code],
    ),
    "create_split_agreement": Entry(
        lambda w: ["--operator", w.operator.code, "--file", w.file(PARTIES)],
        lambda w: ["--operator", w.operator.code, "--file", w.file(PARTIES[1:])],
        "split_invalid",
        "",
        lambda w: ["--operator", w.operator.code],
    ),
    "create_tariff": Entry(
        lambda w: ["--operator", w.operator.code, "--file", w.file(tariffs.ocpi())],
        lambda w: ["--operator", w.operator.code, "--file", w.file({})],
        "tariff_invalid",
        "is missing",
        lambda w: ["--operator", w.operator.code],
    ),
    "price": Entry(
        lambda w: [
            *("--tariff", w.file(tariffs.ocpi(), "tariff.json")),
            *("--session", w.file(SESSION, "session.json")),
        ],
        lambda w: [
            *("--tariff", w.file(tariffs.ocpi(), "tariff.json")),
            *("--session", w.folder / "nowhere.json"),
        ],
        "file_unreadable",
        "nowhere.json",
        lambda w: ["--tariff", w.file(tariffs.ocpi())],
    ),
    "ledger_export": Entry(
        lambda w: [
            *("--format=csv", "--operator", w.operator.code),
            *("--output", w.folder / "ledger.csv"),
        ],
        lambda w: [
            *("--format=csv", "--operator", NOBODY),
            *("--output", w.folder / "ledger.csv"),
        ],
        "unknown_operator",
        "platform",
        lambda _: ["--format=xml"],
    ),
    "split_statement": Entry(
        lambda w: [*_days(w, ""), "--format=json"],
        lambda w: _days(w, NOBODY),
        "unknown_operator",
        NOBODY,
        lambda w: ["--operator", w.operator.code, "--from=then", "--until=now"],
        is_json=False,
    ),
    "ledger_verify": Entry(
        lambda w: ["--operator", w.operator.code],
        lambda _: ["--operator", NOBODY],
        "unknown_operator",
        NOBODY,
        _odd,
    ),
    "order_verify": Entry(
        lambda w: ["--operator", w.operator.code],
        lambda _: ["--operator", NOBODY],
        "unknown_operator",
        NOBODY,
        _odd,
    ),
    "reconcile": Entry(
        lambda w: ["--operator", w.operator.code],
        lambda _: ["--account=acct_nobody"],
        "unknown_payee_account",
        "acct_nobody",
        lambda _: ["--operator"],
    ),
    "problem_catalogue": Entry(_nothing, None, "", "", _odd),
    "ocpp_coverage": Entry(_nothing, None, "", "", lambda _: ["--json", "--markdown"]),
    "event_catalogue": Entry(_nothing, None, "", "", _odd),
    "seed_demo": Entry(
        _nothing,
        lambda _: ["--payee=north"],
        "payee_invalid",
        "CODE=ACCOUNT",
        _odd,
    ),
}
"""What runs to its end."""

RUNNING = {"ocpp_gateway", "outbox_relay", "run"}
"""What runs until a signal: walked as processes."""


def new_world(folder, psp) -> World:
    """Two operators."""
    return World(accounts.operator("one"), accounts.operator("two"), folder, psp)
