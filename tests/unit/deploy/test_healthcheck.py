"""The containers' health check, against real sockets."""

import http.server
import runpy
import socket
import threading
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[3] / "deploy" / "healthcheck.py"


@pytest.fixture
def main():
    return runpy.run_path(str(SCRIPT))["main"]


@pytest.fixture
def web():
    seen = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            seen.append(self.headers["Host"])
            self.send_response(200 if self.path == "/healthz" else 503)
            self.end_headers()

        def log_message(self, *_):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield str(server.server_port), seen
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("allowed", "host"),
    [
        ("cpms.example.com,other", "cpms.example.com"),
        (".example.com", "example.com"),
        ("*", "localhost"),
        ("", "localhost"),
    ],
)
def test_a_web_process_is_asked_under_a_name_that_it_accepts(
    main, web, monkeypatch, allowed, host
):
    port, seen = web
    monkeypatch.setenv("ALLOWED_HOSTS", allowed)

    assert main(["http", port, "/healthz"]) == 0
    assert main(["http", port, "/readyz"]) == 1
    assert seen == [host, host]


def test_a_port_that_nobody_listens_on_is_not_healthy(main):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
        assert main(["tcp", port]) == 0
    assert main(["tcp", port]) == 1
    assert main(["http", port, "/healthz"]) == 1


@pytest.mark.parametrize(
    "words", [[], ["http", "8000"], ["tcp", "nine"], ["ping", "1"]]
)
def test_misuse_tells_the_usage(main, words, capsys):
    assert main(words) == 2
    assert "healthcheck.py" in capsys.readouterr().err
