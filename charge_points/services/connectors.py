"""Finding the connector that a message means, and making the ones nobody listed."""

import secrets
from typing import Final

from charge_points.models import Connector, Evse
from charge_points.services.rows import insert_unless_exists
from cpms.kernel.errors import DomainError

EVSES_MAX: Final = 64
CONNECTORS_PER_EVSE_MAX: Final = 8

CODE_ALPHABET: Final = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
CODE_CHARS: Final = 8
"""40 random bits: printed on labels, so short; public, so no secret."""

Key = tuple[int, int, int]
"""(charge point id, EVSE number, connector number)"""


class UnableToFindConnector(DomainError):
    """There is no such connector, and it cannot be made."""

    http_status = 404


def new_connector_code() -> str:
    """A code for a printed label, without letters that look alike."""
    return "".join(secrets.choice(CODE_ALPHABET) for _ in range(CODE_CHARS))


def add_connector(
    *,
    operator_id: int,
    charge_point_id: int,
    evse: int,
    connector: int,
    max_power_w: int = 0,
    connector_type: str = "",
) -> None:
    """Make an EVSE's connector unless it exists.

    Raises:
        UnableToFindConnector: numbers beyond what a station can have.
    """
    if not (1 <= evse <= EVSES_MAX and 1 <= connector <= CONNECTORS_PER_EVSE_MAX):
        raise UnableToFindConnector(
            "connector_out_of_range",
            f"EVSE {evse}, connector {connector}: a station has EVSEs 1 to {EVSES_MAX} "
            f"with connectors 1 to {CONNECTORS_PER_EVSE_MAX}.",
        )
    evse_row = Evse(
        operator_id=operator_id, charge_point_id=charge_point_id, number=evse
    )
    if not insert_unless_exists(evse_row):
        evse_row = Evse.objects.get(charge_point_id=charge_point_id, number=evse)
    row = Connector(
        operator_id=operator_id,
        charge_point_id=charge_point_id,
        evse_id=evse_row.pk,
        evse_number=evse,
        number=connector,
        code=new_connector_code(),
        type=connector_type,
        max_power_w=max_power_w,
    )
    while not insert_unless_exists(row):
        exists = Connector.objects.filter(
            charge_point_id=charge_point_id, evse_number=evse, number=connector
        ).exists()
        if exists:
            return
        row.code = new_connector_code()


def find_or_add(
    *, operator_id: int, charge_point_id: int, evse: int, connector: int
) -> Connector:
    """The connector of a station that a charge names; it exists, so we list it.

    A connector number 0 (2.0.1 may name the EVSE alone) is the EVSE's first one.

    Raises:
        UnableToFindConnector: numbers beyond what a station can have.
    """
    rows = Connector.objects.filter(charge_point_id=charge_point_id, evse_number=evse)
    rows = rows.filter(number=connector) if connector else rows.order_by("number")
    row = rows.first()
    if row is None:
        add_connector(
            operator_id=operator_id,
            charge_point_id=charge_point_id,
            evse=evse,
            connector=connector or 1,
        )
        row = Connector.objects.get(
            charge_point_id=charge_point_id,
            evse_number=evse,
            number=connector or 1,
        )
    return row
