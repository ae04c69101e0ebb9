import json

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction

from charge_points.models import ChargePoint, Connector, IdToken, Site
from charge_points.services import connections, provisioning
from charge_points.services.facts import BootFact, ConnectionOpening
from charge_points.services.provisioning import (
    NewChargePoint,
    UnableToCreateChargePoint,
    password_hash,
)
from cpms.accounts.models import AuditEntry
from tests.integration.charge_points.world import (
    NOON,
    later,
    make_operator,
    make_station,
    told,
)


def create(**more):
    defaults = {"operator_code": "one", "identity": "CP-9"}
    return provisioning.create_charge_point(
        wanted=NewChargePoint(**{**defaults, **more}), by="test", at=NOON
    )


def test_a_created_charge_point_has_evses_connectors_and_a_password(operator):
    created = create(evses=3, max_power_w=11_000)
    row = ChargePoint.objects.get(identity="CP-9")
    assert row.operator_id == operator.pk
    assert len(created.password) == 40
    assert row.password_hash == password_hash(created.password)
    assert created.password not in str(row.__dict__)
    connectors = Connector.objects.filter(charge_point=row).order_by("evse_number")
    assert [(c.evse_number, c.number) for c in connectors] == [(1, 1), (2, 1), (3, 1)]
    assert {c.max_power_w for c in connectors} == {11_000}
    assert tuple(c.code for c in connectors) == created.connector_codes
    assert AuditEntry.objects.filter(action="charge_point.created").count() == 1


def test_charge_points_share_the_operators_main_site(operator):
    make_station("CP-1")
    make_station("CP-2")
    site = Site.objects.get()
    assert site.time_zone == "Europe/Berlin"


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"operator_code": "nobody"}, "unknown_operator"),
        ({"identity": ""}, "identity_invalid"),
        ({"identity": "a/b"}, "identity_invalid"),
        ({"identity": "x" * 49}, "identity_invalid"),
        ({"identity": "a b"}, "identity_invalid"),
        ({"security_profile": 4}, "security_profile_invalid"),
        ({"security_profile": 0}, "security_profile_0_not_allowed"),
        ({"evses": 0}, "evses_invalid"),
        ({"evses": 65}, "evses_invalid"),
        ({"password": "short"}, "password_length"),
        ({"password": "x" * 41}, "password_length"),
    ],
)
def test_wrong_data_are_refused_with_a_word_of_what_to_do(operator, wrong, code):
    with pytest.raises(UnableToCreateChargePoint) as caught:
        create(**wrong)
    assert caught.value.code == code
    assert not ChargePoint.objects.exists()


def test_an_identity_is_unique_on_the_platform(station):
    make_operator("two")
    with pytest.raises(UnableToCreateChargePoint) as caught:
        create(operator_code="two", identity=station.identity)
    assert caught.value.code == "identity_taken"


def test_profile_0_needs_the_operators_permission(db):
    make_operator(allow_security_profile_0=True)
    created = create(security_profile=0)
    assert created.password is None
    known = provisioning.credentials_for(identity="CP-9")
    assert known.profile_0_allowed
    assert known.password_digests == ()


def test_profile_3_has_no_password(operator):
    assert create(security_profile=3).password is None


def test_credentials_are_what_the_handshake_needs(station):
    known = provisioning.credentials_for(identity=station.identity)
    assert known.charge_point_id == station.id
    assert known.operator_code == "one"
    assert known.registration == "accepted"
    assert known.password_digests == (bytes.fromhex(password_hash(station.password)),)
    assert provisioning.credentials_for(identity="nobody") is None


def test_both_passwords_are_good_while_one_is_changed(station):
    fresh = provisioning.change_password(
        charge_point_id=station.id, password=None, by="test", at=NOON
    )
    known = provisioning.credentials_for(identity=station.identity)
    wanted = {bytes.fromhex(password_hash(p)) for p in (station.password, fresh)}
    assert set(known.password_digests) == wanted


def test_a_password_of_a_wrong_length_is_refused(station):
    with pytest.raises(UnableToCreateChargePoint):
        provisioning.change_password(
            charge_point_id=station.id, password="x", by="test", at=NOON
        )


@pytest.mark.parametrize("deed", ["change_password", "register"])
def test_an_unknown_charge_point_is_named(db, deed):
    more = {"password": None} if deed == "change_password" else {}
    more |= {"registration": "accepted"} if deed == "register" else {}
    with pytest.raises(provisioning.UnableToFindChargePoint):
        getattr(provisioning, deed)(charge_point_id=1, by="t", at=NOON, **more)


def test_onboarding_makes_a_pending_charge_point_once(operator):
    first = provisioning.onboard(operator_code="one", identity="NEW", at=NOON)
    again = provisioning.onboard(operator_code="one", identity="NEW", at=NOON)
    assert first == again
    assert first.registration == "pending"
    provisioning.register(
        charge_point_id=first.charge_point_id,
        registration="accepted",
        by="anna",
        at=NOON,
    )
    assert ChargePoint.objects.get(identity="NEW").registration == "accepted"


def test_onboarding_refuses_strangers(station):
    make_operator("two")
    assert provisioning.onboard(operator_code="no", identity="N", at=NOON) is None
    assert provisioning.onboard(operator_code="two", identity="a/b", at=NOON) is None
    taken = provisioning.onboard(
        operator_code="two", identity=station.identity, at=NOON
    )
    assert taken is None


def test_not_more_than_so_many_wait_for_acceptance(operator, monkeypatch):
    monkeypatch.setattr(provisioning, "PENDING_MAX", 1)
    assert provisioning.onboard(operator_code="one", identity="N1", at=NOON)
    assert provisioning.onboard(operator_code="one", identity="N2", at=NOON) is None


def test_a_boot_is_written_down(station):
    fact = BootFact(
        **station.who,
        received_at=later(hours=1),
        vendor="Vendor\0",
        model="M" * 99,
        firmware_version="1.2",
        reason="PowerUp",
    )
    assert provisioning.boot(fact=fact) == "accepted"
    row = station.row
    assert (row.vendor, row.model, row.boot_reason) == ("Vendor", "M" * 60, "PowerUp")
    assert row.last_boot_at == later(hours=1)


def test_a_pending_charge_point_is_told_so(operator):
    known = provisioning.onboard(operator_code="one", identity="NEW", at=NOON)
    fact = BootFact(known.charge_point_id, known.operator_id, NOON)
    assert provisioning.boot(fact=fact) == "pending"


def test_each_connection_has_a_higher_generation(station):
    opening = ConnectionOpening(station.id, "1.6", NOON, "node")
    assert connections.open_many([opening, opening]) == [1, 2]
    assert connections.generations(charge_point_ids=[station.id]) == {station.id: 2}
    assert station.row.is_online
    assert told().count("ChargePointConnected") == 2


def test_the_end_of_an_evicted_connection_changes_nothing(station):
    opening = ConnectionOpening(station.id, "2.0.1", NOON)
    connections.open_many([opening])
    connections.open_many([opening])
    connections.close_many([(station.id, 1, later(minutes=1))])
    assert station.row.is_online
    connections.close_connection(
        charge_point_id=station.id, generation=2, at=later(minutes=2)
    )
    assert not station.row.is_online
    assert told().count("ChargePointDisconnected") == 1


def test_a_charge_point_that_is_gone_has_generation_0(db):
    opening = ConnectionOpening(999, "1.6", NOON)
    assert connections.open_many([opening]) == [0]


def test_the_database_refuses_a_password_in_the_clear(station):
    with pytest.raises(IntegrityError), transaction.atomic():
        ChargePoint.objects.filter(pk=station.id).update(password_hash="secret")


def test_the_database_refuses_profile_1_without_password(station):
    with pytest.raises(IntegrityError), transaction.atomic():
        ChargePoint.objects.filter(pk=station.id).update(password_hash="")


def run(capsys, *args):
    call_command(*args, "--json")
    return json.loads(capsys.readouterr().out)


def test_create_charge_point_prints_its_password_once(operator, capsys):
    result = run(
        capsys,
        "create_charge_point",
        "--operator=one",
        "--identity=CP-1",
        "--security-profile=1",
        "--evses=2",
        "--ocpp=2.0.1",
        "--power-w=22000",
    )
    assert result["identity"] == "CP-1"
    assert len(result["password"]) == 40
    assert len(result["connector_codes"]) == 2


def test_create_charge_point_exits_1_when_refused(operator, capsys):
    with pytest.raises(SystemExit) as caught:
        call_command(
            "create_charge_point",
            "--operator=nobody",
            "--identity=CP-1",
            "--security-profile=1",
        )
    assert caught.value.code == 1
    assert "unknown_operator" in capsys.readouterr().err


def test_create_id_token_writes_a_policy(operator, capsys):
    result = run(
        capsys,
        "create_id_token",
        "--token=abc",
        "--status=Accepted",
        "--group=G",
        "--expires=2030-01-01T00:00:00",
        "--operator=one",
    )
    row = IdToken.objects.get()
    assert (row.token_key, row.status, row.group_id) == ("ABC", "accepted", "G")
    assert row.operator_id == operator.pk
    assert result["expires_at"] == "2030-01-01T00:00:00+00:00"


@pytest.mark.parametrize(
    "wrong",
    [
        ["--status=perhaps"],
        ["--status=accepted", "--operator=nobody"],
        ["--status=accepted", "--driver=nobody@example.org"],
    ],
)
def test_create_id_token_exits_1_when_refused(operator, wrong):
    with pytest.raises(SystemExit) as caught:
        call_command("create_id_token", "--token=abc", *wrong)
    assert caught.value.code == 1


def test_create_id_token_says_what_a_time_looks_like(operator):
    with pytest.raises(CommandError, match="ISO 8601"):
        call_command(
            "create_id_token", "--token=a", "--status=accepted", "--expires=soon"
        )
