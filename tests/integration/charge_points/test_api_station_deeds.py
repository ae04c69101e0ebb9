"""A new password and the whole local list, over REST."""

import pytest

from charge_points.models import ChargePoint, LocalList
from charge_points.services.provisioning import credentials_for, password_hash
from cpms.accounts.models import AuditEntry
from tests.factories import accounts
from tests.integration.charge_points.api_world import STATIONS, problem_of, system_of
from tests.integration.charge_points.world import make_station


@pytest.fixture
def ours(station, as_role):
    return system_of(as_role)


def test_a_new_password_is_shown_once_and_counts_beside_the_old(ours, station):
    before = credentials_for(identity=station.identity).password_digests
    answer = ours.post(f"{STATIONS}/{station.identity}/password", key="k")
    assert answer.status_code == 201
    password = answer.json()["password"]
    after = credentials_for(identity=station.identity).password_digests
    assert set(before) < set(after)
    assert bytes.fromhex(password_hash(password)) in after
    for entry in AuditEntry.objects.all():
        assert password not in f"{entry.changes} {entry.object}"
    assert password not in ours.get(f"{STATIONS}/{station.identity}").content.decode()


def test_the_whole_list_is_sent_again(ours, station):
    address = f"{STATIONS}/{station.identity}/local-list/resend"
    assert problem_of(ours.post(address)) == (404, "no_local_list")
    row = ChargePoint.objects.get(identity=station.identity)
    kept = LocalList.objects.create(
        operator_id=row.operator_id,
        charge_point=row,
        state="in_sync",
        version=4,
        entries={},
    )
    assert ours.post(address).status_code == 202
    kept.refresh_from_db()
    assert (kept.state, kept.entries) != ("in_sync", {})
    assert AuditEntry.objects.filter(action="local_list.resent").count() == 1


@pytest.mark.parametrize("deed", ["password", "local-list/resend"])
def test_another_operators_station_is_unknown(ours, as_role, deed):
    accounts.operator("stranger")
    make_station("OTHER-1", operator="stranger")
    answer = ours.post(f"{STATIONS}/OTHER-1/{deed}")
    assert problem_of(answer) == (404, "unknown_charge_point")
    reader = system_of(as_role, "one", "charge_points:read")
    assert reader.post(f"{STATIONS}/CP-1/{deed}").status_code == 403
