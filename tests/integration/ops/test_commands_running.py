"""Commands that run until a signal: ready, refused, wrongly used, as processes."""

import json
import signal
import socket
import subprocess
import sys
from contextlib import closing, contextmanager

import pytest

from cpms.outbox.models import Delivery, EventRecord
from cpms.outbox.subscriptions import all_subscriptions
from tests.integration.ops.command_walk import RUNNING
from tests.integration.ops.processes import PATIENCE_S, ROOT, environment, free_port
from tests.integration.ops.test_commands import documented_keys

pytestmark = [pytest.mark.integration, pytest.mark.slow]


def run(redis_url, *arguments):
    """``manage.py <arguments>`` to its end."""
    return subprocess.run(
        [sys.executable, "manage.py", *map(str, arguments)],
        cwd=ROOT,
        env=environment(redis_url),
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )


@contextmanager
def taken_port():
    with closing(socket.socket()) as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        yield holder.getsockname()[1]


@pytest.fixture
def redis_url(valkey):
    return valkey.ensure()


@pytest.fixture
def due(transactional_db):
    """A delivery that waits for the relay."""
    heard = next(iter(all_subscriptions()))
    event = EventRecord.objects.create(topic="tests.walk", key="1", payload={})
    return Delivery.objects.create(event=event, subscriber=heard.name)


@pytest.mark.parametrize("name", sorted(RUNNING))
def test_wrong_usage_ends_with_2(db, name):
    ended = run("redis://127.0.0.1:1/0", name, "--no-such-option")

    assert ended.returncode == 2
    assert "--no-such-option" in ended.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["ocpp_gateway", "--port=70000"], "65535"),
        (["ocpp_gateway", "--port=http"], "no port"),
        (["ocpp_gateway", "--port=0", "--processes=0"], "at least 1"),
        (["run", "--web-port=0"], "1 to 65535"),
        (["run", "--gateway-port=70000"], "65535"),
    ],
)
def test_an_impossible_number_is_wrong_usage(db, arguments, said):
    ended = run("redis://127.0.0.1:1/0", *arguments)

    assert ended.returncode == 2, ended
    assert said in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(
    ("command", "option"),
    [
        ("ocpp_gateway", "--port"),
        ("run", "--web-port"),
        ("run", "--gateway-port"),
    ],
)
def test_a_taken_port_is_refused_before_anything_is_started(db, command, option):
    others = {"run": {"--web-port", "--gateway-port"}}.get(command, set()) - {option}
    with taken_port() as port:
        ended = run(
            "redis://127.0.0.1:1/0",
            *(command, f"{option}={port}"),
            *(f"{other}={free_port()}" for other in others),
        )

    assert ended.returncode == 1
    assert f"Port {port} on 127.0.0.1 is not free" in ended.stderr
    assert f"another one with {option}" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_the_gateway_says_as_json_where_it_listens(transactional_db, redis_url):
    argv = [sys.executable, "manage.py", "ocpp_gateway", "--port=0", "--json"]
    with subprocess.Popen(
        argv,
        cwd=ROOT,
        env=environment(redis_url),
        stdout=subprocess.PIPE,
        text=True,
    ) as gateway:
        ready = json.loads(gateway.stdout.readline())
        gateway.send_signal(signal.SIGTERM)
        status = gateway.wait(PATIENCE_S)

    assert ready.keys() == documented_keys()["ocpp_gateway"]
    assert (ready["event"], status) == ("ready", 0)


def test_one_round_of_the_relay_says_how_many_it_handed_over(due, redis_url):
    ended = run(redis_url, "outbox_relay", "--once")

    assert (ended.returncode, ended.stdout) == (0, "1\n")


def test_a_round_without_a_broker_is_refused_and_loses_nothing(due):
    ended = run("redis://127.0.0.1:1/0", "outbox_relay", "--once")

    assert ended.returncode == 1
    assert "Refused (broker_unreachable): " in ended.stderr
    assert "REDIS_URL" in ended.stderr
    assert "Traceback" not in ended.stderr
    due.refresh_from_db()
    assert (due.state, due.attempts) == ("pending", 0)


def test_a_round_without_a_database_is_refused(db, redis_url):
    ended = subprocess.run(
        [sys.executable, "manage.py", "outbox_relay", "--once"],
        cwd=ROOT,
        env={
            **environment(redis_url),
            "DATABASE_URL_SYSTEM": "postgresql://nobody:hidden@127.0.0.1:1/none",
        },
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )

    assert ended.returncode == 1
    assert "Refused (database_unreachable): " in ended.stderr
    assert "DATABASE_URL" in ended.stderr
    assert "hidden" not in ended.stderr
