"""``Idempotency-Key`` on POST: the same question gets the first answer."""

import json
from datetime import timedelta
from typing import Any, Final

from django.db import connection, transaction
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import BaseThrottle
from rest_framework.utils.encoders import JSONEncoder
from rest_framework.views import APIView

from cpms.accounts.models import IdempotencyRecord
from cpms.accounts.services.sealing import seal, unseal
from cpms.kernel.errors import DomainError
from cpms.kernel.ids import sha256_hex

HEADER: Final = "Idempotency-Key"
KEY_CHARS_MAX: Final = 128
IN_PROGRESS_MAX: Final = timedelta(seconds=60)
"""After this a first try counts as crashed and the next one takes over; the
domain's own natural keys keep that safe."""
_INSERT: Final = (
    "INSERT INTO accounts_idempotencyrecord (principal, key, request_hash, started_at) "
    "VALUES (%s, %s, %s, %s) ON CONFLICT (principal, key) DO NOTHING RETURNING id"
)


class IdempotencyConflict(DomainError):
    """The key cannot be used for this request."""


class _Replay(Exception):
    """The key was answered already."""

    def __init__(self, status: int, sealed: str) -> None:
        super().__init__()
        self.status = status
        self.answer = json.loads(unseal(sealed))


def _principal(request: Request, subject: str | None) -> str:
    """Whose key it is; those who say not who they are have those of their address.

    ``subject`` tells apart who shares an address (vehicles behind one gateway).
    """
    user: Any = request.user
    if getattr(user, "is_authenticated", False):
        return str(user.pk)[:80]
    ident = BaseThrottle().get_ident(request)
    if subject is not None:
        return f"anonymous-{sha256_hex(f'{ident} {subject}')}"[:80]
    return f"anonymous-{ident}"[:80]


def _begin(principal: str, key: str, request_hash: str) -> IdempotencyRecord:
    now = timezone.now()
    record = IdempotencyRecord(
        principal=principal, key=key, request_hash=request_hash, started_at=now
    )
    with connection.cursor() as cursor:
        cursor.execute(_INSERT, [principal, key, request_hash, now])
        made = cursor.fetchone()
    if made is not None:
        record.pk = made[0]
        return record
    with transaction.atomic():
        known = IdempotencyRecord.objects.select_for_update()
        found = known.filter(principal=principal, key=key).first()
        if found is None:  # refused and forgotten in this very moment
            raise _in_progress()
        record = found
        if record.request_hash != request_hash:
            raise IdempotencyConflict(
                "idempotency_key_reused",
                "This Idempotency-Key was used for another request; take a new one.",
                http_status=422,
            )
        if record.status is not None and record.response is not None:
            raise _Replay(record.status, record.response["sealed"])
        if record.started_at > now - IN_PROGRESS_MAX:
            raise _in_progress()
        record.started_at = now
        record.save(update_fields=["started_at"])
        return record


def _in_progress() -> IdempotencyConflict:
    return IdempotencyConflict(
        "idempotency_in_progress",
        "The first request with this Idempotency-Key is still being answered; "
        "ask again in a moment.",
    )


class IdempotentMixin(APIView):
    """Put it left of the view's other bases.

    Without the header a POST is simply executed. Refusals (4xx) are not kept, so
    that a corrected state can be asked again with the same key; answers are, sealed,
    because some hold a secret that is shown once. An answer is kept in the view's own
    database transaction: who waits for the key gets it as soon as that committed.
    """

    _record: IdempotencyRecord | None = None

    def idempotency_subject(self, request: Request) -> str | None:  # noqa: ARG002
        """What tells apart callers without login; None: their address alone."""
        return None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Look the key up after authentication."""
        super().initial(request, *args, **kwargs)
        key = request.headers.get(HEADER)
        if request.method != "POST" or key is None:
            return
        if not 1 <= len(key) <= KEY_CHARS_MAX:
            raise IdempotencyConflict(
                "idempotency_key_invalid",
                f"Idempotency-Key must have 1 to {KEY_CHARS_MAX} characters.",
                http_status=400,
            )
        body = json.dumps(request.data, sort_keys=True, default=str)
        digest = sha256_hex(f"{request.path}\n{body}")
        principal = _principal(request, self.idempotency_subject(request))
        self._record = _begin(principal, key, digest)

    def handle_exception(self, exc: Exception) -> Response:
        """Answer a repeat with the first answer."""
        if isinstance(exc, _Replay):
            response = Response(exc.answer, status=exc.status)
            response["Idempotent-Replayed"] = "true"
            return response
        return super().handle_exception(exc)

    def finalize_response(
        self, request: Request, response: Response, *args: Any, **kwargs: Any
    ) -> Response:
        """Keep a new answer, or forget the key after a refusal."""
        response = super().finalize_response(request, response, *args, **kwargs)
        record, self._record = self._record, None
        if record is None:
            return response
        rows = IdempotencyRecord.objects.filter(pk=record.pk)
        if response.status_code < 400:
            text = json.dumps(getattr(response, "data", None), cls=JSONEncoder)
            rows.update(status=response.status_code, response={"sealed": seal(text)})
        elif not getattr(self, "one_transaction", False):
            rows.delete()  # where there is one, its rollback forgets the key
        return response
