"""HTTP to an address that a user has set, without becoming the user's tool.

Server-side request forgery (OWASP SSRF): an operator's webhook must not reach the
platform's own network. So the name is resolved here, every address that it has must be
public (or in a network that the platform allows), and the connection goes to exactly
the address that was checked: a name that changes between check and use gains nothing.
Redirects are not followed, answers are read up to a limit and within a deadline.
"""

import ipaddress
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final
from urllib.parse import SplitResult, urlsplit

import certifi
import urllib3
from django.conf import settings

from cpms.kernel.errors import DomainError

URL_CHARS_MAX: Final = 500
TIMEOUT_S: Final = 10.0
ANSWER_BYTES_MAX: Final = 65_536
CHUNK_BYTES: Final = 4_096
ADDRESSES_MAX: Final = 16
NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class UnableToReach(DomainError):
    """The address is not allowed, or nobody answers there."""

    http_status: ClassVar[int] = 400


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; ``body`` may be cut at the limit."""

    status: int
    body: bytes
    retry_after: str | None = None


def _refuse(code: str, message: str) -> UnableToReach:
    return UnableToReach(code, message)


def check_url(url: str) -> SplitResult:
    """Look at an address without asking the network, when a user sets it.

    Raises:
        UnableToReach: ``address_invalid``, saying what is wrong with it.
    """
    if len(url) > URL_CHARS_MAX:
        raise _refuse(
            "address_invalid", f"The address is longer than {URL_CHARS_MAX} characters."
        )
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise _refuse("address_invalid", f"{url!r} is no address: {error}.") from error
    if parts.scheme not in {"https", "http"} or not parts.hostname:
        raise _refuse("address_invalid", f"{url!r} is not like https://HOST/PATH.")
    if parts.username or parts.password or parts.fragment:
        raise _refuse(
            "address_invalid", "The address must not hold a user, password or fragment."
        )
    if port == 0 or any(char.isspace() or ord(char) < 32 for char in url):
        raise _refuse("address_invalid", f"{url!r} is no address.")
    return parts


def _inner(address: Address) -> Address:
    """The IPv4 address inside an IPv6 one that only carries it."""
    if isinstance(address, ipaddress.IPv6Address):
        carried = address.ipv4_mapped or address.sixtofour
        if carried is not None:
            return carried
        if address in NAT64:
            return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    return address


def _is_allowed_inside(address: Address) -> bool:
    networks = (ipaddress.ip_network(text) for text in settings.OUTGOING_NETWORKS)
    return any(address in net for net in networks if net.version == address.version)


def _is_public(address: Address) -> bool:
    return address.is_global and not address.is_multicast and not address.is_reserved


def _resolve(host: str, port: int) -> list[Address]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise _refuse(
            "address_unknown", f"The name {host!r} cannot be resolved."
        ) from error
    texts = dict.fromkeys(str(entry[4][0]).split("%")[0] for entry in found)
    return [ipaddress.ip_address(text) for text in texts][:ADDRESSES_MAX]


def _checked_address(parts: SplitResult, *, is_signed: bool = False) -> Address:
    """The address to connect to; all that the name has must be allowed."""
    host = parts.hostname or ""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    addresses = _resolve(host, port)
    inside = [_is_allowed_inside(_inner(each)) for each in addresses]
    for address, allowed in zip(addresses, inside, strict=True):
        if not allowed and not _is_public(_inner(address)):
            raise _refuse(
                "address_forbidden",
                f"{host!r} leads to a network that is not public; "
                "give a public address.",
            )
    if parts.scheme == "http" and not is_signed and not all(inside):
        raise _refuse("address_insecure", f"{host!r} must be reached by https.")
    return addresses[0]


def _pool(parts: SplitResult, address: Address) -> urllib3.HTTPConnectionPool:
    timeout = urllib3.Timeout(connect=TIMEOUT_S, read=TIMEOUT_S)
    common: dict[str, Any] = {"timeout": timeout, "retries": False, "maxsize": 1}
    if parts.scheme == "http":
        return urllib3.HTTPConnectionPool(str(address), parts.port or 80, **common)
    return urllib3.HTTPSConnectionPool(
        str(address),
        parts.port or 443,
        server_hostname=parts.hostname,
        assert_hostname=parts.hostname,
        cert_reqs="CERT_REQUIRED",
        ca_certs=settings.OUTGOING_CA_FILE or certifi.where(),
        **common,
    )


def _read(response: urllib3.BaseHTTPResponse, deadline: float, most: int) -> bytes:
    body = b""
    for chunk in response.stream(CHUNK_BYTES, decode_content=False):
        body += chunk
        if len(body) >= most or time.monotonic() > deadline:
            break
    return body[:most]


def post(url: str, *, body: bytes, headers: Mapping[str, str]) -> Answer:
    """POST ``body``; never inside a database transaction.

    Raises:
        UnableToReach: the guard refuses the address (``address_…``) or the network
            fails (``unreachable``); the message may be shown to the operator.
    """
    parts = check_url(url)
    address = _checked_address(parts)
    return _ask("POST", parts, address, body=body, headers=headers)


def get_signed(url: str, *, bytes_max: int) -> Answer:
    """GET what carries a signature of its own, such as a revocation list.

    So plain HTTP will do (RFC 5280 4.2.1.13); all else is guarded as in ``post``. A
    body of ``bytes_max`` may be cut. Never inside a database transaction.

    Raises:
        UnableToReach: as ``post``.
    """
    parts = check_url(url)
    address = _checked_address(parts, is_signed=True)
    return _ask("GET", parts, address, bytes_max=bytes_max)


def _ask(
    method: str,
    parts: SplitResult,
    address: Address,
    *,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    bytes_max: int = ANSWER_BYTES_MAX,
) -> Answer:
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    deadline = time.monotonic() + TIMEOUT_S
    try:
        with _pool(parts, address) as pool:
            response = pool.urlopen(
                method,
                path,
                body=body,
                headers={"Host": parts.netloc, **(headers or {})},
                redirect=False,
                preload_content=False,
                decode_content=False,
            )
            try:
                answer = _read(response, deadline, bytes_max)
            finally:
                response.close()
    except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
        kind = type(error).__name__
        raise _refuse(
            "unreachable", f"{parts.hostname} did not answer ({kind})."
        ) from error
    return Answer(response.status, answer, response.headers.get("Retry-After"))
