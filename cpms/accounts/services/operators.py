"""Operators and their API keys."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.db import IntegrityError, transaction

from cpms.accounts.models import ApiKey, Operator
from cpms.accounts.services.audit import record
from cpms.kernel.errors import DomainError
from cpms.kernel.ids import new_secret, sha256_hex
from cpms.kernel.money import minor_digits

SCOPES: Final = (
    "audit:read",
    "charge_points:read",
    "charge_points:write",
    "commands:write",
    "orders:read",
    "payments:write",
    "tariffs:write",
    "tokens:write",
    "webhooks:write",
)


CODE: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
"""Operators' codes stand in addresses (``/ocpp/<code>/<identity>``)."""

NAME_CHARS_MAX: Final = 120


class UnableToCreateOperator(DomainError):
    """The operator's data is wrong or its code is taken."""


class UnableToCreateApiKey(DomainError):
    """Unknown operator or scope."""


@dataclass(frozen=True)
class NewApiKey:
    """The only moment at which the whole key is known."""

    id: int
    prefix: str
    key: str
    scopes: tuple[str, ...]


@transaction.atomic
def create_operator(  # noqa: PLR0913 - the fields of one row, all named
    *,
    code: str,
    name: str,
    country: str,
    currency: str,
    time_zone: str,
    by: str,
    at: datetime,
    allow_security_profile_0: bool = False,
) -> Operator:
    """Take in an operator.

    Raises:
        UnableToCreateOperator: a field is wrong, or the code is taken.
    """
    _check_names(code, name)
    _check_place(country, currency, time_zone)
    try:
        with transaction.atomic():
            operator = Operator.objects.create(
                code=code,
                name=name,
                country=country,
                currency=currency,
                time_zone=time_zone,
                allow_security_profile_0=allow_security_profile_0,
            )
    except IntegrityError as error:
        raise UnableToCreateOperator(
            "operator_exists", f"An operator with the code {code!r} exists already."
        ) from error
    record(
        operator_id=operator.pk,
        actor=by,
        action="operator.created",
        object=f"operator {code}",
        changes={"name": name, "country": country, "currency": currency},
        at=at,
    )
    return operator


def _check_names(code: str, name: str) -> None:
    if CODE.fullmatch(code) is None:
        raise UnableToCreateOperator(
            "operator_invalid",
            f"The code {code!r} does not do: 1 to 40 of a-z, 0-9, - and _, the first "
            "one a letter or a digit.",
        )
    if not 1 <= len(name.strip()) <= NAME_CHARS_MAX:
        raise UnableToCreateOperator(
            "operator_invalid", f"The name must have 1 to {NAME_CHARS_MAX} characters."
        )


def _check_place(country: str, currency: str, time_zone: str) -> None:
    if re.fullmatch("[A-Z]{2}", country) is None:
        raise UnableToCreateOperator(
            "operator_invalid",
            f"{country!r} is not an ISO 3166-1 code: two upper-case letters.",
        )
    try:
        minor_digits(currency)
    except ValueError as error:
        raise UnableToCreateOperator("operator_invalid", str(error)) from error
    try:
        ZoneInfo(time_zone)
    except (ValueError, ZoneInfoNotFoundError, OSError) as error:
        raise UnableToCreateOperator(
            "operator_invalid",
            f"{time_zone!r} is not an IANA time zone such as Europe/Berlin.",
        ) from error


@transaction.atomic
def create_api_key(
    *, operator_code: str, scopes: list[str], name: str, by: str, at: datetime
) -> NewApiKey:
    """Make a key for an operator's own system.

    Raises:
        UnableToCreateApiKey: no such operator, or a scope that does not exist.
    """
    wrong = sorted(set(scopes) - set(SCOPES))
    if wrong or not scopes:
        raise UnableToCreateApiKey(
            "unknown_scope",
            f"Unknown scopes {wrong}; choose from {', '.join(SCOPES)}.",
        )
    operator = Operator.objects.filter(code=operator_code).first()
    if operator is None:
        raise UnableToCreateApiKey(
            "unknown_operator", f"There is no operator with the code {operator_code!r}."
        )
    prefix, secret = new_secret(bits=64)[:10], new_secret()
    key = ApiKey.objects.create(
        operator=operator,
        name=name,
        prefix=prefix,
        key_hash=sha256_hex(secret),
        scopes=sorted(set(scopes)),
        created_at=at,
    )
    record(
        operator_id=operator.pk,
        actor=by,
        action="api_key.created",
        object=f"api key {prefix}",
        changes={"scopes": sorted(set(scopes))},
        at=at,
    )
    return NewApiKey(key.pk, prefix, f"{prefix}.{secret}", tuple(key.scopes))


@transaction.atomic
def revoke_api_key(*, api_key_id: int, by: str, at: datetime) -> None:
    """Refuse a key from now on; a key that was revoked before stays as it was."""
    key = ApiKey.objects.select_for_update().get(pk=api_key_id)
    if key.revoked_at is not None:
        return
    key.revoked_at = at
    key.save(update_fields=["revoked_at"])
    record(
        operator_id=key.operator_id,
        actor=by,
        action="api_key.revoked",
        object=f"api key {key.prefix}",
        changes={"name": key.name},
        at=at,
    )
