"""Revocation lists of the operator's own client CAs: fetched, watched, warned of.

A list is believed only when one of the client CAs signed it and it is not older than
the known one: whoever answers at the address can at most withhold a newer list, and
what is old is told.
"""

import hashlib
import logging
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import ClassVar, Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from django.conf import settings
from django.db import transaction
from django.db.models import Q

from charge_points.models import ChargePoint, ClientRevocationList
from charge_points.services import security
from charge_points.services.facts import SecurityRow
from charge_points.services.revocation_lists import (
    ListFacts,
    facts_of,
    is_signed_by_any,
    lists_in,
)
from charge_points.services.security_kinds import REVOCATION_LIST_STALE
from charge_points.services.wake import wake_trust
from cpms.kernel.errors import DomainError
from cpms.net.guarded import UnableToReach, get_signed

logger = logging.getLogger(__name__)

LIST_BYTES_MAX: Final = 5 * 1024 * 1024
ADDRESSES_MAX: Final = 20
# A list that stays old is told of once a day.
WARN_AGAIN: Final = timedelta(days=1)
# A gateway that said nothing of its file for so long is gone, and its file with it.
FORGET_FILES_AFTER: Final = timedelta(days=2)
FAULT_CHARS_MAX: Final = 255


class UnableToTakeList(DomainError):
    """What came is no revocation list, or older than what is known."""

    http_status: ClassVar[int] = 422


def fetch_all(*, at: datetime) -> int:
    """Fetch the lists of ``CLIENT_CRL_URLS``; never inside a database transaction.

    Returns:
        How many are newer than what was known.
    """
    urls = list(dict.fromkeys(settings.CLIENT_CRL_URLS))[:ADDRESSES_MAX]
    _forget(urls, at=at)
    return sum(_fetch(url, at=at) for url in urls)


def _fetch(url: str, *, at: datetime) -> bool:
    try:
        return store(url=url, body=_body_of(url), at=at)
    except (UnableToReach, UnableToTakeList) as error:
        logger.warning("revocation list %s: %s", url, error.message)
        with transaction.atomic():
            row = _row_of(url, at=at)
            row.fault = error.message[:FAULT_CHARS_MAX]
            row.save(update_fields=["fault"])
        return False


def _body_of(url: str) -> bytes:
    answer = get_signed(url, bytes_max=LIST_BYTES_MAX)
    if answer.status != 200:
        raise UnableToTakeList("list_refused", f"It answered {answer.status}.")
    if len(answer.body) >= LIST_BYTES_MAX:
        raise UnableToTakeList(
            "list_too_long", f"The list has more than {LIST_BYTES_MAX} bytes."
        )
    return answer.body


@transaction.atomic
def store(*, url: str, body: bytes, at: datetime) -> bool:
    """Keep what an address answered.

    Args:
        url: where it is from.
        body: one list, DER or PEM.
        at: now.

    Returns:
        Whether it is another list than the one that was known.

    Raises:
        UnableToTakeList: ``list_unreadable``, ``list_foreign``, ``list_older``,
            ``client_ca_unreadable``.
    """
    listed = _believed(body)
    facts = facts_of(listed)
    row = _row_of(url, at=at)
    if row.this_update is not None and facts.this_update < row.this_update:
        raise UnableToTakeList(
            "list_older",
            f"The list is of {facts.this_update:%F %T}, the known one is newer.",
        )
    der = listed.public_bytes(Encoding.DER)
    fingerprint = hashlib.sha256(der).hexdigest()
    is_new = row.fingerprint != fingerprint
    row.issuer, row.entries = facts.issuer, facts.entries
    row.this_update, row.next_update = facts.this_update, facts.next_update
    row.der, row.fingerprint = der, fingerprint
    row.seen_at, row.fault = at, ""
    if not is_stale(row, at=at):
        row.warned_at = None
    row.save()
    if is_new:
        wake_trust()
    return is_new


def _believed(body: bytes) -> x509.CertificateRevocationList:
    """The one list in ``body``, signed by a CA of ``CLIENT_CA_FILE``."""
    try:
        (listed,) = lists_in(body)
    except ValueError as error:
        raise UnableToTakeList(
            "list_unreadable", "What came is not one revocation list (DER or PEM)."
        ) from error
    try:
        pem = Path(settings.CLIENT_CA_FILE).read_bytes()
        authorities = x509.load_pem_x509_certificates(pem)
    except (OSError, ValueError) as error:
        raise UnableToTakeList(
            "client_ca_unreadable",
            "CLIENT_CA_FILE must name the PEM file of the gateways' --client-ca.",
        ) from error
    if not is_signed_by_any(listed, authorities):
        raise UnableToTakeList(
            "list_foreign", "None of the CAs in CLIENT_CA_FILE signed the list."
        )
    return listed


def _row_of(url: str, *, at: datetime) -> ClientRevocationList:
    rows = ClientRevocationList.objects.select_for_update().filter(source=url)
    return rows.first() or ClientRevocationList.objects.create(source=url, seen_at=at)


def _forget(urls: Sequence[str], *, at: datetime) -> None:
    """Drop addresses that are configured no more, and files of gateways that went."""
    is_address = Q(source__startswith="http://") | Q(source__startswith="https://")
    gone = ClientRevocationList.objects.filter(
        (is_address & ~Q(source__in=urls))
        | (~is_address & Q(seen_at__lt=at - FORGET_FILES_AFTER))
    )
    if gone.filter(is_address).delete()[0]:
        wake_trust()
    gone.delete()


@transaction.atomic
def report_files(*, node: str, found: Sequence[ListFacts], at: datetime) -> None:
    """A gateway read these lists from its file (``--client-crl``)."""
    source = f"node {node}"[:500]
    rows = ClientRevocationList.objects.filter(source=source)
    rows.exclude(issuer__in={each.issuer for each in found}).delete()
    for each in found:
        known = rows.select_for_update().filter(issuer=each.issuer).first()
        row = known or ClientRevocationList(source=source, issuer=each.issuer)
        row.this_update, row.next_update = each.this_update, each.next_update
        row.entries, row.seen_at = each.entries, at
        if not is_stale(row, at=at):
            row.warned_at = None
        row.save()


def current(known: Mapping[str, bytes]) -> dict[str, bytes]:
    """Fetched lists (DER) by fingerprint; what is ``known`` is not read again."""
    rows = ClientRevocationList.objects.exclude(fingerprint="").order_by("pk")
    prints = list(rows.values_list("fingerprint", flat=True))
    missing = [one for one in prints if one not in known]
    fresh = {
        fingerprint: bytes(der)
        for fingerprint, der in rows.filter(fingerprint__in=missing).values_list(
            "fingerprint", "der"
        )
    }
    return {one: fresh.get(one) or known[one] for one in prints}


def is_stale(row: ClientRevocationList, *, at: datetime) -> bool:
    """Whether a newer list should be there, or never one came."""
    if row.this_update is None:
        return True
    return row.next_update is not None and row.next_update <= at


@transaction.atomic
def warn_of_stale(*, at: datetime) -> int:
    """Tell every operator with chargers of security profile 3 of lists that are old.

    What they revoke counts on; what was revoked since is not known. Told once a day.

    Returns:
        How many lists were told of.
    """
    rows = ClientRevocationList.objects.select_for_update().filter(
        Q(warned_at__isnull=True) | Q(warned_at__lte=at - WARN_AGAIN)
    )
    stale = [row for row in rows if is_stale(row, at=at)]
    if not stale:
        return 0
    guarded = ChargePoint.objects.filter(security_profile=3)
    operators = guarded.order_by("operator_id").values_list("operator_id", flat=True)
    security.record_many(
        [
            SecurityRow(
                charge_point_id=None,
                operator_id=operator_id,
                kind=REVOCATION_LIST_STALE,
                occurred_at=row.next_update or at,
                received_at=at,
                detail=_words(row),
            )
            for row in stale
            for operator_id in operators.distinct()
        ]
    )
    for row in stale:
        logger.error("revocation list is old: %s", _words(row))
        row.warned_at = at
        row.save(update_fields=["warned_at"])
    return len(stale)


def _words(row: ClientRevocationList) -> str:
    if row.this_update is None:
        return f"No list ever came from {row.source}: {row.fault}"
    return f"{row}: a newer list was due at {row.next_update:%F %T} UTC. {row.fault}"
