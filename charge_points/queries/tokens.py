"""Whose account a token is."""

from dataclasses import dataclass

from django.db.models import F

from charge_points.models import IdToken


@dataclass(frozen=True, slots=True)
class TokenAccount:
    """``driver_id`` None: an operator's own token, nobody's account."""

    token: str
    driver_id: int | None
    group: str
    status: str
    account_state: str


def token_account(token: str, *, operator_id: int) -> TokenAccount | None:
    """The policy that counts at this operator: its own, else the common one."""
    row = (
        IdToken.objects.filter(
            token_key=token.strip().upper(), operator_id=operator_id
        ).first()
        or IdToken.objects.filter(
            token_key=token.strip().upper(), operator_id__isnull=True
        )
        .order_by(F("pk"))
        .first()
    )
    if row is None:
        return None
    return TokenAccount(
        token=row.token,
        driver_id=row.driver_id,
        group=row.group_id,
        status=row.status,
        account_state=row.account_state,
    )


def blocked_drivers(*, limit: int) -> list[int]:
    """Accounts whose tokens are refused because the account may not charge."""
    rows = IdToken.objects.filter(
        account_state=IdToken.AccountState.BLOCKED, driver_id__isnull=False
    ).order_by("driver_id")
    found = rows.values_list("driver_id", flat=True).distinct()[:limit]
    return [key for key in found if key is not None]
