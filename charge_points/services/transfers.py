"""Addresses at which stations fetch firmware and leave logs.

An address carries its own permission: what it is for, signed by the platform's key
(HMAC-SHA256). Nothing secret is kept, and nobody can guess one.
"""

from datetime import UTC, datetime
from typing import Final

from django.conf import settings
from django.core.signing import BadSignature, Signer

from cpms.kernel.errors import DomainError

PREFIX: Final = "transfer"
FIRMWARE: Final = "firmware"
LOGS: Final = "logs"


class UnableToOpenTransfer(DomainError):
    """The address is not one of ours, or its time is over."""

    http_status = 404


def _signer(kind: str) -> Signer:
    return Signer(sep=".", salt=f"charge_points.transfers.{kind}")


def _address(kind: str, *parts: int) -> str:
    token = _signer(kind).sign("-".join(str(part) for part in parts))
    return f"{settings.PUBLIC_BASE_URL}/{PREFIX}/{kind}/{token}"


def _parts(kind: str, token: str, wanted: int) -> list[int]:
    try:
        parts = [int(part) for part in _signer(kind).unsign(token).split("-")]
    except (BadSignature, ValueError):
        parts = []
    if len(parts) != wanted:
        raise UnableToOpenTransfer(
            "unknown_transfer", "There is no such address; ask for a new one."
        )
    return parts


def upload_address(*, operator_id: int, upload_id: int) -> str:
    """Where a station may leave the file of a ``LogUpload``."""
    return _address(LOGS, operator_id, upload_id)


def read_upload(token: str) -> tuple[int, int]:
    """(operator id, id of the ``LogUpload``).

    Raises:
        UnableToOpenTransfer: not an address of ours.
    """
    operator_id, upload_id = _parts(LOGS, token, 2)
    return operator_id, upload_id


def firmware_address(*, operator_id: int, firmware_id: int, until: datetime) -> str:
    """Where a station may fetch a ``FirmwareFile``, until then."""
    return _address(FIRMWARE, operator_id, firmware_id, int(until.timestamp()))


def read_firmware(token: str, *, at: datetime) -> tuple[int, int]:
    """(operator id, id of the ``FirmwareFile``).

    Raises:
        UnableToOpenTransfer: not an address of ours, or its time is over.
    """
    operator_id, firmware_id, until = _parts(FIRMWARE, token, 3)
    if at >= datetime.fromtimestamp(until, UTC):
        raise UnableToOpenTransfer(
            "transfer_over",
            "The time of this address is over; order the update again.",
            http_status=410,
        )
    return operator_id, firmware_id
