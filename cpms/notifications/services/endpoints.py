"""Endpoints: taking in, changing, a new secret, switching off."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar, Final

from django.db import transaction

from cpms.accounts.services import audit
from cpms.accounts.services.sealing import seal, unseal
from cpms.kernel.errors import DomainError
from cpms.net.guarded import UnableToReach, check_url
from cpms.notifications.catalogue import TYPES
from cpms.notifications.models import WebhookEndpoint
from cpms.notifications.services.signing import new_secret

ENDPOINTS_MAX: Final = 20
"""Of one operator."""

OVERLAP: Final = timedelta(hours=24)
"""So long the old secret signs beside the new one."""


class UnableToKeepEndpoint(DomainError):
    """The address or a type does not do, or there are too many."""

    http_status: ClassVar[int] = 400


class UnableToFindEndpoint(DomainError):
    """Not an endpoint of this operator; the same for a foreign one."""

    http_status: ClassVar[int] = 404


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an operator asks for; ``None`` leaves a field as it is."""

    url: str | None = None
    types: Collection[str] | None = None
    description: str | None = None
    is_active: bool | None = None


@dataclass(frozen=True, slots=True)
class Kept:
    """The row, and the secret at the only moment at which it is shown."""

    row: WebhookEndpoint
    secret: str


def _check(wanted: Wanted) -> None:
    if wanted.url is not None:
        try:
            check_url(wanted.url)
        except UnableToReach as error:
            raise UnableToKeepEndpoint(error.code, error.message) from error
    unknown = sorted(set(wanted.types or ()) - set(TYPES))
    if unknown:
        raise UnableToKeepEndpoint(
            "unknown_event_type",
            f"There are no events {', '.join(unknown)}; "
            "see docs/reference/events.md for those there are.",
        )


def find(*, operator_ids: Collection[int], endpoint_id: int) -> WebhookEndpoint:
    """An endpoint of these operators, locked.

    Raises:
        UnableToFindEndpoint: none of theirs has this id.
    """
    rows = WebhookEndpoint.objects.select_for_update().filter(
        pk=endpoint_id, operator_id__in=operator_ids
    )
    found = rows.first()
    if found is None:
        raise UnableToFindEndpoint(
            "unknown_webhook", f"You have no webhook endpoint {endpoint_id}."
        )
    return found


def _audit(row: WebhookEndpoint, *, deed: str, by: str, at: datetime) -> None:
    audit.record(
        operator_id=row.operator_id,
        actor=by,
        action=f"webhook.{deed}",
        object=f"webhook endpoint {row.pk}",
        changes={"url": row.url, "types": list(row.types), "active": row.is_active},
        at=at,
    )


@transaction.atomic
def create(*, operator_id: int, wanted: Wanted, by: str, at: datetime) -> Kept:
    """Take an endpoint in.

    Raises:
        UnableToKeepEndpoint: address or type wrong, or the operator has too many.
    """
    if not wanted.url:
        raise UnableToKeepEndpoint("address_invalid", "Give the endpoint's url.")
    _check(wanted)
    if WebhookEndpoint.objects.filter(operator_id=operator_id).count() >= ENDPOINTS_MAX:
        raise UnableToKeepEndpoint(
            "too_many_webhooks",
            f"An operator has at most {ENDPOINTS_MAX} endpoints; delete one first.",
            http_status=409,
        )
    secret = new_secret()
    row = WebhookEndpoint.objects.create(
        operator_id=operator_id,
        url=wanted.url,
        types=sorted(set(wanted.types or ())),
        description=wanted.description or "",
        secret_sealed=seal(secret),
        created_at=at,
    )
    _audit(row, deed="created", by=by, at=at)
    return Kept(row, secret)


@transaction.atomic
def change(
    row: WebhookEndpoint, *, wanted: Wanted, by: str, at: datetime
) -> WebhookEndpoint:
    """Change what is given; switching on again forgets the failures.

    Raises:
        UnableToKeepEndpoint: address or type wrong.
    """
    _check(wanted)
    if wanted.url is not None:
        row.url = wanted.url
    if wanted.types is not None:
        row.types = sorted(set(wanted.types))
    if wanted.description is not None:
        row.description = wanted.description
    if wanted.is_active is not None:
        row.is_active = wanted.is_active
        row.disabled_reason = "" if wanted.is_active else "switched off"
        row.failing_since = row.rest_until = None
    row.save()
    _audit(row, deed="changed", by=by, at=at)
    return row


@transaction.atomic
def rotate_secret(row: WebhookEndpoint, *, by: str, at: datetime) -> Kept:
    """Make a new secret; the old one signs beside it for a day."""
    secret = new_secret()
    row.previous_secret_sealed = row.secret_sealed
    row.previous_secret_until = at + OVERLAP
    row.secret_sealed = seal(secret)
    row.save()
    _audit(row, deed="secret_rotated", by=by, at=at)
    return Kept(row, secret)


@transaction.atomic
def delete(row: WebhookEndpoint, *, by: str, at: datetime) -> None:
    """Forget an endpoint and its messages."""
    _audit(row, deed="deleted", by=by, at=at)
    row.delete()


def live_secrets(row: WebhookEndpoint, *, at: datetime) -> list[str]:
    """The secrets that sign at this instant, newest first."""
    secrets = [unseal(row.secret_sealed)]
    until = row.previous_secret_until
    if row.previous_secret_sealed and until is not None and at < until:
        secrets.append(unseal(row.previous_secret_sealed))
    return secrets
