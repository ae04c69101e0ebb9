"""Split agreements and statements by REST."""

import csv
import io
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from cpms.accounts.models import AuditEntry, Membership, User
from settlement.models import SplitAgreement, SplitLine
from settlement.services import platform_parts, splits
from settlement.services.splits import Agreement, Party
from tests.factories import accounts
from tests.integration.billing.world import API, api
from tests.integration.settlement.test_admin import member

AGREEMENTS = f"{API}/operator/split-agreements"
STATEMENTS = f"{API}/operator/statements"

OPERATOR = {"key": "operator", "name": "Operator", "role": "operator"}
HOST = {"key": "host", "name": "Host", "role": "site_host", "basis_points": 1500}


PLATFORM = {"key": "platform", "name": "P", "role": "platform", "basis_points": 500}


@pytest.fixture
def agree(shop, as_role):
    """Agree as the operator's own system."""
    key = accounts.api_key(shop.operator)

    def call(*parties, **values):
        body = {"name": "By REST", "parties": parties, **values}
        with as_role("app"):
            return api(key).post(
                AGREEMENTS,
                body,
                content_type="application/json",
                headers={"Idempotency-Key": f"{timezone.now().isoformat()}"},
            )

    return call


def of_the_platform(shop, at, *, basis_points=500, site_id=None, charge_point=""):
    """What platform and operator agreed: 5 % of everything."""
    part = Party(**PLATFORM | {"basis_points": basis_points})
    parties = (Party("operator", "O", "operator"), part)
    agreement = Agreement(
        operator_id=shop.operator.pk,
        site_id=site_id,
        charge_point=charge_point,
        name="of the platform",
        parties=parties,
        valid_from=at,
    )
    return splits.agree(agreement, by="platform", at=at)


def test_an_operator_agrees_with_the_host_of_a_charger(shop, agree):
    before = SplitAgreement.objects.count()
    answer = agree(OPERATOR, HOST, charge_point="CP-1")
    assert answer.status_code == 201, answer.content
    body = answer.json()
    assert (body["charge_point"], body["site_id"]) == ("CP-1", None)
    assert {"host", "operator"} <= {party["key"] for party in body["parties"]}
    assert SplitAgreement.objects.count() == before + 1
    assert AuditEntry.objects.filter(
        action="split.agreed", changes__charge_point="CP-1"
    ).exists()


@pytest.mark.parametrize(
    "part",
    [
        [],
        [PLATFORM | {"basis_points": 499}],
        [PLATFORM | {"basis_points": 501}],
        [PLATFORM | {"fixed_minor": 1}],
        [PLATFORM | {"max_minor": 0}],
        [PLATFORM | {"min_minor": 1}],
        [PLATFORM | {"key": "other"}],
        [PLATFORM | {"role": "other"}],
    ],
)
def test_the_platforms_part_is_not_the_operators_to_change(shop, agree, part):
    of_the_platform(shop, timezone.now() - timedelta(days=1))
    answer = agree(*part, OPERATOR, HOST, site_id=7)
    assert (answer.status_code, answer.json()["code"]) == (422, "platform_part_changed")
    assert agree(PLATFORM, OPERATOR, HOST, site_id=7).status_code == 201
    assert SplitAgreement.objects.count() == 2


def test_the_platforms_part_is_that_of_the_begin(shop, agree):
    begin = timezone.now() + timedelta(days=30)
    of_the_platform(shop, begin)
    until_then = {"site_id": 7, "valid_until": begin.isoformat()}
    assert agree(OPERATOR, HOST, **until_then).status_code == 201
    later = {"site_id": 8, "valid_from": (begin + timedelta(days=1)).isoformat()}
    assert agree(OPERATOR, HOST, **later).status_code == 422
    assert agree(OPERATOR, HOST, PLATFORM, **later).status_code == 201


def test_no_agreement_of_the_operator_outlives_a_change_of_the_platforms_part(
    shop, agree
):
    """One that is agreed already, whether it ends the old one or steps in between."""
    now = timezone.now()
    of_the_platform(shop, now - timedelta(days=1))
    change = now + timedelta(days=30)
    of_the_platform(shop, change, basis_points=800)
    for place in ({"site_id": 7}, {"charge_point": "CP-1"}):
        answer = agree(PLATFORM, OPERATOR, HOST, **place)
        assert (answer.status_code, answer.json()["code"]) == (
            422,
            "platform_part_outlived",
        )
        assert "800 basis points" in answer.json()["detail"]
        assert change.isoformat() in answer.json()["detail"]
        later = change + timedelta(seconds=1)
        too_long = place | {"valid_until": later.isoformat()}
        assert agree(PLATFORM, OPERATOR, HOST, **too_long).status_code == 422
        ends = place | {"valid_until": change.isoformat()}
        assert agree(PLATFORM, OPERATOR, HOST, **ends).status_code == 201
        new = place | {"valid_from": change.isoformat()}
        part = PLATFORM | {"basis_points": 800}
        assert agree(part, OPERATOR, HOST, **new).status_code == 201


def test_a_time_without_the_platforms_part_cannot_be_made_longer(shop, agree):
    """While the platform takes nothing for a month, nobody agrees on that for ever."""
    now = timezone.now()
    of_the_platform(shop, now - timedelta(days=1))
    free = Agreement(
        operator_id=shop.operator.pk,
        site_id=None,
        name="free month",
        parties=(Party("operator", "O", "operator"),),
        valid_from=now - timedelta(hours=1),
        valid_until=now + timedelta(days=30),
    )
    splits.agree(free, by="platform", at=now)
    answer = agree(OPERATOR, HOST, site_id=7)
    assert answer.json()["code"] == "platform_part_outlived"
    month = {"valid_until": free.valid_until.isoformat()}
    assert agree(OPERATOR, HOST, site_id=7, **month).status_code == 201


def test_an_agreement_that_is_taken_over_in_time_outlives_nothing(shop, agree):
    now = timezone.now()
    of_the_platform(shop, now - timedelta(days=1))
    change = now + timedelta(days=30)
    of_the_platform(shop, change, basis_points=800, site_id=7)
    assert agree(PLATFORM, OPERATOR, HOST, site_id=7).status_code == 201
    here = splits.in_force(
        operator_id=shop.operator.pk, site_id=7, charge_point="", at=change
    )
    assert platform_parts.of_parties(splits.parties_of(here)).basis_points == 800


def test_the_part_of_a_site_is_not_evaded_by_its_charge_points(shop, agree):
    """Which site a charge point stands at is not known here: all sites count."""
    now = timezone.now()
    of_the_platform(shop, now - timedelta(days=1))
    of_the_platform(shop, now - timedelta(hours=1), basis_points=800, site_id=7)
    answer = agree(PLATFORM, OPERATOR, HOST, charge_point="CP-1")
    assert answer.json()["code"] == "platform_part_changed"
    assert "site 7" in answer.json()["detail"]
    assert agree(PLATFORM, OPERATOR, HOST, site_id=8).status_code == 201


def test_the_platform_is_told_which_agreements_would_keep_the_old_part(shop, agree):
    now = timezone.now()
    of_the_platform(shop, now - timedelta(days=1))
    assert agree(PLATFORM, OPERATOR, HOST, site_id=7).status_code == 201
    assert agree(PLATFORM, OPERATOR, HOST, charge_point="CP-1").status_code == 201
    of_the_platform(shop, now - timedelta(hours=1), basis_points=300, site_id=8)
    change = now + timedelta(days=30)

    with pytest.raises(splits.UnableToAgreeSplit) as refused:
        of_the_platform(shop, change, basis_points=800)
    assert refused.value.code == "platform_part_outlived"
    text = refused.value.message
    assert "(site 7)" in text
    assert "(charge point CP-1)" in text
    # Other terms that were agreed for one site stay as they are.
    assert "site 8" not in text

    # Agreed from the same instant, whatever is meant there, nothing stands in the way.
    # The charge point first: it may stand at that site.
    with pytest.raises(splits.UnableToAgreeSplit):
        of_the_platform(shop, change, basis_points=800, site_id=7)
    of_the_platform(shop, change, charge_point="CP-1")
    of_the_platform(shop, change, basis_points=800, site_id=7)
    of_the_platform(shop, change, basis_points=800)


@pytest.mark.parametrize(
    ("parties", "values", "status", "code"),
    [
        ((HOST,), {}, 422, "split_invalid"),
        ((OPERATOR, OPERATOR | {"key": "two"}), {}, 422, "split_invalid"),
        ((OPERATOR, HOST, HOST), {}, 422, "split_invalid"),
        ((OPERATOR, HOST | {"basis_points": 10_001}), {}, 400, None),
        ((OPERATOR, HOST | {"fixed_minor": -1}), {}, 400, None),
        ((OPERATOR, HOST | {"min_minor": 5, "max_minor": 4}), {}, 422, None),
        ((OPERATOR, HOST | {"role": "landlord"}), {}, 400, None),
        ((), {}, 400, None),
        (
            (OPERATOR, HOST),
            {"site_id": 7, "charge_point": "CP-1"},
            422,
            "split_invalid",
        ),
        (
            (OPERATOR, HOST),
            {"valid_from": "2020-01-01T00:00:00Z"},
            422,
            "split_in_the_past",
        ),
        ((OPERATOR, HOST), {"valid_until": "2020-01-01T00:00:00Z"}, 422, None),
        ((OPERATOR, HOST), {"operator_id": 999_999}, 422, "unknown_operator"),
    ],
)
def test_what_cannot_divide_a_charge_is_refused(agree, parties, values, status, code):
    before = SplitAgreement.objects.count()
    answer = agree(*parties, **values)
    assert answer.status_code == status, answer.content
    assert code is None or answer.json()["code"] == code
    assert SplitAgreement.objects.count() == before


def test_agreements_are_listed_and_only_the_own_ones(shop, agree, as_role, other):
    agree(OPERATOR, HOST)
    owner, stranger = (api(accounts.api_key(each)) for each in (shop.operator, other))
    with as_role("app"):
        own = owner.get(AGREEMENTS).json()
        foreign = stranger.get(AGREEMENTS).json()
    assert own[0]["name"] == "By REST"
    assert {row["operator_id"] for row in own} == {shop.operator.pk}
    assert foreign == []


def test_agreeing_needs_the_right_to_move_money(shop, as_role):
    key = accounts.api_key(shop.operator, "orders:read")
    body = {"name": "x", "parties": [OPERATOR]}
    with as_role("app"):
        answer = api(key).post(AGREEMENTS, body, content_type="application/json")
        assert answer.status_code == 403
        assert Client().get(STATEMENTS).status_code in {401, 403}


def period(**values):
    now = timezone.now()
    return {
        "from": (now - timedelta(days=1)).isoformat(),
        "until": (now + timedelta(days=1)).isoformat(),
        **values,
    }


def test_a_statement_is_the_same_as_json_and_csv(shop, as_role):
    shop.captured(1001)
    client = api(accounts.api_key(shop.operator))
    with as_role("app"):
        told = client.get(STATEMENTS, query_params=period()).json()
        sent = client.get(f"{STATEMENTS}.csv", query_params=period())
        text = b"".join(sent.streaming_content).decode()
    rows = list(csv.DictReader(io.StringIO(text)))
    assert sum(int(row["amount_minor"]) for row in rows) == 1001
    assert sum(line["amount_minor"] for line in told["lines"]) == 1001
    assert sum(one["total_minor"] for one in told["parties"]) == 1001
    assert [row["party"] for row in rows] == [line["party"] for line in told["lines"]]
    assert len(rows) == SplitLine.objects.count()


def test_a_statement_of_one_party_has_only_its_lines(shop, as_role):
    shop.captured(1001)
    client = api(accounts.api_key(shop.operator))
    party = SplitLine.objects.exclude(amount_minor=0).first()
    with as_role("app"):
        told = client.get(STATEMENTS, query_params=period(party=party.party)).json()
    (total,) = told["parties"]
    assert (total["party"], total["total_minor"]) == (party.party, party.amount_minor)
    assert {line["party"] for line in told["lines"]} == {party.party}


def test_a_statement_is_of_the_own_operator_and_of_a_real_period(
    shop, other, as_role, monkeypatch
):
    shop.captured(1001)
    stranger = api(accounts.api_key(other))
    client = api(accounts.api_key(shop.operator))
    now = timezone.now().isoformat()
    with as_role("app"):
        assert stranger.get(STATEMENTS, query_params=period()).json()["lines"] == []
        for query, code in (
            (period(operator_id=other.pk), "unknown_operator"),
            (period(until=now, **{"from": now}), "period_invalid"),
        ):
            answer = client.get(STATEMENTS, query_params=query)
            assert (answer.status_code, answer.json()["code"]) == (422, code)
        assert client.get(STATEMENTS).status_code == 400
        monkeypatch.setattr("settlement.api.splits.LINES_MAX", 1)
        answer = client.get(STATEMENTS, query_params=period())
        assert answer.json()["code"] == "statement_too_long"


def test_staff_of_several_operators_names_one(shop, other, client, as_role):
    shop.captured(1001)
    member(client, shop.operator)
    user = User.objects.get(email__startswith="finance@")
    Membership.objects.create(user=user, operator=other, role="finance")
    with as_role("app"):
        answer = client.get(STATEMENTS, query_params=period())
        assert answer.json()["code"] == "unknown_operator"
        named = period(operator_id=shop.operator.pk)
        told = client.get(STATEMENTS, query_params=named).json()
    assert sum(line["amount_minor"] for line in told["lines"]) == 1001
