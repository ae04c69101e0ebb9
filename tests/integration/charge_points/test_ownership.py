"""A charge point is sold: what goes to the new owner, and what stays."""

import json
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.db import IntegrityError, transaction
from django.utils import timezone

from charge_points.models import (
    ChargePoint,
    ChargePointOwnership,
    ChargingCertificate,
    Command,
    Connector,
)
from charge_points.queries import connector_by_code, connector_view, connector_view_at
from charge_points.services import commands, ownership, provisioning, starting
from charge_points.services.connections import generations, open_connection
from tests.factories import accounts, network


@pytest.fixture
def seller(db):
    return accounts.operator()


@pytest.fixture
def buyer(db):
    return accounts.operator()


@pytest.fixture
def sold(seller):
    return network.station(seller, "CP-SOLD")


def transfer(station, buyer, at=None):
    return ownership.transfer(
        identity=station.identity,
        to_operator_code=buyer.code,
        site="Car park",
        by="test",
        at=at or timezone.now(),
    )


def test_the_station_connects_with_its_old_password_as_the_new_owners(sold, buyer):
    before = provisioning.credentials_for(identity="CP-SOLD")
    done = transfer(sold, buyer)
    after = provisioning.credentials_for(identity="CP-SOLD")
    assert after.password_digests == before.password_digests
    assert (after.operator_id, after.charge_point_id) == (
        buyer.pk,
        done.charge_point_id,
    )
    former = provisioning.credentials_for(identity=done.former_identity)
    assert former.registration == "rejected"
    assert former.password_digests != before.password_digests


def test_printed_labels_lead_to_the_new_owner(sold, seller, buyer):
    code = sold.connector().code
    assert connector_by_code(code).operator_id == seller.pk
    transfer(sold, buyer)
    view = connector_by_code(code)
    assert (view.operator_id, view.charge_point) == (buyer.pk, "CP-SOLD")
    assert view.site == "Car park"
    assert Connector.objects.count() == 4


def test_the_open_connection_is_fenced_off(sold, buyer):
    generation = open_connection(
        charge_point_id=sold.id, version="1.6", at=timezone.now()
    )
    transfer(sold, buyer)
    assert generations(charge_point_ids=[sold.id])[sold.id] > generation


def test_what_waits_ends_with_the_sale(sold, buyer):
    now = timezone.now()
    sold.certificate()
    commands.queue(
        charge_point_id=sold.id,
        action="Reset",
        payload={"type": "Soft"},
        by="test",
        idempotency_key="reset",
        expires_at=now + timedelta(minutes=5),
        at=now,
    )
    transfer(sold, buyer)
    assert ChargingCertificate.objects.get().state == "revoked"
    assert Command.objects.get(action="Reset").state == "cancelled"


@pytest.mark.parametrize("when", ["running", "starting"])
def test_a_busy_charge_point_is_not_sold(sold, buyer, when):
    if when == "running":
        sold.start(network.token())
    else:
        starting.reserve(
            operator_id=sold.operator_id,
            charge_point_identity=sold.identity,
            evse=1,
            connector=1,
            order_number="A" * 20,
            at=timezone.now(),
        )
    with pytest.raises(ownership.UnableToTransfer) as refusal:
        transfer(sold, buyer)
    assert refusal.value.code == "charge_point_busy"
    assert ChargePoint.objects.get().operator_id == sold.operator_id


def test_the_history_says_whose_it_was_when(sold, seller, buyer):
    first = timezone.now() - timedelta(days=2)
    second = timezone.now() - timedelta(days=1)
    transfer(sold, buyer, first)
    transfer(sold, seller, second)

    def owner(at):
        return connector_view_at("CP-SOLD", 1, 1, at=at).operator_id

    assert owner(first - timedelta(seconds=1)) == seller.pk
    assert owner(first) == buyer.pk
    assert owner(second - timedelta(seconds=1)) == buyer.pk
    assert owner(second) == seller.pk
    assert connector_view("CP-SOLD", 1, 1).operator_id == seller.pk
    assert connector_view_at("CP-SOLD", 1, 1, at=first).charge_point == "CP-SOLD"


@pytest.mark.parametrize(
    ("identity", "to", "code"),
    [
        ("NOBODY", None, "unknown_charge_point"),
        ("CP-SOLD", "nobody", "unknown_operator"),
        ("CP-SOLD", "seller", "already_owned"),
    ],
)
def test_a_wrong_sale_is_refused(sold, seller, buyer, identity, to, code):
    codes = {None: buyer.code, "seller": seller.code}
    with pytest.raises(ownership.UnableToTransfer) as refusal:
        ownership.transfer(
            identity=identity,
            to_operator_code=codes.get(to, to),
            site="Main site",
            by="test",
            at=timezone.now(),
        )
    assert refusal.value.code == code


def test_a_charge_point_has_one_owner_at_a_time(sold, buyer):
    transfer(sold, buyer)
    with pytest.raises(IntegrityError), transaction.atomic():
        ChargePointOwnership.objects.create(
            operator_id=sold.operator_id,
            charge_point_id=sold.id,
            identity="CP-SOLD",
            owned_from=timezone.now() + timedelta(days=1),
        )
    with pytest.raises(IntegrityError), transaction.atomic():
        ChargePointOwnership.objects.filter(owned_until__isnull=True).update(
            owned_until=timezone.now() - timedelta(days=400)
        )


def test_it_is_sold_at_the_command_line(sold, buyer, capsys):
    call_command(
        "transfer_charge_point", "--identity=CP-SOLD", f"--to={buyer.code}", "--json"
    )
    told = json.loads(capsys.readouterr().out)
    assert (told["operator"], told["former_id"]) == (buyer.code, sold.id)
    with pytest.raises(SystemExit) as ended:
        call_command(
            "transfer_charge_point",
            "--identity=CP-SOLD",
            f"--to={buyer.code}",
            "--json",
        )
    assert ended.value.code == 1
