"""Who may connect, and in which version: a pure decision (design page 3.2)."""

from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Final

from charge_points.gateway.addresses import StationAddress
from charge_points.gateway.credentials import BasicCredentials, matched
from charge_points.ocpp.versions import V16, VERSION_BY_SUBPROTOCOL

PROFILE_NONE: Final = 0
PROFILE_BASIC: Final = 1
PROFILE_BASIC_TLS: Final = 2
PROFILE_MUTUAL_TLS: Final = 3

QUIRK_NO_SUBPROTOCOL: Final = "handshake_no_subprotocol"
QUIRK_SEVERAL_SUBPROTOCOLS: Final = "handshake_several_subprotocols"
QUIRK_NO_UPGRADE: Final = "handshake_no_upgrade"

OFFERED_MAX: Final = 16


@dataclass(frozen=True, slots=True)
class StationRecord:
    """What the database knows of a charge point that wants to connect.

    ``password_digests`` are HMAC-SHA256 values; a second, newer one while a password
    is being changed. ``security_profile_next``: while the profile is being raised, the
    one that the station may come back with. ``subprotocol_optional``: this charger may
    leave the header out.
    """

    charge_point_id: int
    identity: str
    operator_id: int
    security_profile: int
    profile_0_allowed: bool
    registration: str
    operator_code: str = ""
    password_digests: tuple[bytes, ...] = ()
    subprotocol_optional: bool = True
    security_profile_next: int | None = None


@dataclass(frozen=True, slots=True)
class Attempt:
    """One handshake as it arrived.

    ``certificate_names`` are the names in a client certificate; empty without one.
    ``certificate_fault`` says why that certificate proves nothing.
    """

    address: StationAddress
    remote: str
    offered: tuple[str, ...] = ()
    credentials: BasicCredentials | None = None
    is_tls: bool = False
    certificate_names: tuple[str, ...] = ()
    certificate_fault: str = ""
    quirks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to do with an attempt.

    ``status`` 101 accepts. An accepted attempt without ``version`` is completed
    without subprotocol header and closed at once (OCPP-J 1.6, 3.1.2). ``reason`` is
    for the log and the security event; ``text`` is what the peer may read. An accepted
    attempt was judged by ``security_profile``; ``uses_new_password``: with the password
    that is to replace another one.
    """

    status: HTTPStatus
    text: str = ""
    reason: str = ""
    version: str | None = None
    subprotocol: str | None = None
    quirks: tuple[str, ...] = field(default=())
    security_profile: int = PROFILE_NONE
    uses_new_password: bool = False

    @property
    def accepted(self) -> bool:
        """Whether the websocket is opened (be it to be closed again)."""
        return self.status is HTTPStatus.SWITCHING_PROTOCOLS

    @property
    def is_breach(self) -> bool:
        """Whether the refusal is a security event of a known charge point."""
        return self.status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}


UNKNOWN: Final = Verdict(
    HTTPStatus.NOT_FOUND,
    "No such charge point. Create it first, or use the operator's onboarding address "
    "/ocpp/<operator>/<charge point id>.\n",
    "unknown charge point",
)
TOO_MANY_FAILURES: Final = Verdict(
    HTTPStatus.TOO_MANY_REQUESTS,
    "Too many refused attempts from this address; try again in a minute.\n",
    "too many failures of this address",
)


def decide(attempt: Attempt, record: StationRecord | None, key: bytes) -> Verdict:
    """Judge an attempt to connect.

    Args:
        attempt: what arrived.
        record: the charge point, None when it is unknown.
        key: of the password digests.
    """
    if record is None or not _belongs(attempt, record):
        return UNKNOWN
    profile = record.security_profile
    wanted = record.security_profile_next
    refused = _refuse(attempt, record, key, profile)
    # The higher profile counts as soon as it is fulfilled.
    if wanted is not None and _refuse(attempt, record, key, wanted) is None:
        profile, refused = wanted, None
    if refused is not None:
        return refused
    return replace(
        _choose_version(attempt, record),
        security_profile=profile,
        uses_new_password=_uses_new_password(attempt, record, key),
    )


def _belongs(attempt: Attempt, record: StationRecord) -> bool:
    """An onboarding address must name the operator that owns the charge point."""
    code = attempt.address.operator_code
    return code is None or code == record.operator_code


def _uses_new_password(attempt: Attempt, record: StationRecord, key: bytes) -> bool:
    credentials, digests = attempt.credentials, record.password_digests
    if credentials is None or len(digests) < 2:
        return False
    return matched(credentials.password, digests, key) == len(digests) - 1


def _refuse(
    attempt: Attempt, record: StationRecord, key: bytes, profile: int
) -> Verdict | None:
    """Why the attempt does not fulfil a security profile; None when it does."""
    if profile in {PROFILE_BASIC_TLS, PROFILE_MUTUAL_TLS} and not attempt.is_tls:
        return _forbidden(
            f"security profile {profile} needs TLS",
            "This charge point must connect by TLS (wss).\n",
        )
    if profile == PROFILE_NONE:
        return _check_openness(record)
    if profile == PROFILE_MUTUAL_TLS:
        return _check_certificate(attempt, record)
    return _check_password(attempt, record, key)


def _check_openness(record: StationRecord) -> Verdict | None:
    if record.profile_0_allowed:
        return None
    return _forbidden(
        "the operator does not allow security profile 0",
        "This operator does not allow connections without password.\n",
    )


def _check_certificate(attempt: Attempt, record: StationRecord) -> Verdict | None:
    if attempt.certificate_fault:
        return _forbidden(
            attempt.certificate_fault, "The client certificate is not accepted.\n"
        )
    if not attempt.certificate_names:
        return _forbidden(
            "no client certificate", "This charge point needs a client certificate.\n"
        )
    if record.identity not in attempt.certificate_names:
        return _forbidden(
            "the client certificate is for another charge point",
            "The client certificate does not belong to this charge point.\n",
        )
    return None


def _check_password(
    attempt: Attempt, record: StationRecord, key: bytes
) -> Verdict | None:
    credentials = attempt.credentials
    if credentials is None:
        return _unauthorized("no password was sent")
    if credentials.username != record.identity:
        return _unauthorized("the user name is not the charge point's id")
    if matched(credentials.password, record.password_digests, key) is None:
        return _unauthorized("wrong password")
    return None


def _unauthorized(reason: str) -> Verdict:
    # One text for all reasons: it tells a guesser nothing.
    return Verdict(HTTPStatus.UNAUTHORIZED, "Wrong user name or password.\n", reason)


def _forbidden(reason: str, text: str) -> Verdict:
    return Verdict(HTTPStatus.FORBIDDEN, text, reason)


def _choose_version(attempt: Attempt, record: StationRecord) -> Verdict:
    """Take the first offered subprotocol that we speak (the station's preference)."""
    quirks = attempt.quirks
    if not attempt.offered:
        if record.subprotocol_optional:
            return Verdict(
                HTTPStatus.SWITCHING_PROTOCOLS,
                version=V16,
                quirks=(*quirks, QUIRK_NO_SUBPROTOCOL),
            )
        return Verdict(
            HTTPStatus.SWITCHING_PROTOCOLS, reason="no subprotocol", quirks=quirks
        )
    known = [name for name in attempt.offered if name in VERSION_BY_SUBPROTOCOL]
    if not known:
        return Verdict(
            HTTPStatus.SWITCHING_PROTOCOLS,
            reason="none of the offered subprotocols is known",
            quirks=quirks,
        )
    if len(known) > 1:
        quirks = (*quirks, QUIRK_SEVERAL_SUBPROTOCOLS)
    return Verdict(
        HTTPStatus.SWITCHING_PROTOCOLS,
        version=VERSION_BY_SUBPROTOCOL[known[0]],
        subprotocol=known[0],
        quirks=quirks,
    )
