import json
from dataclasses import asdict
from datetime import UTC, datetime

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction
from hypothesis import HealthCheck, given, settings, strategies as st

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


PLACES = ({}, {"site_id": 7}, {"charge_point": "CP-1"})


@given(
    wanted=st.lists(
        st.tuples(st.integers(0, 2), st.integers(0, 9), st.none() | st.integers(1, 5)),
        max_size=6,
    ),
    asked=st.lists(
        st.tuples(
            st.integers(0, 14),
            st.sampled_from((None, 7, 8)),
            st.sampled_from(("", "CP-1", "CP-2")),
        ),
        min_size=1,
        max_size=6,
    ),
)
@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_one_agreement_is_in_force_whatever_was_agreed(operator, wanted, asked):
    """Against a witness that knows no database: [place, begin, end, id] by hand."""
    SplitAgreement.objects.filter(operator=operator).delete()
    known = []
    for place, begin, length in wanted:
        end = None if length is None else begin + length
        if any(row[:2] == [place, begin] for row in known):
            continue
        made = make(
            operator,
            **PLACES[place],
            valid_from=later(days=begin),
            valid_until=None if end is None else later(days=end),
        )
        for row in known:
            if end is None and row[0] == place and row[1] < begin and row[2] is None:
                row[2] = begin
        known.append([place, begin, end, made.pk])
    for day, site_id, charge_point in asked:
        fits = [True, site_id == 7, charge_point == "CP-1"]
        holding = [
            row
            for row in known
            if fits[row[0]] and row[1] <= day and (row[2] is None or day < row[2])
        ]
        best = max(holding, key=lambda row: row[:2], default=None)
        taken = snapshot(
            operator_id=operator.pk,
            site_id=site_id,
            charge_point=charge_point,
            at=later(days=day),
        )
        assert taken.agreement_id == (best and best[3])


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


def test_the_command_agrees_for_a_place_and_a_period(operator, tmp_path):
    path = tmp_path / "split.json"
    path.write_text(json.dumps([asdict(party) for party in PARTIES]))
    told = ("create_split_agreement", "--operator", "one", "--file", str(path))

    call_command(*told, "--charge-point", "CP-1", "--from", "2030-01-01")
    call_command(*told, "--site", "7", "--from", "2030-01-01", "--until", "2031-01-01")

    one, site = SplitAgreement.objects.order_by("pk")
    assert (one.charge_point, one.site_id, one.valid_until) == ("CP-1", None, None)
    assert one.valid_from == site.valid_from == datetime(2030, 1, 1, tzinfo=UTC)
    assert (site.site_id, site.valid_until) == (7, datetime(2031, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    ("extra", "words"),
    [
        (["--from", "soon"], "no date"),
        (["--until", "2030-13-01"], "no date"),
        (["--site", "7", "--charge-point", "CP-1"], "not allowed with"),
    ],
)
def test_the_command_refuses_what_is_no_period_or_place(
    operator, tmp_path, extra, words
):
    path = tmp_path / "split.json"
    path.write_text(json.dumps([asdict(party) for party in PARTIES]))
    with pytest.raises(CommandError, match=words):
        call_command(
            *("create_split_agreement", "--operator", "one", "--file", str(path)),
            *extra,
        )
    assert not SplitAgreement.objects.exists()
