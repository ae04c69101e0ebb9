"""The gateway's doors without tables, and stations behind them."""

import threading
from collections import defaultdict
from dataclasses import replace
from itertools import count

from charge_points.gateway.client_certificates import Trust
from charge_points.gateway.credentials import password_digest
from charge_points.gateway.doors import QueuedCommand
from charge_points.gateway.handshake import StationRecord

KEY = b"key of the tests"

PASSWORD = "correct horse battery"


def record(number, identity, **changes):
    """A charge point of security profile 1 with the tests' password."""
    known = StationRecord(
        charge_point_id=number,
        identity=identity,
        operator_id=1,
        security_profile=1,
        profile_0_allowed=False,
        registration="Accepted",
        operator_code="north",
        password_digests=(password_digest(PASSWORD.encode(), KEY),),
    )
    return replace(known, **changes)


class MemoryDoors:
    """Doors without tables; the lock makes them fit for several writers."""

    def __init__(self):
        self.lock = threading.Lock()
        self.stations = {}
        self.newest = defaultdict(int)
        self.operators = {"north": 1}
        self.log = []
        self.quirks = defaultdict(int)
        self.breaches = []
        self.trusted = Trust()
        self.lists = []
        self.closings = []
        self.openings = []
        self.queued = []
        self.translated = []
        self.ends = []
        self.recovered = []
        self.numbers = count(100)

    def add(self, identity, **changes):
        found = record(next(self.numbers), identity, **changes)
        self.stations[identity] = found
        return found

    def find_stations(self, identities):
        return {
            name: self.stations[name] for name in identities if name in self.stations
        }

    def onboard(self, operator_code, identity, at):
        if operator_code not in self.operators:
            return None
        return self.add(
            identity,
            registration="Pending",
            security_profile=0,
            profile_0_allowed=True,
            operator_code=operator_code,
        )

    def open_connections(self, openings):
        with self.lock:
            generations = []
            for opening in openings:
                self.newest[opening.charge_point_id] += 1
                generations.append(self.newest[opening.charge_point_id])
            self.openings += openings
            return generations

    def close_connections(self, closings):
        self.closings += closings

    def generations(self, charge_point_ids):
        return {key: self.newest[key] for key in charge_point_ids}

    def fence(self, charge_point_ids):
        return self.generations(charge_point_ids)

    def write_log(self, entries):
        self.log += entries

    def count_quirks(self, notes):
        for note in notes:
            self.quirks[note.quirk] += note.count

    def trust(self):
        return self.trusted

    def report_lists(self, lists):
        self.lists = lists

    def report_breaches(self, breaches):
        self.breaches += breaches

    def queue(self, station, intent, action="", payload=None, **arguments):
        command = QueuedCommand(
            command_id=next(self.numbers),
            charge_point_id=station.charge_point_id,
            operator_id=1,
            intent=intent,
            action=action,
            payload=payload or {},
            arguments=arguments,
        )
        self.queued.append(command)
        return command

    def take_commands(self, charge_point_ids, node, at, only=None):
        with self.lock:
            taken = []
            for key in charge_point_ids:
                mine = [
                    c
                    for c in self.queued
                    if c.charge_point_id == key and (only is None or c.action in only)
                ]
                if mine:
                    self.queued.remove(mine[0])
                    taken.append(mine[0])
            return taken

    def record_translations(self, sent, node, at):
        self.translated += sent

    def end_commands(self, ends):
        self.ends += ends
        return {end.command.command_id for end in ends if end.error_code == "NotSent"}

    def recover_commands(self, charge_point_ids, repeatable, at):
        self.recovered.append((tuple(charge_point_ids), repeatable))
