"""OCPP 2.0.1, block P: data transfer."""

from charge_points.handlers import autocharge
from charge_points.handlers.registry import Answer, Payload, Request


def data_transfer(request: Request) -> Answer:
    """DataTransfer (P01): the certificate flow; other vendors are unknown here."""
    sent = request.payload
    if sent["vendorId"] != autocharge.VENDOR_ID:
        return {"status": "UnknownVendorId"}
    transfer = autocharge.answer(
        request,
        message_id=sent.get("messageId"),
        data=sent.get("data"),
        connector_field="evseId",
    )
    answer: Payload = {"status": transfer.status}
    if transfer.data is not None:
        answer["data"] = transfer.data
    return answer
