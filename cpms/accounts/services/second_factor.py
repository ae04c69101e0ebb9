"""The second factor of staff: a code that changes (RFC 6238), and codes for a loss.

Kept by django-otp, which also slows guessing down and refuses a code's second use.
Recovery codes are stored as hashes: each lets in once.
"""

import secrets
from typing import Any, ClassVar, Final

from django.conf import settings
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone
from django_otp import login
from django_otp.plugins.otp_static.models import StaticDevice, StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice

from cpms.accounts.models import Membership, User
from cpms.accounts.services.audit import record
from cpms.accounts.tenancy import acting_as_platform
from cpms.kernel.errors import DomainError
from cpms.kernel.ids import sha256_hex

RECOVERY_CODES: Final = 10
CODE_CHARS: Final = 10
ALPHABET: Final = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
"""Without signs that look like another; ten of them are 49 bits."""
TOKEN_CHARS: Final = 16
"""What the table takes of a hash: 64 bits."""
NEEDING_ROLES: Final = frozenset({Membership.Role.OWNER, Membership.Role.FINANCE})
"""Who moves money, or gives others the right to."""


class UnableToProve(DomainError):
    """The code is not the one of now."""

    http_status: ClassVar[int] = 403


def is_enrolled(user: User) -> bool:
    """Whether this user has a device that was proved once."""
    return bool(TOTPDevice.objects.filter(user=user, confirmed=True).exists())


def is_required(user: User) -> bool:
    """Whether this user must have one: platform staff, owners, and finance."""
    if not settings.STAFF_SECOND_FACTOR:
        return False
    if user.is_superuser:
        return True
    with acting_as_platform("is this user an owner or of finance anywhere?"):
        rows = Membership.objects.filter(user=user, role__in=NEEDING_ROLES)
        return rows.exists()


def is_proved(user: object) -> bool:
    """Whether this session's user gave a code (the middleware found its device)."""
    return getattr(user, "otp_device", None) is not None


def is_waiting(user: User) -> bool:
    """Whether the session is half logged in: password yes, second factor not yet."""
    if is_proved(user):
        return False
    return is_enrolled(user) or is_required(user)


def begin(user: User) -> TOTPDevice:
    """The device that is being enrolled, the same one until it is proved."""
    device, _made = TOTPDevice.objects.get_or_create(
        user=user, confirmed=False, defaults={"name": user.email[:64]}
    )
    return device


def confirm(request: HttpRequest, user: User, *, code: str) -> list[str]:
    """Prove the new device; it replaces the one before.

    Returns:
        Fresh recovery codes, readable this once.

    Raises:
        UnableToProve: wrong code, or too many tries.
    """
    device = TOTPDevice.objects.select_for_update().get(pk=begin(user).pk)
    if not device.verify_token(_plain(code)):
        raise UnableToProve(
            "code_wrong",
            "This is not the code of now. Check that the phone's clock is right, "
            "and try the next code.",
        )
    TOTPDevice.objects.filter(user=user, confirmed=True).delete()
    device.confirmed = True
    device.save(update_fields=["confirmed"])
    login(request, device)
    _note(user, "second_factor.enrolled")
    return renew_recovery_codes(user)


def renew_recovery_codes(user: User) -> list[str]:
    """Ten new codes, readable this once; those before are void."""
    codes = [
        "".join(secrets.choice(ALPHABET) for _ in range(CODE_CHARS))
        for _ in range(RECOVERY_CODES)
    ]
    with transaction.atomic():
        device, _made = StaticDevice.objects.get_or_create(
            user=user, defaults={"name": "recovery", "confirmed": True}
        )
        device.token_set.all().delete()
        StaticToken.objects.bulk_create(
            StaticToken(device=device, token=_hashed(code)) for code in codes
        )
        _note(user, "second_factor.recovery_codes_made")
    return [f"{code[:5]}-{code[5:]}" for code in codes]


def recovery_codes_left(user: User) -> int:
    """How many codes were not used yet."""
    return int(StaticToken.objects.filter(device__user=user).count())


def prove(request: HttpRequest, user: User, *, code: str) -> None:
    """Log the session in with a code of the device, or with a recovery code.

    Raises:
        UnableToProve: wrong or used code, or too many tries.
    """
    given = _plain(code)
    if given.isdecimal():
        devices: list[Any] = list(
            TOTPDevice.objects.select_for_update().filter(user=user, confirmed=True)
        )
    else:
        devices = list(StaticDevice.objects.select_for_update().filter(user=user))
        given = _hashed(given)
    for device in devices:
        if device.verify_token(given):
            login(request, device)
            _note(user, f"second_factor.proved_by_{device._meta.model_name}")  # noqa: SLF001
            return
    raise UnableToProve(
        "code_wrong",
        "This code is wrong, was used before, or came too soon after a wrong one. "
        "Wait a moment and give the next one.",
    )


def forget(user: User, *, by: str) -> None:
    """Take everything away: the phone and the recovery codes are lost.

    The user enrols anew at the next log-in. Whoever calls this made sure of the person.
    """
    with transaction.atomic():
        TOTPDevice.objects.filter(user=user).delete()
        StaticDevice.objects.filter(user=user).delete()
        _note(user, "second_factor.forgotten", actor=by)


def _plain(code: str) -> str:
    return "".join(code.split()).replace("-", "").upper()


def _hashed(code: str) -> str:
    return sha256_hex(f"recovery:{code}")[:TOKEN_CHARS]


def _note(user: User, action: str, *, actor: str = "") -> None:
    with acting_as_platform("a person's log-in belongs to no operator"):
        record(
            operator_id=None,
            actor=actor or user.email,
            action=action,
            object=f"user {user.email}"[:160],
            changes={},
            at=timezone.now(),
        )
