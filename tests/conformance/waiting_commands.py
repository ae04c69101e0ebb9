"""The commands of lists and reservations as a station takes them."""

from charge_points.models import Command
from charge_points.services import local_lists, reservations

ACTIONS = {
    local_lists.SEND: "SendLocalList",
    local_lists.ASK_VERSION: "GetLocalListVersion",
    reservations.RESERVE: "ReserveNow",
    reservations.CANCEL: "CancelReservation",
}


def under_way(station, intent):
    """The wording of the one command of an intent that waits, now taken."""
    row = Command.objects.get(charge_point_id=station.id, intent=intent, state="queued")
    Command.objects.filter(pk=row.pk).update(state="accepted")
    action, payload = station.word(row.intent, row.arguments)
    assert action == ACTIONS[intent]
    return action, payload
