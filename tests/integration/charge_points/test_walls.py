"""The second wall: PostgreSQL itself keeps operators apart."""

import pytest
from django.apps import apps
from django.db import (
    IntegrityError,
    InternalError,
    ProgrammingError,
    connection,
    transaction,
)

from charge_points.models import (
    ChargePoint,
    Connector,
    IdToken,
    MessageLog,
    MeterValue,
    Site,
    Transaction,
)
from charge_points.services import messages, metering
from charge_points.services.facts import MessageRow
from cpms.accounts.tenancy import acting_as_driver, acting_as_platform, acting_for
from tests.integration.charge_points.world import NOON, allow, energy, later

PLATFORM_TABLES = {"CertificateKey", "ClientRevocationList", "StationAuthority"}


@pytest.fixture
def busy(station, stranger):
    """Both operators have a bit of everything."""
    allow("tag")
    allow("tag1", operator_id=station.operator_id)
    allow("tag2", operator_id=stranger.operator_id)
    for one in (station, stranger):
        allow("tag", operator_id=one.operator_id, concurrent_allowed=True)
        began = one.start("tag")
        metering.record([one.values(began.ocpp_id, energy(1100, later(minutes=1)))])
        row = MessageRow(
            **one.who,
            version="1.6",
            incoming=True,
            action="Heartbeat",
            message_id="1",
            at=NOON,
            answered_at=None,
            text="",
            answer_text="",
        )
        messages.record_many([row])
    return station, stranger


def tenant_models():
    return [
        model
        for model in apps.get_app_config("charge_points").get_models()
        if model.__name__ not in PLATFORM_TABLES
    ]


@pytest.mark.parametrize("model", tenant_models(), ids=lambda m: m.__name__)
def test_the_web_sees_nothing_without_a_scope(busy, as_role, model):
    with as_role("app"):
        assert not model.objects.exists()


@pytest.mark.parametrize("model", tenant_models(), ids=lambda m: m.__name__)
def test_an_operator_sees_its_own_rows_and_common_tokens(busy, as_role, model):
    station, _ = busy
    with as_role("app"), acting_for([station.operator_id]):
        operators = set(model.objects.values_list("operator_id", flat=True))
    allowed = {station.operator_id} | ({None} if model is IdToken else set())
    assert operators <= allowed
    if model in {Site, ChargePoint, Connector, Transaction, MeterValue, MessageLog}:
        assert operators == allowed


@pytest.mark.parametrize("model", tenant_models(), ids=lambda m: m.__name__)
def test_a_driver_sees_no_row_of_the_network(busy, as_role, model):
    with as_role("app"), acting_as_driver(1):
        assert not model.objects.exists()


def test_the_platform_sees_all(busy, as_role):
    with as_role("app"), acting_as_platform("test"):
        assert ChargePoint.objects.count() == 2


@pytest.mark.parametrize("model", [MeterValue, MessageLog])
@pytest.mark.parametrize("role", ["app", "system"])
def test_partitions_are_no_way_round_the_wall(busy, as_role, model, role):
    table = f"{model._meta.db_table}_default"
    with (
        as_role(role),
        pytest.raises(ProgrammingError, match="permission denied"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(f"SELECT * FROM {table}")


@pytest.mark.parametrize(
    ("model", "change"), [(MeterValue, {"energy_wh": 0}), (MessageLog, {"text": ""})]
)
def test_measured_facts_are_not_changed(busy, model, change):
    with (
        pytest.raises(ProgrammingError, match="permission denied"),
        transaction.atomic(),
    ):
        model.objects.update(**change)


def test_the_web_writes_no_row_of_another_operator(busy, as_role):
    station, stranger = busy
    with as_role("app"), acting_for([station.operator_id]):
        assert Site.objects.filter(operator_id=stranger.operator_id).count() == 0
        with (
            pytest.raises(ProgrammingError, match="row-level security"),
            transaction.atomic(),
        ):
            Site.objects.create(
                operator_id=stranger.operator_id,
                name="x",
                country="DE",
                time_zone="UTC",
                created_at=NOON,
            )


def test_an_operator_cannot_write_a_common_token(busy, as_role):
    station, _ = busy
    with as_role("app"), acting_for([station.operator_id]):
        with (
            pytest.raises(ProgrammingError, match="row-level security"),
            transaction.atomic(),
        ):
            allow("new")
        allow("new", operator_id=station.operator_id)


def test_even_the_gateway_cannot_tie_rows_of_two_operators(busy):
    station, stranger = busy
    foreign = stranger.connector().pk
    Transaction.objects.filter(charge_point_id=station.id).update(connector_id=foreign)
    with (
        pytest.raises(IntegrityError, match="tenant_fk"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    Transaction.objects.filter(charge_point_id=station.id).update(connector_id=None)


def test_nobody_but_the_owner_makes_other_partitions(busy):
    with (
        pytest.raises(InternalError, match="is not partitioned"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(
            "SELECT charge_points_add_partition('accounts_operator', 'id', "
            "now(), now() + interval '1 day')"
        )


def test_meter_values_are_never_dropped(busy):
    with (
        pytest.raises(InternalError, match="keeps all its rows"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(
            "SELECT charge_points_drop_partitions('charge_points_metervalue', now(), 1)"
        )


def test_the_web_cannot_make_partitions(busy, as_role):
    with (
        as_role("app"),
        pytest.raises(ProgrammingError, match="permission denied"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(
            "SELECT charge_points_add_partition('charge_points_messagelog', 'at', "
            "now(), now() + interval '7 days')"
        )
