"""Raising a security profile and changing a password without locking a station out.

What is new counts beside what is old until the station has come back with it; only
then the old is forgotten (OCPP security whitepaper 2.5, 2.0.1 A01 and A05).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction

from charge_points.models import ChargePoint
from charge_points.services import commands, provisioning
from cpms.accounts.services import audit
from cpms.accounts.services.sealing import seal
from cpms.kernel.errors import DomainError

MUTUAL_TLS: Final = 3
WITH_PASSWORD: Final = frozenset({1, 2})
TELL_FOR: Final = timedelta(days=7)
"""How long a station may stay away before it is not told any more."""
SET_PASSWORD: Final = "set_password"  # noqa: S105 - the name of an intent
SET_SECURITY_PROFILE: Final = "set_security_profile"
BY_COMMAND: Final = "1.6"
"""2.0.1 changes its profile with the network profile (A05: SetNetworkProfile)."""


class UnableToChangeSecurity(DomainError):
    """The profile cannot become this one."""


@dataclass(frozen=True, slots=True)
class Proof:
    """What a station has come back with."""

    charge_point_id: int
    security_profile: int
    uses_new_password: bool
    at: datetime


@transaction.atomic
def raise_profile(
    *, charge_point_id: int, security_profile: int, by: str, at: datetime
) -> ChargePoint:
    """Let a charge point come back with a higher profile; the present one counts on.

    A 1.6 station is told by command. A 2.0.1 station is told with its next network
    profile, for the profile is a part of that.

    Raises:
        UnableToFindChargePoint: there is no such row.
        UnableToChangeSecurity: ``security_profile_lowered``, or a password is needed
            and there is none.
    """
    row = _locked(charge_point_id)
    if not row.security_profile <= security_profile <= MUTUAL_TLS:
        raise UnableToChangeSecurity(
            "security_profile_lowered",
            f"{row.identity} uses security profile {row.security_profile}; a profile "
            "can only be raised, to 3 at most. For exchanged hardware take the charge "
            "point in again under another identity.",
        )
    if security_profile in WITH_PASSWORD and not row.password_hash:
        raise UnableToChangeSecurity(
            "password_missing",
            f"{row.identity} has no password; give it one first.",
        )
    is_same = security_profile == row.security_profile
    row.security_profile_next = None if is_same else security_profile
    row.save(update_fields=["security_profile_next"])
    _note(row, "charge_point.security_profile_raising", security_profile, by, at)
    if not is_same and row.ocpp_version == BY_COMMAND:
        commands.queue_intent(
            charge_point_id=row.pk,
            intent=SET_SECURITY_PROFILE,
            arguments={"security_profile": security_profile},
            by=by,
            idempotency_key=f"profile {security_profile} {at.isoformat()}",
            expires_at=at + TELL_FOR,
            at=at,
        )
    return row


@transaction.atomic
def change_password(*, charge_point_id: int, by: str, at: datetime) -> None:
    """Give a charge point a fresh password by command; nobody gets to see it.

    Raises:
        UnableToFindChargePoint: there is no such row.
        UnableToChangeSecurity: the profile uses no password.
    """
    row = _locked(charge_point_id)
    if row.security_profile not in WITH_PASSWORD:
        raise UnableToChangeSecurity(
            "password_unused",
            f"{row.identity} uses security profile {row.security_profile}, which has "
            "no password.",
        )
    fresh = provisioning.change_password(
        charge_point_id=charge_point_id, password=None, by=by, at=at
    )
    commands.queue_intent(
        charge_point_id=charge_point_id,
        intent=SET_PASSWORD,
        arguments={"sealed_password": seal(fresh)},
        by=by,
        idempotency_key=f"password {at.isoformat()}",
        expires_at=at + TELL_FOR,
        at=at,
    )


def prove_many(proofs: Sequence[Proof]) -> None:
    """Stations came back with what is new: from now on the old counts no more.

    Call with the rows locked, in the transaction that lets the stations in.
    """
    by_id = {proof.charge_point_id: proof for proof in proofs}
    for row in ChargePoint.objects.filter(pk__in=by_id).order_by("pk"):
        proof = by_id[row.pk]
        if row.security_profile_next == proof.security_profile:
            row.security_profile = proof.security_profile
            row.security_profile_next = None
            action = "charge_point.security_profile_raised"
            _note(row, action, proof.security_profile, "gateway", proof.at)
        if proof.uses_new_password and row.password_hash_next:
            row.password_hash, row.password_hash_next = row.password_hash_next, ""
        row.save(
            update_fields=[
                "security_profile",
                "security_profile_next",
                "password_hash",
                "password_hash_next",
            ]
        )


def _locked(charge_point_id: int) -> ChargePoint:
    row = ChargePoint.objects.select_for_update().filter(pk=charge_point_id).first()
    if row is None:
        raise provisioning.UnableToFindChargePoint(
            "unknown_charge_point", f"There is no charge point {charge_point_id}."
        )
    return row


def _note(
    row: ChargePoint, action: str, security_profile: int, by: str, at: datetime
) -> None:
    audit.record(
        operator_id=row.operator_id,
        actor=by,
        action=action,
        object=f"charge point {row.identity}",
        changes={"security_profile": security_profile},
        at=at,
    )
