import json
from dataclasses import asdict

import pytest
from django.core.management import call_command
from django.db import IntegrityError, transaction

from cpms.accounts.models import AuditEntry
from settlement.models import SplitAgreement
from settlement.services.splits import (
    Agreement,
    Party,
    SplitSnapshot,
    UnableToAgreeSplit,
    agree,
    snapshot,
)
from tests.integration.settlement.world import AT, PARTIES, later


def make(operator, *, site_id=None, valid_from=AT, parties=PARTIES, **values):
    agreement = Agreement(
        operator_id=operator.pk,
        site_id=site_id,
        name="agreed",
        parties=parties,
        valid_from=valid_from,
        **values,
    )
    return agree(agreement, by="owner", at=AT)


def found(operator, at=AT, site_id=None):
    return snapshot(operator_id=operator.pk, site_id=site_id, at=at).agreement_id


def test_a_snapshot_is_json_and_comes_back(operator):
    row = make(operator)

    taken = snapshot(operator_id=operator.pk, site_id=7, at=AT)

    assert taken == SplitSnapshot(row.pk, PARTIES)
    assert SplitSnapshot.from_json(json.loads(json.dumps(asdict(taken)))) == taken
    assert AuditEntry.objects.filter(action="split.agreed").count() == 1


def test_without_agreement_all_is_the_operators(operator, other):
    make(other)

    taken = snapshot(operator_id=operator.pk, site_id=None, at=AT)

    assert [party.role for party in taken.parties] == ["operator"]


def test_the_agreement_of_the_site_comes_first(operator):
    everywhere = make(operator)
    here = make(operator, site_id=7)

    assert found(operator, site_id=7) == here.pk
    assert found(operator, site_id=8) == everywhere.pk
    assert found(operator) == everywhere.pk


def test_the_agreement_of_the_charge_point_comes_before_that_of_its_site(operator):
    everywhere = make(operator)
    site = make(operator, site_id=7)
    one = make(operator, charge_point="CP-1", valid_until=later(days=1))

    def at_point(identity, site_id, at=AT):
        taken = snapshot(
            operator_id=operator.pk, site_id=site_id, charge_point=identity, at=at
        )
        return taken.agreement_id

    assert at_point("CP-1", 7) == one.pk
    assert at_point("CP-1", None) == one.pk
    assert at_point("CP-2", 7) == site.pk
    assert at_point("CP-2", 8) == everywhere.pk
    assert at_point("", None) == everywhere.pk
    assert at_point("CP-1", 7, later(days=1)) == site.pk


def test_an_agreement_is_for_a_site_or_for_a_charge_point(operator):
    with pytest.raises(UnableToAgreeSplit, match="not for both"):
        make(operator, site_id=7, charge_point="CP-1")
    row = make(operator, site_id=7)
    row.charge_point = "CP-1"
    with pytest.raises(IntegrityError), transaction.atomic():
        row.save()


def test_an_agreement_with_an_end_steps_in_and_gives_way_again(operator):
    always = make(operator)
    summer = make(operator, valid_from=later(days=10), valid_until=later(days=20))

    assert found(operator, later(days=10, seconds=-1)) == always.pk
    assert found(operator, later(days=10)) == summer.pk
    assert found(operator, later(days=20, seconds=-1)) == summer.pk
    assert found(operator, later(days=20)) == always.pk


def test_a_new_agreement_ends_the_one_before_it(operator):
    old = make(operator)
    new = make(operator, valid_from=later(days=10))

    assert found(operator, later(days=10, seconds=-1)) == old.pk
    assert found(operator, later(days=10)) == new.pk
    old.refresh_from_db()
    assert old.valid_until == later(days=10)


def test_an_agreement_ends_where_it_says(operator):
    row = make(operator, valid_until=later(days=1))

    assert found(operator, later(days=1, seconds=-1)) == row.pk
    assert found(operator, later(days=1)) is None
    assert found(operator, later(seconds=-1)) is None


@pytest.mark.parametrize(
    "values",
    [
        {"valid_until": AT},
        {"parties": (Party("o", "O", "operator"), Party("x", "X", "other", 0, -1))},
        {
            "parties": (
                Party("o", "O", "operator"),
                Party("x", "X", "other", 0, 0, 5, 4),
            )
        },
        {
            "parties": (
                Party("o", "O", "operator"),
                Party("x", "X", "other", 0, 0, -5),
            )
        },
    ],
)
def test_numbers_out_of_range_are_refused(operator, values):
    with pytest.raises(UnableToAgreeSplit, match="breaks a rule"):
        make(operator, **values)
    assert not SplitAgreement.objects.exists()


def test_two_agreements_cannot_begin_at_one_instant(operator):
    make(operator)
    with pytest.raises(UnableToAgreeSplit, match="only one agreement"):
        make(operator)


def test_the_command_agrees_from_a_file(operator, tmp_path, capsys):
    path = tmp_path / "split.json"
    path.write_text(json.dumps([asdict(party) for party in PARTIES]))

    call_command("create_split_agreement", "--operator", "one", "--file", str(path))

    assert SplitAgreement.objects.get().parties.count() == 4
    assert "one" in capsys.readouterr().out
