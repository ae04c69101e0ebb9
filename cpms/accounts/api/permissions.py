"""Who may call a view."""

from typing import Any

from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from cpms.accounts.api.authentication import ApiKeyPrincipal, DriverPrincipal
from cpms.accounts.models import User


class IsDriver(BasePermission):
    """A driver's bearer token."""

    message = "This needs a driver's token."

    def has_permission(self, request: Request, view: APIView) -> bool:  # noqa: ARG002 - DRF's own
        """Only a logged-in driver."""
        return isinstance(request.user, DriverPrincipal)


def HasScope(wanted: str) -> type[BasePermission]:  # noqa: N802 - made like a class
    """A permission class: an API key with this scope, or staff.

    At which operators a member's role gives the scope is ``OperatorScopedView``'s to
    find out: it leaves the others out.
    """

    class _HasScope(BasePermission):
        scope = wanted
        message = f"This needs an API key with the scope {wanted}, or a staff session."

        def has_permission(self, request: Request, view: APIView) -> bool:  # noqa: ARG002
            user: Any = request.user
            if isinstance(user, ApiKeyPrincipal):
                return wanted in user.scopes
            return isinstance(user, User) and user.is_staff

    return _HasScope
