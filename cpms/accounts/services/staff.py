"""Staff: which operators a user works for."""

from cpms.accounts.models import Membership


def operator_ids_of(*, user_id: int) -> tuple[int, ...]:
    """Ids of the operators that this user is a member of, ascending."""
    rows = Membership.objects.filter(user_id=user_id).order_by("operator_id")
    return tuple(rows.values_list("operator_id", flat=True))


def role_at(*, user_id: int, operator_id: int) -> str | None:
    """The user's role at an operator, or None."""
    rows = Membership.objects.filter(user_id=user_id, operator_id=operator_id)
    return rows.values_list("role", flat=True).first()
