"""Charge points: creating them, letting them in, and what they say at boot."""

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.db import transaction
from django.utils.encoding import force_bytes

from charge_points.models import ChargePoint, Connector, Site
from charge_points.services import boots, commands
from charge_points.services.connectors import EVSES_MAX, add_connector
from charge_points.services.facts import BootFact
from charge_points.services.rows import insert_unless_exists
from cpms.accounts.models import Operator
from cpms.accounts.services import audit
from cpms.kernel.errors import DomainError

IDENTITY: Final = re.compile(r"[A-Za-z0-9*+=:|@._-]{1,48}")
PASSWORD_BYTES: Final = 20
"""160 random bits as 40 hexadecimal digits: what 1.6 calls an AuthorizationKey."""
PASSWORD_CHARS: Final = range(16, 41)
DEFAULT_SITE: Final = "Main site"
ASK_CONFIGURATION_AFTER: Final = timedelta(minutes=1)
WELCOME_WITHIN: Final = timedelta(days=7)
_Call = tuple[str, dict[str, object]]
_BOOT_NOW: Final[_Call] = (
    "TriggerMessage",
    {"requestedMessage": "BootNotification"},
)
_INVENTORY: Final[dict[str, _Call]] = {
    "1.6": ("GetConfiguration", {}),
    "2.0.1": ("GetBaseReport", {"requestId": 1, "reportBase": "FullInventory"}),
}
PENDING_MAX: Final = 100
"""Charge points of one operator that wait for somebody to accept them."""


class UnableToCreateChargePoint(DomainError):
    """The data are wrong, or the identity is taken."""


class UnableToFindChargePoint(DomainError):
    """There is no such charge point."""

    http_status = 404


@dataclass(frozen=True, slots=True)
class NewChargePoint:
    """What is asked for. ``password`` None: one is made."""

    operator_code: str
    identity: str
    security_profile: int = 1
    password: str | None = None
    evses: int = 1
    ocpp_version: str = ""
    max_power_w: int = 0
    connector_type: str = ""
    site: str = DEFAULT_SITE


@dataclass(frozen=True, slots=True)
class CreatedChargePoint:
    """``password`` is known at this moment only; None for profiles 0 and 3."""

    charge_point_id: int
    identity: str
    operator_id: int
    password: str | None
    connector_codes: tuple[str, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class ChargePointCredentials:
    """What the handshake needs to know; digests are HMAC-SHA256, 32 bytes each."""

    charge_point_id: int
    identity: str
    operator_id: int
    operator_code: str
    security_profile: int
    profile_0_allowed: bool
    registration: str
    password_digests: tuple[bytes, ...]
    tolerate_missing_subprotocol: bool
    security_profile_next: int | None = None


def password_hash(password: str) -> str:
    """HMAC-SHA256, keyed with CHARGE_POINT_PASSWORD_KEY, hexadecimal."""
    key = force_bytes(settings.CHARGE_POINT_PASSWORD_KEY)
    return hmac.new(key, password.encode(), hashlib.sha256).hexdigest()


def new_password() -> str:
    """40 lower-case hexadecimal digits."""
    return secrets.token_hex(PASSWORD_BYTES)


def _refuse(code: str, message: str) -> UnableToCreateChargePoint:
    return UnableToCreateChargePoint(code, message)


def _check(wanted: NewChargePoint, operator: Operator | None) -> Operator:
    if operator is None:
        raise _refuse(
            "unknown_operator",
            f"There is no operator with the code {wanted.operator_code!r}; "
            "make it with create_operator.",
        )
    if not IDENTITY.fullmatch(wanted.identity):
        raise _refuse(
            "identity_invalid",
            f"{wanted.identity!r} is no charge point identity: 1 to 48 of the "
            "characters A-Z a-z 0-9 * + = : | @ . _ -",
        )
    if wanted.security_profile not in range(4):
        raise _refuse("security_profile_invalid", "The security profile is 0 to 3.")
    if wanted.security_profile == 0 and not operator.allow_security_profile_0:
        raise _refuse(
            "security_profile_0_not_allowed",
            f"Operator {operator.code} does not allow security profile 0 (no "
            "password); use 1 to 3, or create it with --allow-security-profile-0.",
        )
    if not 1 <= wanted.evses <= EVSES_MAX:
        raise _refuse("evses_invalid", f"A charge point has 1 to {EVSES_MAX} EVSEs.")
    if wanted.password is not None and len(wanted.password) not in PASSWORD_CHARS:
        raise _refuse(
            "password_length",
            f"A password has {PASSWORD_CHARS.start} to {PASSWORD_CHARS.stop - 1} "
            "characters; leave it out to have one made.",
        )
    return operator


def default_site(operator: Operator, *, name: str, at: datetime) -> Site:
    """The operator's site of this name; made when it is missing."""
    site, _ = Site.objects.get_or_create(
        operator=operator,
        name=name,
        defaults={
            "country": operator.country,
            "time_zone": operator.time_zone,
            "created_at": at,
        },
    )
    return site


@transaction.atomic
def create_charge_point(
    *, wanted: NewChargePoint, by: str, at: datetime
) -> CreatedChargePoint:
    """Take in a charge point with its EVSEs, one connector each.

    Raises:
        UnableToCreateChargePoint: unknown operator, wrong data, identity taken.
    """
    operator = _check(
        wanted, Operator.objects.filter(code=wanted.operator_code).first()
    )
    needs_password = wanted.security_profile in {1, 2}
    password = (wanted.password or new_password()) if needs_password else None
    site = default_site(operator, name=wanted.site, at=at)
    row = ChargePoint(
        operator=operator,
        site_id=site.pk,
        identity=wanted.identity,
        ocpp_version=wanted.ocpp_version,
        security_profile=wanted.security_profile,
        password_hash=password_hash(password) if password else "",
        created_at=at,
    )
    if not insert_unless_exists(row):
        raise _refuse(
            "identity_taken",
            f"A charge point with the identity {wanted.identity!r} exists already; "
            "identities are unique on the whole platform.",
        )
    for number in range(1, wanted.evses + 1):
        add_connector(
            operator_id=operator.pk,
            charge_point_id=row.pk,
            evse=number,
            connector=1,
            max_power_w=wanted.max_power_w,
            connector_type=wanted.connector_type,
        )
    audit.record(
        operator_id=operator.pk,
        actor=by,
        action="charge_point.created",
        object=f"charge point {wanted.identity}",
        changes={
            "security_profile": wanted.security_profile,
            "evses": wanted.evses,
            "site": site.name,
        },
        at=at,
    )
    codes = Connector.objects.filter(charge_point_id=row.pk).order_by("evse_number")
    return CreatedChargePoint(
        charge_point_id=row.pk,
        identity=row.identity,
        operator_id=operator.pk,
        password=password,
        connector_codes=tuple(codes.values_list("code", flat=True)),
    )


@transaction.atomic
def change_password(
    *, charge_point_id: int, password: str | None, by: str, at: datetime
) -> str:
    """Give a charge point another password; both are good until it was used.

    Raises:
        UnableToFindChargePoint: there is no such row.
        UnableToCreateChargePoint: the length is wrong.
    """
    fresh = password or new_password()
    if len(fresh) not in PASSWORD_CHARS:
        raise _refuse("password_length", "A password has 16 to 40 characters.")
    row = ChargePoint.objects.select_for_update().filter(pk=charge_point_id).first()
    if row is None:
        raise UnableToFindChargePoint(
            "unknown_charge_point", f"There is no charge point {charge_point_id}."
        )
    row.password_hash_next = password_hash(fresh)
    if not row.password_hash:
        row.password_hash = row.password_hash_next
        row.password_hash_next = ""
    row.save(update_fields=["password_hash", "password_hash_next"])
    audit.record(
        operator_id=row.operator_id,
        actor=by,
        action="charge_point.password_changed",
        object=f"charge point {row.identity}",
        changes={},
        at=at,
    )
    return fresh


@transaction.atomic
def register(*, charge_point_id: int, registration: str, by: str, at: datetime) -> None:
    """Accept, hold (pending) or reject a charge point.

    It learns so by the answer to its next BootNotification. One that waits is asked to
    boot at once when it is accepted (1.6 4.2, 2.0.1 B02), and after that for its
    configuration; a rejected one may not be sent anything (B03) and asks by itself.

    Raises:
        UnableToFindChargePoint: there is no such row.
    """
    row = ChargePoint.objects.select_for_update().filter(pk=charge_point_id).first()
    if row is None:
        raise UnableToFindChargePoint(
            "unknown_charge_point", f"There is no charge point {charge_point_id}."
        )
    before, row.registration = row.registration, ChargePoint.Registration(registration)
    if before == row.registration:
        return
    row.save(update_fields=["registration"])
    waits = before == ChargePoint.Registration.PENDING
    if row.registration == ChargePoint.Registration.ACCEPTED and row.ocpp_version:
        _welcome(row, at=at, asks_to_boot=waits)
    audit.record(
        operator_id=row.operator_id,
        actor=by,
        action="charge_point.registration_changed",
        object=f"charge point {row.identity}",
        changes={"from": before, "to": registration},
        at=at,
    )


def _welcome(row: ChargePoint, *, at: datetime, asks_to_boot: bool) -> None:
    """Ask a station that was let in to boot, and then what it can do.

    The configuration is asked for late: some stations hang up when they are asked
    while they still report their connectors.
    """
    inventory = _INVENTORY[row.ocpp_version]
    asked = [(inventory, at + ASK_CONFIGURATION_AFTER)]
    if asks_to_boot:
        asked.insert(0, (_BOOT_NOW, at))
    for (action, payload), scheduled_at in asked:
        commands.queue(
            charge_point_id=row.pk,
            action=action,
            payload=payload,
            by="registration",
            idempotency_key=f"accepted {at.isoformat()} {action}",
            expires_at=at + WELCOME_WITHIN,
            at=at,
            scheduled_at=scheduled_at,
        )


def _credentials(row: ChargePoint) -> ChargePointCredentials:
    digests = (row.password_hash, row.password_hash_next)
    return ChargePointCredentials(
        charge_point_id=row.pk,
        identity=row.identity,
        operator_id=row.operator_id,
        operator_code=row.operator.code,
        security_profile=row.security_profile,
        profile_0_allowed=row.operator.allow_security_profile_0,
        registration=row.registration,
        password_digests=tuple(bytes.fromhex(d) for d in digests if d),
        tolerate_missing_subprotocol=row.tolerate_missing_subprotocol,
        security_profile_next=row.security_profile_next,
    )


def credentials_for_many(*, identities: list[str]) -> dict[str, ChargePointCredentials]:
    """What handshakes need, by identity; unknown ones are left out. One statement."""
    rows = ChargePoint.objects.filter(identity__in=identities).select_related(
        "operator"
    )
    return {row.identity: _credentials(row) for row in rows}


def credentials_for(*, identity: str) -> ChargePointCredentials | None:
    """What a handshake needs to know; None for an unknown charge point."""
    return credentials_for_many(identities=[identity]).get(identity)


@transaction.atomic
def onboard(
    *, operator_code: str, identity: str, at: datetime
) -> ChargePointCredentials | None:
    """A charge point introduced itself on the operator's onboarding address.

    It waits as pending, without password, until somebody accepts it.

    Returns:
        None when there is no such operator, the identity is not allowed or taken by
        another operator, or too many wait already.
    """
    operator = Operator.objects.filter(code=operator_code).first()
    if operator is None or not IDENTITY.fullmatch(identity):
        return None
    known = (
        ChargePoint.objects.filter(identity=identity).select_related("operator").first()
    )
    if known is not None:
        return _credentials(known) if known.operator_id == operator.pk else None
    waiting = ChargePoint.objects.filter(operator=operator, registration="pending")
    if waiting.count() >= PENDING_MAX:
        return None
    row = ChargePoint(
        operator=operator,
        site_id=default_site(operator, name=DEFAULT_SITE, at=at).pk,
        identity=identity,
        security_profile=0,
        registration=ChargePoint.Registration.PENDING,
        created_at=at,
    )
    if not insert_unless_exists(row):
        return None
    return _credentials(row)


def boot(*, fact: BootFact) -> str:
    """Take note of a BootNotification; see ``boots.record_many``.

    Returns:
        The registration: "accepted", "pending" or "rejected".
    """
    return boots.record_many([fact])[0].registration
