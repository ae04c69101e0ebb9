"""OCPP 1.6 with the Open Charge Alliance's cost messages (DataTransfer)."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from charge_points.handlers.registry import Payload
from charge_points.ocpp.encoding import dump
from charge_points.services import tariff_texts

VENDOR_ID: Final = "org.openchargealliance.costmsg"


def cost_message(arguments: Mapping[str, Any]) -> tuple[str, Payload]:
    """SetUserPrice, RunningCost or FinalCost; the cost is an exact JSON number."""
    data = dict(arguments["data"])
    if "cost" in data:
        data["cost"] = Decimal(data["cost"])
    return "DataTransfer", {
        "vendorId": VENDOR_ID,
        "messageId": arguments["message"],
        "data": dump(data).decode(),
    }


INTENTS: Final = {tariff_texts.COST_MESSAGE: cost_message}
