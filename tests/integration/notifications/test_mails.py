"""Mails: to whom it concerns, once, in their language, not while they sleep."""

from datetime import UTC, datetime, time, timedelta
from smtplib import SMTPRecipientsRefused, SMTPServerDisconnected

import pytest
from django.conf import settings as django_settings
from django.core import mail
from django.db import transaction
from django.utils import timezone

from cpms.accounts.models import Membership, User
from cpms.notifications.kinds import KINDS, OFFLINE_AFTER
from cpms.notifications.models import (
    DriverNotificationSettings,
    Notification,
    StaffNotificationSettings,
)
from cpms.notifications.services import mailing
from cpms.notifications.services.texts import words
from cpms.outbox.models import Delivery, EventRecord
from cpms.outbox.publishing import publish
from cpms.outbox.subscriptions import RetryLater
from tests.factories import accounts
from tests.outbox import drain

AT = "2026-05-01T12:00:00Z"
FACTS = {
    "order_number": "AB12",
    "charge_point": "CP-1",
    "charge_point_id": 1,
    "reason": "declined",
    "pay_url": "https://example.org/pay/x",
    "at": AT,
    "kind": "InvalidCsr",
    "review_reason": "jump",
    "status": "faulted",
    "requirements_due": ["iban"],
    "due_by": None,
    "ends_at": AT,
    "dispute": "dp_1",
}


def member(operator, role, email=None):
    user = User.objects.create_user(
        email=email or f"{role}@{operator.code}.example", password=None, is_staff=True
    )
    Membership.objects.create(operator=operator, user=user, role=role)
    return user


def tell(topic, operator, **payload):
    with transaction.atomic():
        return publish(
            topic, operator_id=operator.pk, key="k", payload={**FACTS, **payload}
        )


def addresses():
    return sorted(message.to[0] for message in mail.outbox)


def test_a_driver_hears_of_the_begin_in_its_own_language(operator):
    person = accounts.driver("anna@example.org", locale="de")
    tell("ChargeStarted", operator, driver_id=person.driver.pk)
    drain()

    (message,) = mail.outbox
    assert message.to == ["anna@example.org"]
    assert message.subject == "Ihre Ladung an CP-1 hat begonnen"
    assert "AB12" in message.body


def test_a_guest_hears_by_the_address_that_it_gave(operator):
    tell("PaymentFailed", operator, email="guest@example.org", language="en")
    tell("ChargeStarted", operator, driver_id=None, email=None)
    drain()

    (message,) = mail.outbox
    assert message.to == ["guest@example.org"]
    assert "https://example.org/pay/x" in message.body


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_every_kind_goes_out_as_a_mail_in_its_words(operator, kind):
    member(operator, "owner")
    tell(kind.topic, operator, email="guest@example.org")
    EventRecord.objects.update(created_at=timezone.now() - OFFLINE_AFTER)
    drain()
    to = "owner@north.example" if kind.roles else "guest@example.org"
    assert addresses() == [to]
    assert mail.outbox[0].subject == words(kind.name, FACTS, language="en")[0]


def test_the_same_event_told_twice_is_one_mail(operator):
    tell("ChargeStarted", operator, email="guest@example.org")
    drain()
    Delivery.objects.filter(subscriber="notifications.mail").update(state="pending")
    drain()

    assert len(mail.outbox) == 1


def test_staff_hears_by_role_and_of_its_own_operator_only(operator):
    other = accounts.operator("south")
    for role in ("owner", "finance", "technician", "viewer"):
        member(operator, role)
        member(other, role)
    tell("PayeeAccountDegraded", operator)
    drain()
    assert addresses() == ["finance@north.example", "owner@north.example"]

    mail.outbox.clear()
    tell("SecurityEventRaised", operator)
    drain()
    assert addresses() == ["owner@north.example", "technician@north.example"]


def test_who_left_hears_nothing(operator):
    user = member(operator, "owner")
    User.objects.filter(pk=user.pk).update(is_active=False)
    tell("SecurityEventRaised", operator)
    drain()

    assert mail.outbox == []


def test_muted_kinds_are_not_told(operator):
    user = member(operator, "owner")
    StaffNotificationSettings.objects.create(user=user, muted=["security_event"])
    person = accounts.driver("anna@example.org")
    DriverNotificationSettings.objects.create(
        driver=person.driver, muted=["charge_started"]
    )
    tell("SecurityEventRaised", operator)
    tell("ChargeStarted", operator, driver_id=person.driver.pk)
    tell("ChargeStopped", operator, driver_id=person.driver.pk)
    drain()

    assert [m.subject for m in mail.outbox] == ["Your charge at CP-1 has ended"]


@pytest.mark.parametrize(
    ("start", "end", "at", "wanted"),
    [
        ("22:00", "07:00", "2026-05-01 23:30", "2026-05-02 07:00"),
        ("22:00", "07:00", "2026-05-01 03:00", "2026-05-01 07:00"),
        ("22:00", "07:00", "2026-05-01 12:00", "2026-05-01 12:00"),
        ("12:00", "14:00", "2026-05-01 13:00", "2026-05-01 14:00"),
        ("12:00", "14:00", "2026-05-01 14:00", "2026-05-01 14:00"),
        # The night in which the clock is put forward.
        ("22:00", "07:00", "2026-03-28 23:00", "2026-03-29 07:00"),
    ],
)
def test_quiet_hours_end_by_the_wall_clock(start, end, at, wanted):
    from zoneinfo import ZoneInfo  # noqa: PLC0415 - only here

    zone = ZoneInfo("Europe/Berlin")
    person = mailing._Person(
        "a@example.org",
        "en",
        quiet=(time.fromisoformat(start), time.fromisoformat(end)),
        zone="Europe/Berlin",
    )
    instant = datetime.fromisoformat(at).replace(tzinfo=zone).astimezone(UTC)
    free = mailing._after_quiet_hours(person, instant)

    assert free.astimezone(zone).strftime("%Y-%m-%d %H:%M") == wanted


def test_a_mail_waits_for_the_morning_unless_it_is_urgent(operator):
    person = accounts.driver("anna@example.org")
    now = timezone.now()
    DriverNotificationSettings.objects.create(
        driver=person.driver,
        quiet_from=(now - timedelta(hours=1)).time(),
        quiet_until=(now + timedelta(hours=1)).time(),
    )
    tell("ChargeStarted", operator, driver_id=person.driver.pk)
    tell("PaymentFailed", operator, driver_id=person.driver.pk)
    drain(impatient=False)

    assert [m.subject for m in mail.outbox] == ["Your payment did not work"]
    waiting = Notification.objects.get(kind="charge_started")
    mailing.send(notification_id=waiting.pk, at=waiting.not_before)
    assert len(mail.outbox) == 2


def test_a_station_that_comes_back_soon_is_nobodys_worry(operator):
    member(operator, "owner")
    tell("ChargePointDisconnected", operator)
    drain(impatient=False)
    assert mail.outbox == []
    tell("ChargePointConnected", operator)
    EventRecord.objects.update(created_at=timezone.now() - OFFLINE_AFTER)
    drain()
    assert mail.outbox == []

    tell("ChargePointDisconnected", operator)
    EventRecord.objects.update(created_at=timezone.now() - OFFLINE_AFTER)
    drain()
    assert [m.subject for m in mail.outbox] == ["Charge point CP-1 is offline"]


def test_only_a_fault_is_told_and_once_an_hour(operator):
    member(operator, "technician")
    tell("ConnectorStatusChanged", operator, status="available")
    for _ in range(3):
        tell("ConnectorStatusChanged", operator)
    EventRecord.objects.update(created_at=datetime(2026, 5, 1, 12, 10, tzinfo=UTC))
    drain()

    assert [m.subject for m in mail.outbox] == ["A connector reports a fault: CP-1"]


def test_only_a_charge_in_doubt_waits_for_a_decision(operator):
    member(operator, "finance")
    tell("TransactionEnded", operator, review_reason=None)
    tell("TransactionEnded", operator)
    drain()

    assert len(mail.outbox) == 1
    assert "jump" in mail.outbox[0].body


@pytest.fixture
def pending(operator):
    tell("ChargeStarted", operator, email="guest@example.org")
    drain(impatient=False)
    Notification.objects.update(state="pending", attempts=0, sent_at=None)
    mail.outbox.clear()
    return Notification.objects.get()


def test_a_mail_server_that_is_away_is_asked_again_and_in_the_end_given_up(
    pending, monkeypatch
):
    def away(self, **_):
        raise SMTPServerDisconnected

    monkeypatch.setattr("django.core.mail.EmailMessage.send", away)
    pauses = []
    for _ in range(mailing.ATTEMPTS_MAX - 1):
        with pytest.raises(RetryLater) as later:
            mailing.send(notification_id=pending.pk, at=timezone.now())
        pauses.append(later.value.seconds)
    mailing.send(notification_id=pending.pk, at=timezone.now())

    pending.refresh_from_db()
    assert pauses == sorted(pauses)
    assert (pending.state, pending.last_error) == ("dead", "SMTPServerDisconnected")


def test_an_address_that_does_not_exist_is_not_asked_again(pending, monkeypatch):
    def refuse(self, **_):
        raise SMTPRecipientsRefused({})

    monkeypatch.setattr("django.core.mail.EmailMessage.send", refuse)
    mailing.send(notification_id=pending.pk, at=timezone.now())

    pending.refresh_from_db()
    assert pending.state == "dead"


@pytest.mark.parametrize("kind", [kind.name for kind in KINDS])
@pytest.mark.parametrize("language", ["de", "zh-hans"])
def test_every_text_is_translated(kind, language):
    english = words(kind, FACTS, language="en")
    other = words(kind, FACTS, language=language)

    assert other[0] != english[0]
    assert all(
        a != b
        for a, b in zip(other[1].split("\n\n"), english[1].split("\n\n"), strict=True)
    )


def test_a_subject_stays_one_line_whatever_the_facts_are():
    subject, _ = words(
        "charge_started", {**FACTS, "charge_point": "CP\r\nBcc: x"}, language="en"
    )
    assert "\n" not in subject
    assert "\r" not in subject


def test_the_languages_of_the_texts_are_those_of_the_platform():
    assert {code for code, _ in django_settings.LANGUAGES} == {"en", "de", "zh-hans"}


def test_a_driver_chooses_by_rest(operator, client):
    person = accounts.driver("anna@example.org")
    path, json = "/api/v1/driver/notifications", "application/json"
    shown = client.get(path, headers=person.headers)
    assert shown.json()["muted"] == []

    wanted = {
        "muted": ["charge_started"],
        "quiet_from": "22:00",
        "quiet_until": "07:00",
        "time_zone": "Europe/Berlin",
    }
    changed = client.patch(path, wanted, json, headers=person.headers)
    assert changed.status_code == 200
    assert changed.json()["quiet_from"] == "22:00:00"

    for wrong in (
        {"muted": ["everything"]},
        {"time_zone": "Mars"},
        {"quiet_from": None},
        {"quiet_from": "25:00"},
    ):
        answer = client.patch(path, wrong, json, headers=person.headers)
        assert answer.status_code == 400, wrong
    assert client.get(path).status_code == 401


def test_staff_sees_and_changes_its_own_settings_only(operator, client, as_role):
    mine, other = member(operator, "owner"), member(operator, "finance")
    foreign = StaffNotificationSettings.objects.create(user=other)
    client.force_login(mine)
    base = "/admin/notifications/staffnotificationsettings"
    form = {"muted": ["security_event"], "time_zone": "UTC"}

    with as_role("app"):
        assert client.post(f"{base}/add/", form).status_code == 302
        row = StaffNotificationSettings.objects.get(user=mine)
        assert row.muted == ["security_event"]
        assert client.get(f"{base}/{row.pk}/change/").status_code == 200
        assert client.get(f"{base}/{foreign.pk}/change/").status_code == 302
        assert str(other) not in client.get(f"{base}/").content.decode()
        assert client.get(f"{base}/add/").status_code == 403
