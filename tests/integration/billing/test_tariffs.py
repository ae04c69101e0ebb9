"""Tariffs: taking them in, and which one applies."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings, strategies as st

from billing.models import Tariff, TariffAssignment
from billing.models.order_states import ORDER_STATES
from billing.queries import STATE_LIMITS, stuck_orders
from billing.services import tariffs
from billing.services.tariffs import Place
from billing.tasks import BEAT_SCHEDULE, report_stuck
from cpms.celery import app
from tests.factories import accounts
from tests.factories.tariffs import component, ocpi, tariff
from tests.integration.billing.world import ago, fresh

HERE = {
    "charge_point": "CP-1",
    "site_id": 7,
    "connector_type": "cCCS2",
    "token_group": "staff",
}


@pytest.fixture
def operator(db):
    return accounts.operator()


def applied(operator, at=None, **place):
    found = tariffs.tariff_for(
        Place(operator_id=operator.pk, **{**HERE, **place}), at=at or timezone.now()
    )
    return found.code


@pytest.mark.parametrize(
    ("weaker", "stronger"),
    [
        ((), ("token_group",)),
        (("token_group",), ("connector_type",)),
        (("connector_type", "token_group"), ("site_id",)),
        (("site_id", "connector_type", "token_group"), ("charge_point",)),
        (("charge_point",), ("charge_point", "token_group")),
        (("site_id",), ("site_id", "connector_type")),
    ],
)
def test_the_more_specific_tariff_wins_whichever_is_newer(operator, weaker, stronger):
    for first, second in ((weaker, stronger), (stronger, weaker)):
        TariffAssignment.objects.all().delete()
        for names in (first, second):
            code = "strong" if names == stronger else "weak"
            tariff(operator, code=code, **{name: HERE[name] for name in names})
        assert applied(operator) == "strong"


def test_among_equals_the_newest_assignment_wins(operator):
    tariff(operator, code="old")
    tariff(operator, code="new")
    assert applied(operator) == "new"


@pytest.mark.parametrize("name", list(HERE))
def test_a_tariff_of_another_place_or_group_does_not_apply(operator, name):
    other = 8 if name == "site_id" else "other"
    tariff(operator, code="there", **{name: other})
    with pytest.raises(tariffs.UnableToFindTariff) as refused:
        applied(operator)
    assert refused.value.code == "no_tariff"
    assert "CP-1" in refused.value.message


def test_another_operators_tariff_does_not_apply(operator):
    tariff(accounts.operator(), code="foreign")
    with pytest.raises(tariffs.UnableToFindTariff):
        applied(operator)


def test_a_period_includes_its_begin_and_not_its_end(operator):
    begin, end = ago(hours=2), ago(hours=1)
    tariff(operator, code="once", starts_at=begin, ends_at=end)
    assert applied(operator, at=begin) == "once"
    assert applied(operator, at=end - timedelta(microseconds=1)) == "once"
    for at in (begin - timedelta(microseconds=1), end):
        with pytest.raises(tariffs.UnableToFindTariff):
            applied(operator, at=at)


def test_a_period_must_not_end_before_it_begins(operator):
    now = timezone.now()
    saved = tariff(operator)
    with pytest.raises(tariffs.UnableToAssignTariff) as refused:
        tariffs.assign(tariff=saved, starts_at=now, ends_at=now, by="test")
    assert refused.value.code == "period_invalid"
    with pytest.raises(IntegrityError), transaction.atomic():
        TariffAssignment.objects.create(
            operator=operator, tariff=saved, starts_at=now, ends_at=now
        )


def test_the_choice_says_why(operator):
    tariff(operator, **HERE)
    found = tariffs.tariff_for(
        Place(operator_id=operator.pk, **HERE), at=timezone.now()
    )
    assert found.reason.startswith(
        "assigned to charge point CP-1, site 7, connector type cCCS2, token group "
        "staff since "
    )


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    st.lists(
        st.fixed_dictionaries(
            {name: st.sampled_from(["here", "there", None]) for name in HERE}
        ),
        max_size=8,
    )
)
def test_the_choice_is_that_of_a_slow_witness(operator, wanted):
    """Against the rule as a sentence: what fits, then the most specific, the newest."""
    TariffAssignment.objects.all().delete()
    fitting = []
    for number, where in enumerate(wanted):
        reach = {
            name: (HERE[name] if word == "here" else 8 if name == "site_id" else "x")
            for name, word in where.items()
            if word is not None
        }
        tariff(operator, code=f"T{number}", **reach)
        if "there" not in where.values():
            fitting.append((*[where[name] == "here" for name in HERE], number))
    if fitting:
        assert applied(operator) == f"T{max(fitting)[-1]}"
    else:
        with pytest.raises(tariffs.UnableToFindTariff):
            applied(operator)


def test_a_tariff_is_replaced_under_its_own_code(operator):
    first = tariff(operator, component(price="0.50"))
    second = tariff(operator, component(price="0.60"))
    assert first.pk == second.pk
    saved = Tariff.objects.get()
    assert saved.ocpi["elements"][0]["price_components"][0]["price"] == 0.6
    assert saved.content_hash == second.content_hash != first.content_hash
    assert saved.created_at < saved.updated_at


def test_two_operators_may_use_the_same_code(operator):
    tariff(operator)
    tariff(accounts.operator())
    assert Tariff.objects.filter(code="T1").count() == 2


def test_a_tariff_that_cannot_be_priced_is_refused(operator):
    with pytest.raises(tariffs.UnableToSaveTariff) as refused:
        tariffs.save_tariff(
            operator_id=operator.pk,
            ocpi={**ocpi(), "elements": []},
            name="",
            by="test",
            at=timezone.now(),
        )
    assert "elements" in refused.value.message


def test_a_running_order_keeps_the_tariff_of_its_begin(world):
    order, charge = world.charging()
    tariff(world.operator, component(price="9.99"))
    world.finish(charge)
    assert fresh(order).amount_minor == 595


# -- stuck orders ------------------------------------------------------------------


def test_an_order_without_a_move_is_on_the_list(world):
    order, _ = world.charging()
    assert stuck_orders(at=timezone.now()) == []
    late = timezone.now() + timedelta(days=3)
    (found,) = stuck_orders(at=late)
    assert (found.number, found.state, found.operator_id) == (
        order.number,
        "CHARGING",
        world.operator.pk,
    )
    assert [o.number for o in stuck_orders(at=late, operator_ids=[])] == []
    assert len(stuck_orders(at=late, operator_ids=[world.operator.pk])) == 1
    order.moved_at = ago(days=3)
    order.save()
    assert report_stuck() == 1


def test_every_state_that_is_no_end_has_a_limit():
    assert set(STATE_LIMITS) == set(ORDER_STATES.states) - ORDER_STATES.final


def test_the_schedule_names_tasks_that_exist():
    for entry in BEAT_SCHEDULE.values():
        assert entry["task"] in app.tasks
        assert entry["options"]["queue"] in {"billing", "maintenance"}
