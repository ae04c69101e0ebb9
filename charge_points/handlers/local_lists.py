"""Local authorization lists: the answers, as far as both versions have the same."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from charge_points.handlers.registry import Outgoing, Payload, SentCommand
from charge_points.services import local_lists

Entries = dict[str, dict[str, Any]]
"""Token key -> entry, as ``services.local_lists`` has it."""


def get_local_list_version(arguments: Mapping[str, Any]) -> tuple[str, Payload]:
    """GetLocalListVersion (1.6 5.10, 2.0.1 D02)."""
    del arguments
    return "GetLocalListVersion", {}


def on_error(command: SentCommand, code: str, description: str, at: datetime) -> None:
    """A station without lists is not asked again."""
    del description
    local_lists.record_failure(
        charge_point_id=command.charge_point_id,
        operator_id=command.operator_id,
        code=code,
        at=at,
    )


def outgoing(
    version: str,
    block: str,
    *,
    number: str,
    entries_of: Callable[[Payload], Entries],
) -> tuple[Outgoing, ...]:
    """What the CSMS sends, for a version's table.

    Args:
        version: of OCPP.
        block: profile or functional block.
        number: what the version calls a list's version.
        entries_of: reads the entries of a SendLocalList.
    """

    def on_sent(command: SentCommand, answer: Payload, at: datetime) -> None:
        """An accepted part is what the station has now, whoever sent it."""
        sent = command.payload
        local_lists.record_sent(
            charge_point_id=command.charge_point_id,
            operator_id=command.operator_id,
            version=sent[number],
            full=sent["updateType"] == local_lists.FULL,
            entries=entries_of(sent),
            status=answer["status"],
            at=at,
        )

    def on_version(command: SentCommand, answer: Payload, at: datetime) -> None:
        """The station's version decides whether its content is known."""
        local_lists.record_version(
            charge_point_id=command.charge_point_id,
            operator_id=command.operator_id,
            version=answer[number],
            at=at,
        )

    return tuple(
        Outgoing(version, action, block, on_result, on_error, repeatable=True)
        for action, on_result in (
            ("GetLocalListVersion", on_version),
            ("SendLocalList", on_sent),
        )
    )
