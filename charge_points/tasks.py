"""Sweeps: whatever must end even when nobody says so. Each is limited and repeatable.

The schedule is part of the code; ``cpms.celery`` collects it.
"""

from datetime import datetime, timedelta
from typing import Any, Final

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from charge_points.events import PLUGGED_IN
from charge_points.services import (
    campaigns,
    certificates,
    client_lists,
    commands,
    customer_information,
    diagnostics,
    local_lists,
    partitions,
    public_keys,
    reservations,
    starting,
    transactions,
    unsent,
)
from charge_points.services.public_keys import external
from charge_points.services.smart_charging import profiles, transaction_limits
from cpms.outbox import Event, subscriber

DAY_S: Final = 86_400.0
STALE: Final = timedelta(seconds=60)
"""A plug-in told so late shows nothing any more: the driver has found another way."""

MAINTENANCE: Final = {"queue": "maintenance"}


@shared_task(name="charge_points.time_out_starts")
def time_out_starts() -> int:
    """Fail starts that nothing followed; billing frees their holds."""
    return starting.time_out(at=timezone.now())


@shared_task(name="charge_points.expire_certificates")
def expire_certificates() -> int:
    """End certificates that nobody used in time."""
    return certificates.expire(at=timezone.now())


@shared_task(name="charge_points.settle_commands")
def settle_commands() -> int:
    """Expire commands that waited too long, settle those that lost their gateway.

    What they were to bring about ends with them.
    """
    now = timezone.now()
    settled = commands.settle_overdue(at=now)
    return settled + unsent.settle(at=now) + transaction_limits.renew_unsent(at=now)


@shared_task(name="charge_points.advance_command_batches")
def advance_command_batches() -> int:
    """Queue the next commands of batches that have room for them."""
    return commands.batches.sweep(at=timezone.now())


@shared_task(name="charge_points.advance_firmware_campaigns")
def advance_firmware_campaigns() -> int:
    """Take over what stations said of their updates, ask the next ones."""
    return campaigns.sweep(at=timezone.now())


@shared_task(name="charge_points.stop_overdue_charges")
def stop_overdue_charges() -> int:
    """Enforce time limits of charges that send nothing."""
    return starting.stop_overdue(at=timezone.now())


@shared_task(name="charge_points.close_silent_charges")
def close_silent_charges() -> int:
    """Close charges that never got a stop, from their last sample."""
    return transactions.close_silent(at=timezone.now())


@shared_task(name="charge_points.sync_local_lists")
def sync_local_lists() -> int:
    """Bring the stations' local lists in step with the start policies."""
    return local_lists.sync_due(at=timezone.now())


@shared_task(name="charge_points.expire_reservations")
def expire_reservations() -> int:
    """End reservations whose time is over."""
    return reservations.expire(at=timezone.now())


@shared_task(name="charge_points.end_profiles")
def end_profiles() -> int:
    """End the charging profiles of charges that are over."""
    return profiles.end_with_transactions(at=timezone.now())


@shared_task(name="charge_points.forget_logs")
def forget_logs() -> int:
    """Delete files of logs that nobody needs any more."""
    return diagnostics.forget(at=timezone.now())


@shared_task(name="charge_points.forget_customers")
def forget_customers() -> int:
    """Drop what stations told of customers long ago."""
    return customer_information.forget(at=timezone.now())


@shared_task(name="charge_points.fetch_revocation_lists")
def fetch_revocation_lists() -> int:
    """Fetch the lists of the operator's own client CAs; tell of those that are old."""
    fetched = client_lists.fetch_all(at=timezone.now())
    client_lists.warn_of_stale(at=timezone.now())
    return fetched


@shared_task(name="charge_points.ask_station_ca")
def ask_station_ca() -> int:
    """Ask the operator's own CA for stations' certificates."""
    return external.work(at=timezone.now())


@shared_task(name="charge_points.renew_certificates")
def renew_certificates() -> int:
    """Ask stations whose certificate ends soon for a new request."""
    return public_keys.renew_due(at=timezone.now())


@shared_task(name="charge_points.rotate_keys")
def rotate_keys() -> bool:
    """Replace a certificate signing key that signed long enough."""
    return certificates.rotate(at=timezone.now())


@shared_task(name="charge_points.maintain_partitions")
def maintain_partitions() -> tuple[int, int]:
    """Make partitions ahead, drop messages past their retention."""
    now = timezone.now()
    made = partitions.add_ahead(at=now)
    retention = timedelta(days=settings.MESSAGE_LOG_RETENTION_DAYS)
    return made, partitions.drop_messages(before=now - retention)


@subscriber("charge_points.displays", topics=[PLUGGED_IN], queue="default")
def on_plugged_in(events: list[Event]) -> None:
    """Show a certificate where a vehicle was plugged in at a station with display."""
    for event in events:
        now = timezone.now()
        if now - datetime.fromisoformat(event.payload["at"]) <= STALE:
            certificates.show(connector_id=int(event.payload["connector_id"]), at=now)


BEAT_SCHEDULE: Final[dict[str, dict[str, Any]]] = {
    "charge-points-time-out-starts": {
        "task": "charge_points.time_out_starts",
        "schedule": 5.0,
    },
    "charge-points-expire-certificates": {
        "task": "charge_points.expire_certificates",
        "schedule": 10.0,
    },
    "charge-points-settle-commands": {
        "task": "charge_points.settle_commands",
        "schedule": 10.0,
    },
    "charge-points-advance-command-batches": {
        "task": "charge_points.advance_command_batches",
        "schedule": 5.0,
    },
    "charge-points-advance-firmware-campaigns": {
        "task": "charge_points.advance_firmware_campaigns",
        "schedule": 20.0,
    },
    "charge-points-stop-overdue-charges": {
        "task": "charge_points.stop_overdue_charges",
        "schedule": 15.0,
    },
    "charge-points-close-silent-charges": {
        "task": "charge_points.close_silent_charges",
        "schedule": 300.0,
    },
    "charge-points-sync-local-lists": {
        "task": "charge_points.sync_local_lists",
        "schedule": 60.0,
    },
    "charge-points-expire-reservations": {
        "task": "charge_points.expire_reservations",
        "schedule": 30.0,
    },
    "charge-points-end-profiles": {
        "task": "charge_points.end_profiles",
        "schedule": 60.0,
    },
    "charge-points-forget-logs": {
        "task": "charge_points.forget_logs",
        "schedule": DAY_S,
        "options": MAINTENANCE,
    },
    "charge-points-forget-customers": {
        "task": "charge_points.forget_customers",
        "schedule": DAY_S,
        "options": MAINTENANCE,
    },
    "charge-points-fetch-revocation-lists": {
        "task": "charge_points.fetch_revocation_lists",
        "schedule": 900.0,
        "options": MAINTENANCE,
    },
    "charge-points-ask-station-ca": {
        "task": "charge_points.ask_station_ca",
        "schedule": 20.0,
    },
    "charge-points-renew-certificates": {
        "task": "charge_points.renew_certificates",
        "schedule": DAY_S / 4,
    },
    "charge-points-rotate-keys": {
        "task": "charge_points.rotate_keys",
        "schedule": DAY_S,
        "options": MAINTENANCE,
    },
    "charge-points-maintain-partitions": {
        "task": "charge_points.maintain_partitions",
        "schedule": 3600.0,
        "options": MAINTENANCE,
    },
}
