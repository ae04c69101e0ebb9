"""Who may sign contracts: roots of the platform, and of single operators."""

from datetime import datetime
from typing import ClassVar, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from django.db import transaction
from django.db.models import Q

from charge_points.models import ContractRoot
from charge_points.services.contract_chains import (
    UnableToTrustContract,
    certificates_of,
)
from cpms.accounts.services import audit
from cpms.kernel.errors import DomainError

ROOTS_MAX: Final = 100
"""Of one operator, and of the platform."""

PEM_CHARS_MAX: Final = 10_000

USES: Final = frozenset({"MORootCertificate", "V2GRootCertificate"})


class UnableToAddRoot(DomainError):
    """The certificate is no CA's, or there are too many."""

    http_status: ClassVar[int] = 422


class UnableToFindRoot(DomainError):
    """There is no such root."""

    http_status: ClassVar[int] = 404


@transaction.atomic
def add(*, pem: str, operator_id: int | None, by: str, at: datetime) -> ContractRoot:
    """Trust a root from now on; again changes nothing.

    Args:
        pem: one certificate; a sub-CA is trusted without its root.
        operator_id: at whose stations it counts; None: at all.
        by: who decided.
        at: now.

    Raises:
        UnableToAddRoot: ``root_invalid`` or ``too_many_roots``.
    """
    certificate = check(pem, at=at)
    rows = ContractRoot.objects.filter(_at(operator_id))
    fingerprint = certificate.fingerprint(hashes.SHA256()).hex()
    known = rows.filter(fingerprint=fingerprint).first()
    if known is not None:
        return known
    if rows.count() >= ROOTS_MAX:
        raise UnableToAddRoot("too_many_roots", f"There are {ROOTS_MAX} roots.")
    row = ContractRoot.objects.create(
        operator_id=operator_id,
        fingerprint=fingerprint,
        subject=certificate.subject.rfc4514_string()[:255],
        certificate_pem=certificate.public_bytes(serialization.Encoding.PEM).decode(),
        not_after=certificate.not_valid_after_utc,
        added_by=by[:150],
        added_at=at,
    )
    _audit(row, "contract_root.added", by=by, at=at)
    return row


def check(pem: str, *, at: datetime) -> x509.Certificate:
    """Read a root.

    Raises:
        UnableToAddRoot: ``root_invalid``.
    """
    try:
        (certificate,) = certificates_of(pem)
        limits = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
        is_ca = limits.value.ca
    except (UnableToTrustContract, ValueError, x509.ExtensionNotFound) as error:
        raise UnableToAddRoot(
            "root_invalid", "Give one CA certificate in PEM."
        ) from error
    if not is_ca or certificate.not_valid_after_utc <= at:
        raise UnableToAddRoot(
            "root_invalid", "The certificate is not that of a CA, or expired."
        )
    return certificate


def _audit(row: ContractRoot, action: str, *, by: str, at: datetime) -> None:
    audit.record(
        operator_id=row.operator_id,
        actor=by,
        action=action,
        object=f"contract root {row.fingerprint}",
        changes={"subject": row.subject},
        at=at,
    )


@transaction.atomic
def remove(*, fingerprint: str, operator_id: int | None, by: str, at: datetime) -> None:
    """Trust a root no more.

    Raises:
        UnableToFindRoot: ``unknown_root``.
    """
    row = ContractRoot.objects.filter(
        _at(operator_id), fingerprint=fingerprint.lower().replace(":", "")
    ).first()
    if row is None:
        raise UnableToFindRoot("unknown_root", f"There is no root {fingerprint!r}.")
    _audit(row, "contract_root.removed", by=by, at=at)
    row.delete()


def trusted(*, operator_id: int | None) -> tuple[x509.Certificate, ...]:
    """Who counts at an operator's stations; None: the platform's only."""
    wanted = _at(operator_id) | Q(operator_id__isnull=True)
    rows = ContractRoot.objects.filter(wanted).order_by("pk")
    pems = rows.values_list("certificate_pem", flat=True)
    return tuple(x509.load_pem_x509_certificate(pem.encode()) for pem in pems)


def _at(operator_id: int | None) -> Q:
    if operator_id is None:
        return Q(operator_id__isnull=True)
    return Q(operator_id=operator_id)


def note_installed(*, use: str, pem: str, operator_id: int, at: datetime) -> None:
    """A root that an operator put on its station counts at its stations here too.

    So a station that cannot validate a chain itself and asks for central validation
    gets the answer that it would have given.
    """
    if use not in USES:
        return
    try:
        add(pem=pem, operator_id=operator_id, by="InstallCertificate", at=at)
    except UnableToAddRoot:
        return  # the station took it; whoever sent it sees it in the station's list
