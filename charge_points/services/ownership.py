"""Selling a charge point: its identity, plugs and labels go, its past stays.

Rows of a charge point belong to one operator for ever, so the new owner gets a charge
point row of its own. The station itself notices nothing but a lost connection: its
identity and its password stay as they were.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db import transaction

from charge_points.models import (
    ChargePoint,
    ChargePointOwnership,
    Command,
    Connector,
    Evse,
    PlugInEpisode,
    StartHandle,
    Transaction,
)
from charge_points.models.states import COMMAND
from charge_points.services import episodes, provisioning
from charge_points.services.connectors import new_connector_code
from cpms.accounts.models import Operator
from cpms.accounts.services import audit
from cpms.kernel.errors import DomainError

SOLD_IDENTITY_CHARS: Final = 26
"""What is left of the identity in the name of the former owner's row."""

_COPIED: Final = (
    "ocpp_version",
    "security_profile",
    "security_profile_next",
    "password_hash",
    "password_hash_next",
    "tolerate_missing_subprotocol",
    "vendor",
    "model",
    "serial_number",
    "firmware_version",
    "iccid",
    "imsi",
    "meter_type",
    "meter_serial_number",
)


class UnableToTransfer(DomainError):
    """The charge point cannot change hands now."""


@dataclass(frozen=True, slots=True)
class Transferred:
    """The new owner's row, and the former owner's under its new name."""

    charge_point_id: int
    former_charge_point_id: int
    former_identity: str


@transaction.atomic
def transfer(
    *, identity: str, to_operator_code: str, site: str, by: str, at: datetime
) -> Transferred:
    """Give a charge point to another operator from now on.

    Charges that began before, also such as are told later, stay the former owner's
    (design B2). The station's connection ends; it comes back as the new owner's.

    Raises:
        UnableToTransfer: unknown charge point or operator, the same operator, or a
            charge runs or is about to start.
    """
    old = ChargePoint.objects.select_for_update().filter(identity=identity).first()
    buyer = Operator.objects.filter(code=to_operator_code).first()
    if old is None or buyer is None:
        what = f"charge point {identity!r}" if old is None else repr(to_operator_code)
        raise UnableToTransfer(
            "unknown_charge_point" if old is None else "unknown_operator",
            f"There is no {what}.",
            http_status=404,
        )
    if old.operator_id == buyer.pk:
        raise UnableToTransfer(
            "already_owned", f"{identity} belongs to {buyer.code} already."
        )
    _require_idle(old)
    _end_what_waits(old, at)
    new = _split_row(old, buyer, site=site, at=at)
    _move_plugs(old, new)
    _note_owners(old, new, identity=identity, at=at)
    for row, action in ((old, "charge_point.sold"), (new, "charge_point.bought")):
        audit.record(
            operator_id=row.operator_id,
            actor=by,
            action=action,
            object=f"charge point {identity}",
            changes={"to": buyer.code},
            at=at,
        )
    return Transferred(new.pk, old.pk, old.identity)


def _require_idle(old: ChargePoint) -> None:
    list(
        Connector.objects.select_for_update(no_key=True)
        .filter(charge_point_id=old.pk)
        .order_by("pk")
    )
    starts = StartHandle.objects.filter(
        charge_point_id=old.pk, state__in=("pending", "started")
    )
    running = Transaction.objects.filter(charge_point_id=old.pk, state="active")
    if starts.exists() or running.exists():
        raise UnableToTransfer(
            "charge_point_busy",
            f"A charge runs or starts at {old.identity}; wait for its end.",
        )


def _end_what_waits(old: ChargePoint, at: datetime) -> None:
    """Commands are the former owner's wishes; certificates name a former row."""
    Command.objects.filter(
        charge_point_id=old.pk, state__in=COMMAND.sources("cancelled")
    ).update(state=Command.State.CANCELLED, answered_at=at)
    plugged = PlugInEpisode.objects.filter(charge_point_id=old.pk, ended_at=None)
    ends = dict.fromkeys(plugged.values_list("connector_id", flat=True), at)
    if ends:
        episodes.end_many(ends, cause="boot")


def _split_row(
    old: ChargePoint, buyer: Operator, *, site: str, at: datetime
) -> ChargePoint:
    """Make the new row; nobody can connect as the former owner's any more."""
    identity = old.identity
    new = ChargePoint(
        operator=buyer,
        site_id=provisioning.default_site(buyer, name=site, at=at).pk,
        identity=identity,
        registration=old.registration,
        created_at=at,
        **{name: getattr(old, name) for name in _COPIED},
    )
    old.identity = f"{identity[:SOLD_IDENTITY_CHARS]}@sold.{old.pk}"
    old.registration = ChargePoint.Registration.REJECTED
    old.generation += 1  # the open connection is fenced off
    old.disconnected_at = at
    if old.password_hash:
        old.password_hash = provisioning.password_hash(secrets.token_hex())
        old.password_hash_next = ""
    old.save()
    new.save(force_insert=True)
    return new


def _move_plugs(old: ChargePoint, new: ChargePoint) -> None:
    """The same EVSEs and connectors; printed labels lead to the new ones."""
    evses: dict[int, Evse] = {}
    for place in Connector.objects.filter(charge_point_id=old.pk).order_by("pk"):
        code, place.code = place.code, new_connector_code()
        place.save(update_fields=["code"])
        if place.evse_number not in evses:
            evses[place.evse_number] = Evse.objects.create(
                operator_id=new.operator_id,
                charge_point_id=new.pk,
                number=place.evse_number,
            )
        Connector.objects.create(
            operator_id=new.operator_id,
            charge_point_id=new.pk,
            evse_id=evses[place.evse_number].pk,
            evse_number=place.evse_number,
            number=place.number,
            code=code,
            type=place.type,
            max_power_w=place.max_power_w,
        )


def _note_owners(
    old: ChargePoint, new: ChargePoint, *, identity: str, at: datetime
) -> None:
    ended = ChargePointOwnership.objects.filter(
        identity=identity, owned_until__isnull=True
    ).update(owned_until=at)
    if not ended:
        ChargePointOwnership.objects.create(
            operator_id=old.operator_id,
            charge_point_id=old.pk,
            identity=identity,
            owned_from=old.created_at,
            owned_until=at,
        )
    ChargePointOwnership.objects.create(
        operator_id=new.operator_id,
        charge_point_id=new.pk,
        identity=identity,
        owned_from=at,
    )
