from datetime import timedelta

import pytest
from django.utils import timezone

from charge_points.gateway.addresses import StationAddress
from charge_points.gateway.admission import AdmissionDesk, Candidate
from charge_points.gateway.credentials import BasicCredentials
from charge_points.gateway.handshake import Attempt
from charge_points.gateway.process import password_key
from charge_points.gateway.service_doors import ServiceDoors
from charge_points.handlers.v16.outgoing import outgoing_v16
from charge_points.handlers.v201.outgoing import outgoing_v201
from charge_points.models import ChargePoint, Command
from charge_points.services import provisioning, security_profiles
from cpms.accounts.services.operators import create_operator

pytestmark = [pytest.mark.integration, pytest.mark.django_db]
OLD = "the-old-password-1"


@pytest.fixture
def station():
    now = timezone.now()
    create_operator(
        code="north",
        name="North",
        country="DE",
        currency="EUR",
        time_zone="Europe/Berlin",
        by="tests",
        at=now,
    )
    made = provisioning.create_charge_point(
        wanted=provisioning.NewChargePoint(
            "north", "CP-1", password=OLD, ocpp_version="1.6"
        ),
        by="tests",
        at=now,
    )
    return made.charge_point_id


def connect(password=None, *, is_tls=False, names=(), fault=""):
    credentials = None if password is None else BasicCredentials("CP-1", password)
    attempt = Attempt(
        StationAddress("CP-1"),
        "192.0.2.1",
        ("ocpp1.6",),
        credentials,
        is_tls=is_tls,
        certificate_names=names,
        certificate_fault=fault,
    )
    desk = AdmissionDesk(ServiceDoors(), key=password_key(), node="test")
    candidate = Candidate(attempt, "connection", timezone.now())
    return int(desk.kind.execute([candidate])[0].verdict.status)


def fresh_password(version=outgoing_v16):
    command = Command.objects.get(intent="set_password")
    assert "sealed" in next(iter(command.arguments))
    return version("set_password", command.arguments)


def test_old_and_new_password_count_until_the_new_one_was_used(station):
    security_profiles.change_password(
        charge_point_id=station, by="tests", at=timezone.now()
    )
    action, payload = fresh_password()
    assert (action, payload["key"]) == ("ChangeConfiguration", "AuthorizationKey")
    new = payload["value"].encode()
    assert connect(OLD.encode()) == 101
    assert connect(OLD.encode()) == 101
    assert connect(new) == 101
    assert connect(OLD.encode()) == 401
    assert connect(new) == 101


def test_a_201_station_is_told_its_password_by_variable(station):
    security_profiles.change_password(
        charge_point_id=station, by="tests", at=timezone.now()
    )
    action, payload = fresh_password(outgoing_v201)
    (data,) = payload["setVariableData"]
    assert action == "SetVariables"
    assert data["variable"] == {"name": "BasicAuthPassword"}
    assert connect(data["attributeValue"].encode()) == 101


def test_a_raise_counts_when_the_station_came_back_with_it(station):
    security_profiles.raise_profile(
        charge_point_id=station, security_profile=3, by="tests", at=timezone.now()
    )
    (command,) = Command.objects.filter(intent="set_security_profile")
    assert outgoing_v16("set_security_profile", command.arguments) == (
        "ChangeConfiguration",
        {"key": "SecurityProfile", "value": "3"},
    )
    assert connect(OLD.encode()) == 101
    assert ChargePoint.objects.get().security_profile == 1
    assert connect(is_tls=True, names=("CP-2",)) == 401
    assert connect(is_tls=True, names=("CP-1",), fault="it was revoked") == 401
    assert connect(is_tls=True, names=("CP-1",)) == 101
    row = ChargePoint.objects.get()
    assert (row.security_profile, row.security_profile_next) == (3, None)
    assert connect(OLD.encode(), is_tls=True) == 403
    assert connect(OLD.encode()) == 403


def test_profile_2_counts_from_the_first_password_over_tls(station):
    security_profiles.raise_profile(
        charge_point_id=station, security_profile=2, by="tests", at=timezone.now()
    )
    assert connect(OLD.encode()) == 101
    assert connect(OLD.encode(), is_tls=True) == 101
    assert connect(OLD.encode()) == 403


@pytest.mark.parametrize("lower", [0, 1, 4])
def test_no_profile_is_lowered_or_unknown(station, lower):
    ChargePoint.objects.update(security_profile=2)
    with pytest.raises(security_profiles.UnableToChangeSecurity) as error:
        security_profiles.raise_profile(
            charge_point_id=station,
            security_profile=lower,
            by="tests",
            at=timezone.now(),
        )
    assert error.value.code == "security_profile_lowered"
    assert ChargePoint.objects.get().security_profile == 2


def test_the_same_profile_takes_a_raise_back(station):
    at = timezone.now()
    for profile in (3, 1):
        security_profiles.raise_profile(
            charge_point_id=station, security_profile=profile, by="tests", at=at
        )
        at += timedelta(seconds=1)
    assert connect(is_tls=True, names=("CP-1",)) == 401
    assert ChargePoint.objects.get().security_profile_next is None


def test_what_cannot_be_is_refused_by_name(station):
    ChargePoint.objects.update(security_profile=0, password_hash="")
    for call, code in (
        (security_profiles.change_password, "password_unused"),
        (
            lambda **words: security_profiles.raise_profile(
                security_profile=1, **words
            ),
            "password_missing",
        ),
    ):
        with pytest.raises(security_profiles.UnableToChangeSecurity) as error:
            call(charge_point_id=station, by="tests", at=timezone.now())
        assert error.value.code == code
    with pytest.raises(provisioning.UnableToFindChargePoint):
        security_profiles.change_password(
            charge_point_id=0, by="tests", at=timezone.now()
        )
