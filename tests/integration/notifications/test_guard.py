"""What a user's address may not reach: real sockets, real TLS, faked names only."""

import socket
import ssl
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from cpms.net import guarded
from cpms.net.guarded import UnableToReach, check_url, post
from tests.integration.gateway.authority import Authority


@contextmanager
def serving(handler, context=None):
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class Echo(BaseHTTPRequestHandler):
    size = 2

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        body = self.headers["Host"].encode().ljust(self.size, b".")
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


@pytest.fixture
def named(monkeypatch):
    """``named(host, *addresses)``: what the resolver answers."""
    table = {}
    real = socket.getaddrinfo

    def resolve(host, port, *args, **kwargs):
        if host not in table:
            return real(host, port, *args, **kwargs)
        return [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))
            for address in table[host]
        ]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)

    def name(host, *addresses):
        table[host] = addresses

    return name


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "10.1.2.3", "192.168.0.1", "172.16.0.9", "169.254.169.254"),
        *("0.0.0.0", "100.64.0.1", "224.0.0.1", "255.255.255.255"),
        *("::1", "fe80::1", "fd00::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1"),
        *("64:ff9b::7f00:1", "2002:7f00:1::", "ff02::1"),
    ],
)
def test_addresses_that_are_not_public_are_refused(named, address):
    named("inside.example", address)
    with pytest.raises(UnableToReach) as refusal:
        post("https://inside.example/", body=b"x", headers={})
    assert refusal.value.code == "address_forbidden"


def test_one_private_address_among_public_ones_is_enough(named):
    named("mixed.example", "93.184.216.34", "10.0.0.1")
    with pytest.raises(UnableToReach) as refusal:
        post("https://mixed.example/", body=b"x", headers={})
    assert refusal.value.code == "address_forbidden"


@pytest.mark.parametrize(
    "host", ["127.1", "2130706433", "0x7f.1", "[::1]", "localhost"]
)
def test_other_spellings_of_this_machine_are_refused(host):
    with pytest.raises(UnableToReach) as refusal:
        post(f"https://{host}/", body=b"x", headers={})
    assert refusal.value.code == "address_forbidden"


def test_plain_http_is_for_allowed_networks_only(named):
    named("public.example", "93.184.216.34")
    with pytest.raises(UnableToReach) as refusal:
        post("http://public.example/", body=b"x", headers={})
    assert refusal.value.code == "address_insecure"


def test_a_name_that_nobody_knows_is_told():
    with pytest.raises(UnableToReach) as refusal:
        post("https://nowhere.invalid/", body=b"x", headers={})
    assert refusal.value.code == "address_unknown"


def test_the_connection_goes_to_the_address_that_was_checked(named, settings, tmp_path):
    settings.OUTGOING_NETWORKS = ["127.0.0.0/8"]
    authority = Authority(tmp_path)
    settings.OUTGOING_CA_FILE = str(authority.path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.issue("hook.example", dns=["hook.example"]))
    with serving(Echo, context) as port:
        named("hook.example", "127.0.0.1")
        named("other.example", "127.0.0.1")
        answer = post(f"https://hook.example:{port}/a?b", body=b"x", headers={})
        assert (answer.status, answer.body) == (200, f"hook.example:{port}".encode())
        # The certificate is asked for the name, not for the address.
        with pytest.raises(UnableToReach) as refusal:
            post(f"https://other.example:{port}/", body=b"x", headers={})
        assert refusal.value.code == "unreachable"


def test_an_unknown_authority_is_refused(named, settings, tmp_path):
    settings.OUTGOING_NETWORKS = ["127.0.0.0/8"]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*Authority(tmp_path).issue("hook", dns=["hook.example"]))
    with serving(Echo, context) as port:
        named("hook.example", "127.0.0.1")
        with pytest.raises(UnableToReach) as refusal:
            post(f"https://hook.example:{port}/", body=b"x", headers={})
    assert refusal.value.code == "unreachable"


def test_a_long_answer_is_cut(settings, monkeypatch):
    settings.OUTGOING_NETWORKS = ["127.0.0.0/8"]
    monkeypatch.setattr(Echo, "size", guarded.ANSWER_BYTES_MAX + 100_000)
    with serving(Echo) as port:
        answer = post(f"http://127.0.0.1:{port}/", body=b"x", headers={})
    assert len(answer.body) == guarded.ANSWER_BYTES_MAX


def test_an_answer_that_drips_has_a_deadline(settings, monkeypatch):
    settings.OUTGOING_NETWORKS = ["127.0.0.0/8"]
    monkeypatch.setattr(guarded, "TIMEOUT_S", 0.5)
    stop = threading.Event()

    class Dripping(Echo):
        def do_POST(self):
            self.send_response(200)
            self.send_header("Content-Length", "1000000")
            self.end_headers()
            while not stop.wait(0.01):
                try:
                    self.wfile.write(b"." * 512)
                except OSError:
                    return

    with serving(Dripping) as port:
        answer = post(f"http://127.0.0.1:{port}/", body=b"x", headers={})
        stop.set()
    assert len(answer.body) < guarded.ANSWER_BYTES_MAX


def test_nobody_listening_is_told(settings):
    settings.OUTGOING_NETWORKS = ["127.0.0.0/8"]
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(UnableToReach) as refusal:
        post(f"http://127.0.0.1:{port}/", body=b"x", headers={})
    assert refusal.value.code == "unreachable"


@pytest.mark.parametrize(
    "url", ["https://e.org:0/", "https:///x", "//e.org/", "https://[::1", "https://e\n"]
)
def test_what_is_no_address_is_refused(url):
    with pytest.raises(UnableToReach):
        check_url(url)
