"""Drivers: sign-up, log-in, tokens."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.contrib.auth import authenticate
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from cpms.accounts.models import Driver, DriverToken, User
from cpms.kernel.errors import DomainError
from cpms.kernel.ids import new_secret, sha256_hex

TOKEN_LIFETIME: Final = timedelta(days=30)
TOKENS_PER_DRIVER_MAX: Final = 20


class UnableToSignUp(DomainError):
    """The address is taken or the password too weak."""


class UnableToLogIn(DomainError):
    """Wrong address or password; the same answer for both."""

    http_status = 401


@dataclass(frozen=True)
class IssuedToken:
    """A bearer token, shown once."""

    driver_id: int
    token: str
    expires_at: datetime


@transaction.atomic
def sign_up(*, email: str, password: str, locale: str, at: datetime) -> IssuedToken:
    """Open a driver account and log it in.

    Raises:
        UnableToSignUp: the address is taken or the password is too weak.
    """
    address = User.objects.normalize_email(email).lower()
    try:
        validate_password(password, User(email=address))
    except ValidationError as error:
        raise UnableToSignUp("weak_password", " ".join(error.messages)) from error
    try:
        with transaction.atomic():
            user = User.objects.create_user(address, password)
            driver = Driver.objects.create(user=user, email=address, locale=locale)
    except IntegrityError as error:
        raise UnableToSignUp(
            "email_taken",
            "An account with this address exists; log in with POST "
            "/api/v1/driver/token.",
        ) from error
    return issue_token(driver_id=driver.pk, at=at)


def log_in(*, email: str, password: str, at: datetime) -> IssuedToken:
    """Check the password and issue a token.

    Raises:
        UnableToLogIn: no such pair of address and password, or no driver account.
    """
    user = authenticate(username=email.lower(), password=password)
    driver = Driver.objects.filter(user=user).first() if user is not None else None
    if driver is None:
        raise UnableToLogIn(
            "invalid_credentials", "The address or the password is not right."
        )
    return issue_token(driver_id=driver.pk, at=at)


@transaction.atomic
def issue_token(*, driver_id: int, at: datetime) -> IssuedToken:
    """Make a bearer token; the oldest ones beyond the limit end."""
    token = new_secret()
    expires_at = at + TOKEN_LIFETIME
    DriverToken.objects.create(
        driver_id=driver_id,
        token_hash=sha256_hex(token),
        created_at=at,
        expires_at=expires_at,
    )
    old = DriverToken.objects.filter(driver_id=driver_id).order_by("-created_at", "-pk")
    surplus = list(old.values_list("pk", flat=True)[TOKENS_PER_DRIVER_MAX:])
    if surplus:
        DriverToken.objects.filter(pk__in=surplus).delete()
    return IssuedToken(driver_id, token, expires_at)


def revoke_token(*, token: str, at: datetime) -> None:
    """End a token at once; an unknown one is no error."""
    DriverToken.objects.filter(
        token_hash=sha256_hex(token), revoked_at__isnull=True
    ).update(revoked_at=at)
