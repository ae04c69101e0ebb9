"""What this room hears."""

from django.utils import timezone

from cpms.notifications.catalogue import BY_TOPIC
from cpms.notifications.kinds import KINDS
from cpms.notifications.services import fan_out, mailing, sending
from cpms.outbox.subscriptions import Event, subscriber


@subscriber(
    "notifications.webhooks",
    topics=BY_TOPIC,
    queue="notifications",
    only_for=fan_out.interest.has,
)
def write_messages(events: list[Event]) -> None:
    """One message for each endpoint that wants the event."""
    fan_out.fan_out(events, at=timezone.now())


@subscriber(
    "notifications.send_webhook",
    topics=[fan_out.MESSAGE_QUEUED],
    queue="notifications",
    transactional=False,
)
def send_message(event: Event) -> None:
    """Call the operator's system."""
    sending.send(message_id=event.payload["message_id"], at=timezone.now())


@subscriber(
    "notifications.mail",
    topics=[kind.topic for kind in KINDS],
    queue="notifications",
)
def write_mails(events: list[Event]) -> None:
    """One mail for each person who wants to know."""
    mailing.write(events, at=timezone.now())


@subscriber(
    "notifications.send_mail",
    topics=[mailing.NOTIFICATION_QUEUED],
    queue="notifications",
    transactional=False,
)
def send_mail(event: Event) -> None:
    """Hand a mail to the mail server."""
    mailing.send(notification_id=event.payload["notification_id"], at=timezone.now())
