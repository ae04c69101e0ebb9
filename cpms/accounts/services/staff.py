"""Staff: which operators a user works for."""

from collections.abc import Collection
from typing import Final

from cpms.accounts.models import Membership
from cpms.accounts.services.operators import SCOPES

_LOOK: Final = frozenset({"charge_points:read", "orders:read"})
ROLE_SCOPES: Final[dict[str, frozenset[str]]] = {
    Membership.Role.OWNER: frozenset(SCOPES),
    Membership.Role.FINANCE: _LOOK | {"payments:write", "tariffs:write"},
    Membership.Role.TECHNICIAN: _LOOK
    | {"charge_points:write", "commands:write", "tokens:write"},
    Membership.Role.VIEWER: _LOOK,
}
"""What a member may do over REST: the same words as an API key's scopes."""


def operator_ids_of(*, user_id: int) -> tuple[int, ...]:
    """Ids of the operators that this user is a member of, ascending."""
    rows = Membership.objects.filter(user_id=user_id).order_by("operator_id")
    return tuple(rows.values_list("operator_id", flat=True))


def operator_ids_with(*, user_id: int, scopes: Collection[str]) -> tuple[int, ...]:
    """Ids of the operators at which the user's role gives all of these scopes."""
    roles = [role for role, given in ROLE_SCOPES.items() if given.issuperset(scopes)]
    rows = Membership.objects.filter(user_id=user_id, role__in=roles)
    return tuple(rows.order_by("operator_id").values_list("operator_id", flat=True))


def role_at(*, user_id: int, operator_id: int) -> str | None:
    """The user's role at an operator, or None."""
    rows = Membership.objects.filter(user_id=user_id, operator_id=operator_id)
    return rows.values_list("role", flat=True).first()
