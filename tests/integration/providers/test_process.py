"""The simulator's command line and its behaviour as a process."""

import http.client
import subprocess
import sys
from urllib.parse import urlsplit

import pytest

from tests.psp_process import ROOT, running_psp


def cli(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "simulators.psp", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_help_names_every_setting():
    done = cli("--help")
    assert done.returncode == 0
    for word in ("--port", "--journal", "--webhook-url", "--fee-basis-points"):
        assert word in done.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ("--api-key", "short"),
        ("--hold-s", "-1"),
        ("--host", "203.0.113.1"),
        ("--webhook-url", "ftp://a.example"),
    ],
)
def test_what_cannot_start_says_why(arguments):
    done = cli(*arguments)
    assert done.returncode == 2
    assert done.stderr.strip()
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("text", ["not a journal\n", "not a journal"])
def test_a_foreign_file_is_refused_and_left_alone(tmp_path, text):
    path = tmp_path / "notes.txt"
    path.write_text(text)
    done = cli("--journal", str(path))
    assert done.returncode == 2
    assert "notes.txt" in done.stderr
    assert path.read_text() == text


def test_keys_are_random_unless_given():
    with running_psp() as one, running_psp(api_key="sk_test_given_key") as two:
        assert one.api_key.startswith("sk_test_")
        assert len(one.api_key) > 30
        assert two.api_key == "sk_test_given_key"
        assert one.base_url != two.base_url
        assert one.webhook_secret != two.webhook_secret


def test_a_connection_stays_open_and_bodies_have_a_size(psp):
    host = urlsplit(psp.base_url).netloc
    connection = http.client.HTTPConnection(host, timeout=10)
    headers = {"Authorization": f"Bearer {psp.api_key}"}
    for _ in range(3):
        connection.request("GET", "/v1/balance", headers=headers)
        answer = connection.getresponse()
        assert answer.status == 200
        answer.read()
        assert connection.sock is not None
    connection.request("POST", "/v1/customers", b"a" * (1 << 20 | 1), headers)
    assert connection.getresponse().status == 413
    connection.close()


def test_the_process_ends_when_told_to():
    with running_psp() as psp:
        psp.process.terminate()
        assert psp.process.wait(10) in {0, -15}
