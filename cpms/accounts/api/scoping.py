"""Views inside row level security: one database transaction a request."""

from typing import Any

from django.db import transaction
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from rest_framework.exceptions import NotAuthenticated, PermissionDenied
from rest_framework.request import Request
from rest_framework.views import APIView

from cpms.accounts.api.authentication import ApiKeyPrincipal, DriverPrincipal
from cpms.accounts.models import User
from cpms.accounts.services.staff import operator_ids_with
from cpms.accounts.tenancy import acting_as_platform, set_scope


class _AtomicView(APIView):
    """One database transaction around the view; a refusal rolls it back.

    A view that waits or calls out sets ``one_transaction = False`` and opens scopes
    itself.
    """

    one_transaction = True

    def dispatch(
        self,
        request: HttpRequest,
        *args: Any,
        **kwargs: Any,
    ) -> HttpResponseBase:
        """Answer inside a database transaction."""
        if not self.one_transaction:
            return super().dispatch(request, *args, **kwargs)
        with transaction.atomic():
            response = super().dispatch(request, *args, **kwargs)
            if getattr(response, "exception", False):
                transaction.set_rollback(True)
            return response


class OperatorScopedView(_AtomicView):
    """For operators: sees the rows of the caller's operators only.

    ``self.operator_ids`` is what the caller may see; use it in querysets too: row
    level security is the second wall, not the first.
    """

    operator_ids: tuple[int, ...] = ()

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Authenticate, then set the scope."""
        super().initial(request, *args, **kwargs)
        self.operator_ids = self._resolve(request)
        if self.one_transaction:
            set_scope(role="operator", operator_ids=self.operator_ids)

    def _resolve(self, request: Request) -> tuple[int, ...]:
        user: Any = request.user
        if isinstance(user, ApiKeyPrincipal):
            return (user.operator_id,)
        if isinstance(user, User) and user.is_staff:
            with acting_as_platform("which operators is this user a member of?"):
                ids = operator_ids_with(user_id=user.pk, scopes=self._scopes())
            if ids:
                return ids
            raise PermissionDenied("Your role at no operator allows this.")
        raise PermissionDenied("This is for operators.")

    def _scopes(self) -> set[str]:
        """What the view's permissions ask for; a member's role must give it."""
        named = (getattr(each, "scope", None) for each in self.get_permissions())
        return {scope for scope in named if scope is not None}


class DriverScopedView(_AtomicView):
    """For drivers: sees the caller's own rows and what is public."""

    driver_id: int = 0

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Authenticate, then set the scope."""
        super().initial(request, *args, **kwargs)
        user: Any = request.user
        if not isinstance(user, DriverPrincipal):
            raise NotAuthenticated
        self.driver_id = user.driver_id
        if self.one_transaction:
            set_scope(role="driver", driver_id=self.driver_id)
