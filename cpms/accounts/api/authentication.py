"""Driver tokens and operator API keys; only hashes are compared."""

from dataclasses import dataclass
from typing import Any, Final

from django.utils import timezone
from drf_spectacular.authentication import SessionScheme
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import (
    BaseAuthentication,
    SessionAuthentication,
    get_authorization_header,
)
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from cpms.accounts.models import ApiKey, DriverToken
from cpms.accounts.services.second_factor import is_waiting
from cpms.accounts.tenancy import acting_as_platform
from cpms.kernel.ids import sha256_hex

HEADER_CHARS_MAX: Final = 512


@dataclass(frozen=True)
class DriverPrincipal:
    """A logged-in driver; stands where Django has a user."""

    driver_id: int
    email: str
    is_authenticated: bool = True
    is_superuser: bool = False

    @property
    def pk(self) -> str:
        """The throttling and idempotency identity."""
        return f"driver-{self.driver_id}"


@dataclass(frozen=True)
class ApiKeyPrincipal:
    """An operator's system."""

    api_key_id: int
    prefix: str
    operator_id: int
    scopes: frozenset[str]
    is_authenticated: bool = True
    is_superuser: bool = False

    @property
    def pk(self) -> str:
        """The throttling and idempotency identity."""
        return f"key-{self.api_key_id}"


def _credential(request: Request, keyword: str) -> str | None:
    header = get_authorization_header(request)
    if len(header) > HEADER_CHARS_MAX:
        raise AuthenticationFailed("The Authorization header is too long.")
    words = header.decode("latin-1").split()
    if len(words) != 2 or words[0].lower() != keyword.lower():
        return None
    if not words[1].isprintable():
        raise AuthenticationFailed("The Authorization header is not text.")
    return words[1]


class DriverTokenAuthentication(BaseAuthentication):
    """``Authorization: Bearer <driver token>``."""

    keyword = "Bearer"

    def authenticate(self, request: Request) -> tuple[Any, str] | None:
        """Find the driver of a live token."""
        token = _credential(request, self.keyword)
        if token is None:
            return None
        with acting_as_platform("whose token is this?"):
            row = (
                DriverToken.objects.select_related("driver")
                .filter(
                    token_hash=sha256_hex(token),
                    revoked_at__isnull=True,
                    expires_at__gt=timezone.now(),
                    driver__user__is_active=True,
                )
                .first()
            )
        if row is None:
            raise AuthenticationFailed(
                "The token is unknown, expired or revoked; get a new one with POST "
                "/api/v1/driver/token."
            )
        return DriverPrincipal(row.driver_id, row.driver.email), token

    def authenticate_header(self, request: Request) -> str:  # noqa: ARG002 - DRF's own
        """Make a missing token a 401."""
        return self.keyword


class ApiKeyAuthentication(BaseAuthentication):
    """``Authorization: Api-Key <prefix>.<secret>``."""

    keyword = "Api-Key"

    def authenticate(self, request: Request) -> tuple[Any, None] | None:
        """Find the operator of a live key."""
        credential = _credential(request, self.keyword)
        if credential is None:
            return None
        prefix, _, secret = credential.partition(".")
        with acting_as_platform("whose key is this?"):
            row = ApiKey.objects.filter(
                prefix=prefix, key_hash=sha256_hex(secret), revoked_at__isnull=True
            ).first()
        expired = row is not None and (
            row.expires_at is not None and row.expires_at <= timezone.now()
        )
        if row is None or expired:
            raise AuthenticationFailed("The API key is unknown, expired or revoked.")
        principal = ApiKeyPrincipal(
            row.pk, row.prefix, row.operator_id, frozenset(row.scopes)
        )
        return principal, None

    def authenticate_header(self, request: Request) -> str:  # noqa: ARG002 - DRF's own
        """Make a missing key a 401."""
        return self.keyword


class _DriverTokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = DriverTokenAuthentication
    name = "driverToken"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:  # noqa: ANN401, ARG002
        return {"type": "http", "scheme": "bearer"}


class _ApiKeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = ApiKeyAuthentication
    name = "operatorApiKey"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:  # noqa: ANN401, ARG002
        return {
            "type": "apiKey",
            "in": "header",
            "name": "Authorization",
            "description": "Api-Key <prefix>.<secret>",
        }


class StaffSessionAuthentication(SessionAuthentication):
    """A session of the console; one without its second factor is none."""

    def authenticate(self, request: Request) -> tuple[Any, Any] | None:
        """The session's user.

        Raises:
            AuthenticationFailed: the second factor is still to be proved.
        """
        found = super().authenticate(request)
        if found is not None and found[0].is_staff and is_waiting(found[0]):
            raise AuthenticationFailed(
                "This session waits for its second factor; open /admin/ to prove it."
            )
        return found


class _StaffSessionScheme(SessionScheme):  # type: ignore[no-untyped-call]
    target_class = StaffSessionAuthentication  # type: ignore[assignment]
