"""Staff, and a network with something of everything in it, for tests of the pages."""

import json
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection

from charge_points.models import (
    ChargingCertificate,
    Command,
    DeviceVariable,
    DeviceVariableChange,
    PlugInEpisode,
    Transaction,
)
from charge_points.services import commands, messages, metering, quirks, security
from charge_points.services.facts import (
    MessageRow,
    QuirkRow,
    Sample,
    SecurityRow,
)
from cpms.accounts.models import Membership, User
from tests.integration.charge_points.world import NOON, allow, later


def make_staff(email, operator_id=None, role="owner", **fields):
    """A member of the operator, or (None) somebody of no operator."""
    user = User.objects.create_user(email, "a long password", is_staff=True, **fields)
    if operator_id is not None:
        Membership.objects.create(user=user, operator_id=operator_id, role=role)
    return user


def fill(station, *, tag="1", at=NOON):
    """One ended charge, one command, one of each report, at this station."""
    token = f"TAG{tag}{station.identity}"
    allow(token, operator_id=station.operator_id)
    began = station.start(token, at, evse=1)
    samples = [
        Sample(
            at + timedelta(minutes=minute),
            Decimal(1000 + 200 * minute),
            Decimal(12_000),
            soc_percent=Decimal(40 + minute),
        )
        for minute in range(1, 6)
    ]
    metering.record([station.values(began.ocpp_id, *samples)])
    station.stop(began.ocpp_id, at + timedelta(minutes=6), 2200)
    ask(station, "Reset", {"type": "Soft"}, key=f"reset {tag}", at=at)
    quirks.count(
        QuirkRow(**station.who, version="1.6", quirk=f"null_field{tag}", at=at)
    )
    security.record_many(
        [SecurityRow(**station.who, kind="Tamper", occurred_at=at, received_at=at)]
    )
    note(station, "Heartbeat", {"n": tag}, at=at)
    tell_variable(station, f"HeartbeatInterval{tag}", "300", at=at)
    return began


def ask(station, action, payload, *, key, at=NOON):
    return commands.queue(
        charge_point_id=station.id,
        action=action,
        payload=payload,
        by="test",
        idempotency_key=key,
        expires_at=at + timedelta(days=3650),
        at=at,
    )


def note(station, action, payload, *, at, answer="{}", incoming=True):
    messages.record_many(
        [
            MessageRow(
                **station.who,
                version="1.6",
                incoming=incoming,
                action=action,
                message_id=f"{action}-{at.timestamp():.0f}",
                at=at,
                answered_at=at,
                text=json.dumps(payload),
                answer_text=answer,
            )
        ]
    )


def tell_variable(station, name, value, *, at=NOON, **fields):
    row = DeviceVariable.objects.create(
        **station.who,
        variable=name,
        value=value,
        mutability=fields.pop("mutability", "ReadWrite"),
        updated_at=at,
        changed_at=at,
        **fields,
    )
    DeviceVariableChange.objects.create(
        operator_id=station.operator_id,
        variable=row,
        value=value,
        at=at,
        source="GetConfiguration",
    )
    return row


def certificate(station, *, jti="j" * 43, state="issued", order=None, evse=2):
    place = station.connector(evse)
    episode = PlugInEpisode.objects.create(
        **station.who, connector=place, started_at=NOON, started_by="status"
    )
    return ChargingCertificate.objects.create(
        **station.who,
        connector=place,
        episode=episode,
        jti=jti,
        kid="k" * 43,
        requested_by="station",
        state=state,
        issued_at=NOON,
        expires_at=later(minutes=3),
        order_number=order,
    )


def set_version(station, version):
    row = station.row
    row.ocpp_version = version
    row.save(update_fields=["ocpp_version"])


def commands_of(station):
    return list(Command.objects.filter(charge_point_id=station.id).order_by("id"))


@pytest.fixture(autouse=True)
def _no_collected_files(settings):
    """Static files are not collected for tests; whitenoise looks when asked."""
    settings.WHITENOISE_AUTOREFRESH = True


@contextmanager
def gateway():
    """Work as the gateway does, in the midst of a test that serves the web."""
    with connection.cursor() as cursor:
        cursor.execute("SET ROLE cpms_system")
    yield
    with connection.cursor() as cursor:
        cursor.execute("SET ROLE cpms_app")


def charge_of(station):
    """The key of the only transaction at this station."""
    with gateway():
        return Transaction.objects.get(charge_point_id=station.id).pk
