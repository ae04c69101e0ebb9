"""OCPP 2.0.1, block I: tariff and cost."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from charge_points.handlers.registry import Outgoing, Payload, Route
from charge_points.ocpp.versions import V201
from charge_points.services import tariff_texts


def cost_updated(arguments: Mapping[str, Any]) -> tuple[str, Payload]:
    """CostUpdated (I02); the cost is exact."""
    return "CostUpdated", {
        "totalCost": Decimal(arguments["total_cost"]),
        "transactionId": arguments["transaction_id"],
    }


ROUTES: Final[tuple[Route, ...]] = ()
OUTGOING: Final = (Outgoing(V201, "CostUpdated", "I", repeatable=True),)
INTENTS: Final = {tariff_texts.COST_UPDATED: cost_updated}
