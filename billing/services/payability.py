"""Which operators can be paid: told to the start policies before anybody charges."""

from collections.abc import Iterable
from datetime import datetime

from django.db.models import Q

from billing.models import TariffAssignment
from billing.pricing import UnableToParseTariff, parse_tariff
from billing.services.terms import is_free
from charge_points.services import id_tokens
from cpms.accounts.models import Operator
from settlement.services import payees


def refresh(*, at: datetime, operator_ids: Iterable[int] | None = None) -> int:
    """Bring the start policies of operators up to date; of all when None.

    Returns:
        How many changed.
    """
    rows = Operator.objects.order_by("pk")
    if operator_ids is not None:
        rows = rows.filter(pk__in=list(operator_ids))
    return sum(
        id_tokens.set_operator_state(
            operator_id=operator.pk, can_be_paid=_can_sell(operator, at=at), at=at
        )
        for operator in rows
    )


def _can_sell(operator: Operator, *, at: datetime) -> bool:
    """Whether each currency that the operator charges has an account that takes it.

    What is given away needs none; an operator without tariffs refuses nobody here:
    its charges wait for a tariff and are then owed.
    """
    if operator.free_vend:
        return True
    return all(
        _takes(operator, currency, at=at)
        for currency in sorted(_currencies(operator, at=at))
    )


def _currencies(operator: Operator, *, at: datetime) -> set[str]:
    current = TariffAssignment.objects.filter(
        Q(ends_at__isnull=True) | Q(ends_at__gt=at),
        operator_id=operator.pk,
        starts_at__lte=at,
    ).select_related("tariff")
    found = {row.tariff_id: row.tariff for row in current}
    return {row.currency for row in found.values() if _costs(row.ocpi)}


def _costs(ocpi: dict[str, object]) -> bool:
    try:
        return not is_free(parse_tariff(ocpi))
    except UnableToParseTariff:
        return True


def _takes(operator: Operator, currency: str, *, at: datetime) -> bool:
    try:
        payees.snapshot(operator_id=operator.pk, currency=currency, at=at)
    except payees.UnableToResolvePayee:
        return False
    return True
