"""Who may charge: answered at once from the start policy, or from a start handle."""

import json
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from typing import Final

from charge_points.models import ChargePoint, StartHandle, Transaction
from charge_points.services import quirks, security
from charge_points.services.facts import Authorization, QuirkRow, SecurityRow
from charge_points.services.id_tokens import token_key
from charge_points.services.rows import fetch_columns, numbers, texts
from cpms.kernel.zones import zone_named

ORDER_NUMBER: Final = re.compile(r"[0-9A-F]{20}")
UNKNOWN_TOKEN: Final = "unknown_token"  # noqa: S105 - the name of a count

CONTRACT: Final = "eMAID"
"""The token type of a contract certificate: Plug & Charge."""

INVALID: Final = Authorization("Invalid")
UNKNOWN: Final = Authorization("Invalid", exact="Unknown")
NO_CREDIT: Final = "NoCredit"
_ANSWER_BY_STATUS: Final = {
    "blocked": "Blocked",
    "expired": "Expired",
    "invalid": "Invalid",
}
# An operator's own policy counts before the common one.
_POLICIES: Final = """
SELECT wanted.key, wanted.operator_id, policy.*, coalesce(operator.can_be_paid, true)
FROM unnest(%s::text[], %s::bigint[]) AS wanted (key, operator_id)
LEFT JOIN charge_points_operatorpolicy AS operator
    ON operator.operator_id = wanted.operator_id
CROSS JOIN LATERAL (
    SELECT status, account_state, expires_at, group_id, driver_id, concurrent_allowed,
           stop_only, allowed_connector_types::text AS types,
           allowed_site_ids::text AS sites, valid_from, valid_until, token_type
    FROM charge_points_idtoken
    WHERE token_key = wanted.key
      AND (operator_id = wanted.operator_id OR operator_id IS NULL)
    ORDER BY operator_id NULLS LAST LIMIT 1
) AS policy
"""


@dataclass(frozen=True, slots=True)
class Policy:
    """A start policy as it stands in its row."""

    status: str
    account_state: str
    expires_at: datetime | None
    group_id: str
    driver_id: int | None
    concurrent_allowed: bool
    stop_only: bool = False
    connector_types: str = "[]"
    site_ids: str = "[]"
    valid_from: time | None = None
    valid_until: time | None = None
    token_type: str = ""
    operator_can_be_paid: bool = True

    @property
    def has_hours(self) -> bool:
        """Whether it is good at some hours of the day only."""
        return self.valid_from is not None and self.valid_from != self.valid_until

    @property
    def is_confined(self) -> bool:
        """Whether it is not good everywhere and at all hours."""
        named = self.connector_types != "[]" or self.site_ids != "[]"
        return named or self.has_hours

    def is_presented_by(self, token_type: str) -> bool:
        """Whether a token of this type (2.0.1; empty in 1.6) may stand for it.

        A contract is proved by the vehicle's certificate. Its number is no secret:
        typed on a keypad or written on a card it opens nothing. What other tokens are
        called changes nothing about what they may do.
        """
        return not token_type or self.token_type != CONTRACT or token_type == CONTRACT

    def refusal_at(self, place: "Place", at: datetime) -> str:
        """Why the token is not good at a place and hour (2.0.1 words), or empty.

        A connector of unknown type is not held against a token.
        """
        sites, types = json.loads(self.site_ids), json.loads(self.connector_types)
        if sites and place.site_id is not None and place.site_id not in sites:
            return "NotAtThisLocation"
        if types and place.connector_type and place.connector_type not in types:
            return "NotAllowedTypeEVSE"
        return "" if self._is_hour(place, at) else "NotAtThisTime"

    def _is_hour(self, place: "Place", at: datetime) -> bool:
        first, last = self.valid_from, self.valid_until
        if first is None or last is None or first == last:
            return True
        clock = at.astimezone(zone_named(place.time_zone)).time()
        if first < last:
            return first <= clock < last
        return clock >= first or clock < last

    def hours_change_at(self, place: "Place", at: datetime) -> datetime | None:
        """When the token's hours next begin or end; None without hours."""
        if self.valid_from is None or self.valid_until is None or not self.has_hours:
            return None
        zone = zone_named(place.time_zone)
        today = at.astimezone(zone).date()
        edges = (
            datetime.combine(today + timedelta(days=days), clock, tzinfo=zone)
            for days in (0, 1)
            for clock in (self.valid_from, self.valid_until)
        )
        return min(edge.astimezone(UTC) for edge in edges if edge > at)

    @property
    def payable(self) -> bool:
        """Whether somebody can pay, and somebody can be paid; own tokens are free."""
        if self.account_state == "blocked":
            return False
        return self.driver_id is None or self.operator_can_be_paid


@dataclass(frozen=True, slots=True)
class Place:
    """Where a token is presented; an empty connector type is not known."""

    site_id: int | None
    time_zone: str
    connector_type: str = ""


def authorize(
    *,
    charge_point_id: int,
    operator_id: int,
    token: str,
    token_type: str = "",
    at: datetime,
) -> Authorization:
    """Answer Authorize; nothing is consumed, and no connector is named.

    A start handle (order number) is Accepted for the charge point it was made for,
    from the start request until its start timeout, and while its own charge runs.
    Elsewhere it is Invalid and a security event. Unknown tokens leave no row, only a
    count per charge point.

    Args:
        charge_point_id: who asks.
        operator_id: whose it is.
        token: as presented.
        token_type: as 2.0.1 names it; empty for 1.6.
        at: now.
    """
    key = token_key(token)
    if ORDER_NUMBER.fullmatch(key):
        handle = StartHandle.objects.filter(order_number=key).first()
        if handle is not None:
            return _authorize_handle(handle, charge_point_id, operator_id, at)
    policy = find_policies([(key, operator_id)]).get((key, operator_id))
    if policy is None:
        quirks.count(unknown_token(charge_point_id, operator_id, at))
        return UNKNOWN
    if not policy.is_presented_by(token_type):
        return INVALID
    answer = judge(policy, at)
    if answer.accepted and policy.is_confined:
        return confined(policy, answer, place_of(charge_point_id), at)
    return answer


def confined(
    policy: Policy, answer: Authorization, place: Place, at: datetime
) -> Authorization:
    """An accepted answer, unless the token is not good at this place and hour.

    Where the hours change, the station's cache must ask again.
    """
    change_at = policy.hours_change_at(place, at)
    if change_at is not None:
        ends = (
            [change_at] if answer.expires_at is None else [change_at, answer.expires_at]
        )
        answer = replace(answer, expires_at=min(ends))
    word = policy.refusal_at(place, at)
    return replace(answer, status=word) if word else answer  # type: ignore[arg-type]  # a word of the list


def place_of(charge_point_id: int, connector_type: str = "") -> Place:
    """Site and clock of a charge point."""
    row = (
        ChargePoint.objects.filter(pk=charge_point_id)
        .values_list("site_id", "site__time_zone")
        .first()
    )
    site_id, time_zone = row or (None, "UTC")
    return Place(site_id, time_zone, connector_type)


def _authorize_handle(
    handle: StartHandle, charge_point_id: int, operator_id: int, at: datetime
) -> Authorization:
    if handle.charge_point_id != charge_point_id:
        report_foreign_handle(handle, charge_point_id, operator_id, at)
        return INVALID
    pending = handle.state == "pending" and handle.requested_at is not None
    if handle.state == "started" or (pending and at <= handle.start_by):
        return Authorization("Accepted", order_number=handle.order_number)
    return INVALID


def report_foreign_handle(
    handle: StartHandle, charge_point_id: int, operator_id: int, at: datetime
) -> None:
    """Somebody presented an order number where it does not belong.

    The event does not tell the number: it is another customer's secret.
    """
    same = handle.charge_point_id == charge_point_id
    where = "connector" if same else "charge point"
    security.record(
        SecurityRow(
            charge_point_id=charge_point_id,
            operator_id=operator_id,
            kind=security.FOREIGN_START_HANDLE,
            occurred_at=at,
            received_at=at,
            detail=f"An order number made for another {where} was presented.",
        )
    )


def find_policies(
    wanted: Collection[tuple[str, int]],
) -> dict[tuple[str, int], Policy]:
    """The policies that count for (token key, operator id), in one statement."""
    if not wanted:
        return {}
    keys = list(wanted)
    found = fetch_columns(
        _POLICIES, [texts([k for k, _ in keys]), numbers([o for _, o in keys])]
    )
    return {(row[0], row[1]): Policy(*row[2:]) for row in found}


def judge(policy: Policy, at: datetime) -> Authorization:
    """What a policy says at an instant, before any charge is looked at."""
    status, exact = _ANSWER_BY_STATUS.get(policy.status, "Accepted"), ""
    if status == "Accepted" and not policy.payable:
        status = "Blocked"
        exact = NO_CREDIT if policy.account_state == "blocked" else ""
    if (
        status == "Accepted"
        and policy.expires_at is not None
        and policy.expires_at <= at
    ):
        status = "Expired"
    return Authorization(
        status=status,  # type: ignore[arg-type]  # a word of the table above
        expires_at=policy.expires_at,
        group=policy.group_id,
        driver_id=policy.driver_id,
        exact=exact,
    )


def running_places(keys: Iterable[str]) -> dict[str, set[int | None]]:
    """Where charges of these tokens run: token key -> connector ids."""
    wanted = sorted(set(keys))
    if not wanted:
        return {}
    found = fetch_columns(
        "SELECT id_token, connector_id FROM charge_points_transaction "
        "WHERE state = 'active' AND started_by <> '' AND id_token = ANY(%s::text[])",
        [texts(wanted)],
    )
    places: dict[str, set[int | None]] = {}
    for key, connector_id in found:
        places.setdefault(key, set()).add(connector_id)
    return places


def judge_stop(
    row: Transaction,
    token: str,
    policies: dict[tuple[str, int], Policy],
    *,
    at: datetime,
) -> Authorization:
    """What a token is worth in a charge that runs or ran: its own is always good."""
    key = token_key(token)
    if key in {row.id_token, row.order_number}:
        return Authorization("Accepted", order_number=row.order_number)
    policy = policies.get((key, row.operator_id))
    return UNKNOWN if policy is None else judge(policy, at)


def unknown_token(charge_point_id: int, operator_id: int, at: datetime) -> QuirkRow:
    """The count of tokens nobody knows; the token itself is not kept."""
    return QuirkRow(
        charge_point_id=charge_point_id,
        operator_id=operator_id,
        version="",
        quirk=UNKNOWN_TOKEN,
        at=at,
    )


def lock_handle(order_number: str) -> StartHandle | None:
    """The handle, locked until the end of the database transaction."""
    return (
        StartHandle.objects.select_for_update(no_key=True)
        .filter(order_number=order_number)
        .first()
    )
