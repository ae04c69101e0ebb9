"""The gateway's doors to the real services: names and shapes, no decisions."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final

from django.utils import timezone

from charge_points.gateway.client_certificates import Trust
from charge_points.gateway.doors import (
    Breach,
    Closing,
    CommandEnd,
    LogEntry,
    Opening,
    QueuedCommand,
    QuirkNote,
)
from charge_points.gateway.handshake import StationRecord
from charge_points.handlers.registry import (
    REGISTRATION_ACCEPTED,
    REGISTRATION_PENDING,
    REGISTRATION_REJECTED,
    SentCommand,
)
from charge_points.services import (
    client_lists,
    commands,
    connections,
    messages,
    provisioning,
    public_keys,
    quirks,
    security,
    security_profiles,
)
from charge_points.services.facts import (
    CommandAnswer,
    CommandWording,
    ConnectionOpening,
    QuirkRow,
    SecurityRow,
)
from charge_points.services.revocation_lists import ListFacts

REGISTRATIONS: Final = {
    "accepted": REGISTRATION_ACCEPTED,
    "pending": REGISTRATION_PENDING,
    "rejected": REGISTRATION_REJECTED,
}
# The counts of one quirk within one batch; a flood is a flood.
REPEATS_MAX: Final = 1_000


class ServiceDoors:
    """``Doors`` on the services of charge_points."""

    def __init__(self, node: str = "") -> None:
        """``node``: where the files of this process lie."""
        self._node = node
        # Fetched revocation lists by fingerprint: read once, they are long.
        self._lists: dict[str, bytes] = {}

    def find_stations(self, identities: Sequence[str]) -> Mapping[str, StationRecord]:
        """The known charge points among ``identities``."""
        found = provisioning.credentials_for_many(identities=list(identities))
        return {name: _record(known) for name, known in found.items()}

    def onboard(
        self, operator_code: str, identity: str, at: datetime
    ) -> StationRecord | None:
        """Make a pending charge point; None when there is no such operator."""
        made = provisioning.onboard(
            operator_code=operator_code, identity=identity, at=at
        )
        return None if made is None else _record(made)

    def open_connections(self, openings: Sequence[Opening]) -> list[int]:
        """Record the connections; returns the new generation of each."""
        generations = connections.open_many(
            [
                ConnectionOpening(o.charge_point_id, o.version, o.at, o.node)
                for o in openings
            ]
        )
        proofs = [
            security_profiles.Proof(
                o.charge_point_id, o.security_profile, o.uses_new_password, o.at
            )
            for o in openings
            if o.raises_profile or o.uses_new_password
        ]
        if proofs:
            security_profiles.prove_many(proofs)
        return generations

    def close_connections(self, closings: Sequence[Closing]) -> None:
        """Record ends; an end of an older generation changes nothing."""
        connections.close_many(
            [(c.charge_point_id, c.generation, c.at) for c in closings]
        )

    def generations(self, charge_point_ids: Sequence[int]) -> Mapping[int, int]:
        """The newest generation of each charge point."""
        return connections.generations(charge_point_ids=charge_point_ids)

    def fence(self, charge_point_ids: Sequence[int]) -> Mapping[int, int]:
        """As ``generations``; no newer one begins before the transaction ends."""
        return connections.fence(charge_point_ids=charge_point_ids)

    def write_log(self, entries: Sequence[LogEntry]) -> None:
        """Append to the message log, masked."""
        messages.record_many(entries)

    def count_quirks(self, notes: Sequence[QuirkNote]) -> None:
        """Count deviations per charge point."""
        quirks.count_many(
            [
                QuirkRow(
                    charge_point_id=note.charge_point_id,
                    operator_id=note.operator_id,
                    version=note.version,
                    quirk=note.quirk,
                    at=note.at,
                    example=note.example,
                )
                for note in notes
                for _ in range(min(note.count, REPEATS_MAX))
            ]
        )

    def trust(self) -> Trust:
        """The built-in CA and what it took back; lists of other client CAs."""
        certificates = public_keys.authority.all_certificates()
        self._lists = client_lists.current(self._lists)
        return Trust(
            tuple(public_keys.authority.pem_of(found) for found in certificates),
            public_keys.revoked_serials(),
            tuple(self._lists.values()),
        )

    def report_lists(self, lists: Sequence[ListFacts]) -> None:
        """Keep how old the revocation lists in this process's files are."""
        client_lists.report_files(node=self._node, found=lists, at=timezone.now())

    def report_breaches(self, breaches: Sequence[Breach]) -> None:
        """Record refused handshakes as security events."""
        security.record_many(
            [
                SecurityRow(
                    charge_point_id=breach.charge_point_id,
                    operator_id=breach.operator_id,
                    kind=breach.kind,
                    occurred_at=breach.at,
                    received_at=breach.at,
                    detail=f"from {breach.remote}: {breach.reason}",
                )
                for breach in breaches
            ]
        )

    def take_commands(
        self,
        charge_point_ids: Sequence[int],
        node: str,
        at: datetime,
        only: Collection[str] | None = None,
    ) -> Iterable[QueuedCommand]:
        """At most one command per charge point, now marked as sent."""
        taken = commands.take_for_delivery(
            charge_point_ids=charge_point_ids, node=node, at=at, only=only
        )
        return [
            QueuedCommand(
                command_id=command.command_id,
                charge_point_id=command.charge_point_id,
                operator_id=command.operator_id,
                intent=command.intent or None,
                action=command.action,
                payload=command.payload,
                arguments=command.arguments,
            )
            for command in taken
        ]

    def record_translations(
        self, sent: Sequence[SentCommand], node: str, at: datetime
    ) -> None:
        """Keep what an intent became on the wire."""
        del node, at
        wordings = [
            CommandWording(command.command_id, command.action, command.payload)
            for command in sent
            if command.intent is not None
        ]
        if wordings:
            commands.mark_sent(wordings=wordings)

    def end_commands(self, ends: Sequence[CommandEnd]) -> Collection[int]:
        """Record how commands ended; returns those that were queued again."""
        return commands.record_answers(
            answers=[
                CommandAnswer(
                    command_id=end.command.command_id,
                    accepted=end.accepted,
                    status=end.status,
                    at=end.at,
                    detail=end.detail,
                    response=end.result,
                    error_code=end.error_code,
                    error_text=end.error_text,
                    repeatable=end.repeatable,
                )
                for end in ends
            ]
        )

    def recover_commands(
        self, charge_point_ids: Sequence[int], repeatable: frozenset[str], at: datetime
    ) -> None:
        """After a reconnect: settle what a former connection left as sent."""
        commands.recover(
            charge_point_ids=charge_point_ids, repeatable_actions=repeatable, at=at
        )


def _record(known: provisioning.ChargePointCredentials) -> StationRecord:
    return StationRecord(
        charge_point_id=known.charge_point_id,
        identity=known.identity,
        operator_id=known.operator_id,
        security_profile=known.security_profile,
        profile_0_allowed=known.profile_0_allowed,
        registration=REGISTRATIONS[known.registration],
        operator_code=known.operator_code,
        password_digests=known.password_digests,
        subprotocol_optional=known.tolerate_missing_subprotocol,
        security_profile_next=known.security_profile_next,
    )
