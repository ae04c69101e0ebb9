"""Answers to ChangeAvailability and Reset that put something off; both versions."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from charge_points.handlers.registry import Payload, SentCommand
from charge_points.services import deferred_changes


def keep_answer(
    command: SentCommand,
    answer: Payload,
    at: datetime,
    *,
    kind: str,
    place: tuple[int, int],
) -> None:
    """Keep what was promised about (EVSE, connector)."""
    evse, connector = place
    asked = deferred_changes.Asked(
        charge_point_id=command.charge_point_id,
        operator_id=command.operator_id,
        kind=kind,
        evse=evse,
        connector=connector,
    )
    deferred_changes.record_answer(asked, status=answer["status"], at=at)


def availability_kind(sent: Mapping[str, Any]) -> str:
    """Of a ChangeAvailability: "inoperative" or "operative" in either version."""
    word = sent.get("operationalStatus") or sent["type"]
    return str(word).lower()
