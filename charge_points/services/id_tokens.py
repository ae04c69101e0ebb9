"""Start policies: what billing says beforehand of each token."""

import re
from collections.abc import Sequence
from datetime import datetime, time
from typing import Final

from django.db import transaction

from charge_points.models import IdToken, OperatorPolicy
from cpms.kernel.errors import DomainError

TOKEN_CHARS_MAX: Final = 255
# DE-8AA-1A2B3C4D5-9: country, provider, instance, check digit or none.
EMAID_HYPHENS: Final = re.compile(
    r"[A-Z]{2}-[A-Z0-9]{3}-[A-Z0-9]{9}(?:-[A-Z0-9])?", re.ASCII
)
STATUSES: Final = tuple(IdToken.Status.values)


class UnableToPutPolicy(DomainError):
    """The token or its policy is not valid."""

    http_status = 422


def token_key(token: str) -> str:
    """Tokens are compared without case and surrounding blanks (1.6 CiString).

    An eMAID may be written with hyphens or without (ISO 15118-2, annex H).
    """
    key = token.strip().upper()
    return key.replace("-", "") if EMAID_HYPHENS.fullmatch(key) else key


def _checked(token: str, status: str) -> tuple[str, str]:
    """The key of a token and the word of a status, as they are stored."""
    key, word = token_key(token), status.strip().lower()
    if not key or len(key) > TOKEN_CHARS_MAX or not key.isprintable():
        raise UnableToPutPolicy(
            "token_invalid",
            f"A token has 1 to {TOKEN_CHARS_MAX} printable characters.",
        )
    if word not in STATUSES:
        raise UnableToPutPolicy(
            "status_invalid",
            f"{status!r} is no status; choose from {', '.join(STATUSES)}.",
        )
    return key, word


@transaction.atomic
def put_policy(  # noqa: PLR0913 - the fields of one row, all named
    *,
    token: str,
    status: str,
    operator_id: int | None,
    at: datetime,
    group: str = "",
    expires_at: datetime | None = None,
    driver_id: int | None = None,
    account_state: str = "none",
    token_type: str = "",
    concurrent_allowed: bool = False,
    stop_only: bool = False,
    allowed_connector_types: Sequence[str] = (),
    allowed_site_ids: Sequence[int] = (),
    valid_from: time | None = None,
    valid_until: time | None = None,
) -> IdToken:
    """Write the policy of a token at one operator, or (None) at all of them.

    Args:
        token: the RFID number, app token or eMAID; case does not matter.
        status: "accepted", "blocked", "expired" or "invalid" (case does not matter).
        operator_id: whose policy it is; an operator's own counts before the common.
        at: now.
        group: tokens of one group may stop each other's charges.
        expires_at: from then on the answer is Expired.
        driver_id: whose account pays; None for an operator's own token.
        account_state: "none", "ok" or "blocked" (the account cannot pay).
        token_type: as 2.0.1 names it, for information.
        concurrent_allowed: several charges at the same time are fine.
        stop_only: a master pass: stops the charges of all, starts none.
        allowed_connector_types: as OCPI names them; none: all.
        allowed_site_ids: none: all.
        valid_from: begin of its hours by the clock of the site; None: at all hours.
        valid_until: their end, before ``valid_from`` for the next day.

    Raises:
        UnableToPutPolicy: the token is empty or too long, the status is no word of
            the list, or the hours have one end.
    """
    key, word = _checked(token, status)
    if (valid_from is None) != (valid_until is None):
        raise UnableToPutPolicy(
            "hours_incomplete", "The hours of a token have a begin and an end."
        )
    row, _ = IdToken.objects.update_or_create(  # type: ignore[misc]  # null is a key
        token_key=key,
        operator_id=operator_id,
        defaults={
            "token": token.strip(),
            "token_type": token_type,
            "status": word,
            "group_id": group,
            "expires_at": expires_at,
            "driver_id": driver_id,
            "account_state": account_state,
            "concurrent_allowed": concurrent_allowed,
            "stop_only": stop_only,
            "allowed_connector_types": list(allowed_connector_types),
            "allowed_site_ids": list(allowed_site_ids),
            "valid_from": valid_from,
            "valid_until": valid_until,
            "updated_at": at,
        },
    )
    return row


@transaction.atomic
def set_account_state(*, driver_id: int, can_pay: bool, at: datetime) -> int:
    """Block or free all tokens of a driver.

    Returns:
        How many changed.
    """
    wanted = IdToken.AccountState.OK if can_pay else IdToken.AccountState.BLOCKED
    return (
        IdToken.objects.filter(driver_id=driver_id)
        .exclude(account_state=wanted)
        .update(account_state=wanted, updated_at=at)
    )


@transaction.atomic
def set_operator_state(*, operator_id: int, can_be_paid: bool, at: datetime) -> bool:
    """Let the tokens of drivers in at an operator's stations, or refuse them there.

    An operator's own tokens (nobody's account) are not touched.

    Returns:
        Whether this changed anything.
    """
    known = (
        OperatorPolicy.objects.select_for_update()
        .filter(operator_id=operator_id)
        .first()
    )
    if known is None and can_be_paid:
        return False
    if known is not None and known.can_be_paid == can_be_paid:
        return False
    OperatorPolicy.objects.update_or_create(
        operator_id=operator_id,
        defaults={"can_be_paid": can_be_paid, "updated_at": at},
    )
    return True
