"""Tariffs: taking them in, and which one applies."""

from datetime import timedelta

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings, strategies as st

from billing.models import DriverGroup, Tariff, TariffAssignment
from billing.models.order_states import ORDER_STATES
from billing.queries import STATE_LIMITS, stuck_orders
from billing.services import tariff_choice, tariffs
from billing.services.tariff_choice import Place
from billing.tasks import BEAT_SCHEDULE, report_stuck
from cpms.celery import app
from tests.factories import accounts
from tests.factories.tariffs import component, ocpi, tariff
from tests.integration.billing.world import ago, fresh

HERE = {
    "charge_point": "CP-1",
    "site_id": 7,
    "connector_type": "cCCS2",
    "driver_group_id": 1,
    "token_group": "staff",
    "token_type": "RFID",
}
"""A place and a buyer; the driver is in the one group that there is."""


@pytest.fixture
def operator(db):
    return accounts.operator()


def group_of(operator):
    return DriverGroup.objects.get_or_create(
        operator=operator, code="staff", defaults={"created_at": timezone.now()}
    )[0]


def reach_of(operator, names):
    """The part of HERE that a rule asks for."""
    found = {name: HERE[name] for name in names}
    if "driver_group_id" in found:
        found["driver_group_id"] = group_of(operator).pk
    return found


def here(operator):
    place = {name: value for name, value in HERE.items() if name != "driver_group_id"}
    return Place(
        operator_id=operator.pk,
        **place,
        driver_groups=frozenset({group_of(operator).pk}),
    )


def applied(operator, at=None):
    """The tariff that applies; what explains it says the same."""
    at = at or timezone.now()
    explained = tariff_choice.explain(here(operator), at=at).applied
    try:
        found = tariff_choice.tariff_for(here(operator), at=at)
    except tariff_choice.UnableToFindTariff:
        assert explained is None
        raise
    assert explained == found
    return found.code


@pytest.mark.parametrize(
    ("weaker", "stronger"),
    [
        ((), ("token_type",)),
        (("token_type",), ("token_group",)),
        (("token_group", "token_type"), ("driver_group_id",)),
        (("driver_group_id", "token_group"), ("connector_type",)),
        (("connector_type", "driver_group_id"), ("site_id",)),
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
            tariff(operator, code=code, **reach_of(operator, names))
        assert applied(operator) == "strong"


def test_among_equals_the_newest_assignment_wins(operator):
    tariff(operator, code="old")
    tariff(operator, code="new")
    assert applied(operator) == "new"


def elsewhere(operator, name):
    """What HERE is not."""
    if name == "driver_group_id":
        other = DriverGroup.objects.get_or_create(
            operator=operator, code="fleet", defaults={"created_at": timezone.now()}
        )[0]
        return {name: other.pk}
    return {name: 8 if name == "site_id" else "AD_HOC_USER"}


@pytest.mark.parametrize("name", list(HERE))
def test_a_tariff_of_another_place_or_group_does_not_apply(operator, name):
    tariff(operator, code="there", **elsewhere(operator, name))
    with pytest.raises(tariff_choice.UnableToFindTariff) as refused:
        applied(operator)
    assert refused.value.code == "no_tariff"
    assert "CP-1" in refused.value.message


def test_another_operators_tariff_does_not_apply(operator):
    tariff(accounts.operator(), code="foreign")
    with pytest.raises(tariff_choice.UnableToFindTariff):
        applied(operator)


def test_a_period_includes_its_begin_and_not_its_end(operator):
    begin, end = ago(hours=2), ago(hours=1)
    tariff(operator, code="once", starts_at=begin, ends_at=end)
    assert applied(operator, at=begin) == "once"
    assert applied(operator, at=end - timedelta(microseconds=1)) == "once"
    for at in (begin - timedelta(microseconds=1), end):
        with pytest.raises(tariff_choice.UnableToFindTariff):
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
    tariff(operator, **reach_of(operator, HERE))
    found = tariff_choice.tariff_for(here(operator), at=timezone.now())
    assert found.reason.startswith(
        "assigned to charge point CP-1, site 7, connector type cCCS2, driver group "
        "staff, token group staff, token type RFID since "
    )


def test_every_rule_says_why_it_applies_or_not(operator):
    end = ago(hours=1)
    tariff(operator, code="base")
    tariff(operator, code="cards", token_type="RFID")
    tariff(operator, code="guests", token_type="AD_HOC_USER", site_id=7)
    tariff(operator, code="fleet", **elsewhere(operator, "driver_group_id"))
    tariff(operator, code="past", site_id=7, ends_at=end)
    tariff(operator, code="future", starts_at=timezone.now() + timedelta(days=1))
    tariff(accounts.operator(), code="foreign")
    found = tariff_choice.explain(here(operator), at=timezone.now())
    assert found.applied.code == "cards"
    told = {each.tariff: each for each in found.candidates}
    assert list(told) == ["cards", "base", "guests", "past", "fleet", "future"]
    assert [each.tariff for each in found.candidates if each.chosen] == ["cards"]
    assert told["cards"].reason.startswith("applies: assigned to token type RFID")
    assert told["base"].reason.startswith("would apply, but a more specific")
    assert told["guests"].reason == (
        "does not apply: token type is RFID, not AD_HOC_USER"
    )
    assert told["fleet"].reason == (
        "does not apply: driver group is not in it, not fleet"
    )
    assert told["past"].reason == f"does not apply: it ended {end:%Y-%m-%d %H:%M}Z"
    assert told["future"].reason.startswith("does not apply: it begins only 2")
    assert [each.matches for each in found.candidates] == [True] * 2 + [False] * 4
    assert (told["base"].priority, told["cards"].priority) == (0, 1)
    assert told["guests"].priority == 17
    assert found.left_off == 0


def test_an_explanation_has_a_limit(operator, monkeypatch):
    monkeypatch.setattr(tariff_choice, "CANDIDATES_MAX", 2)
    for number in range(3):
        tariff(operator, code=f"T{number}")
    found = tariff_choice.explain(here(operator), at=timezone.now())
    assert [each.tariff for each in found.candidates] == ["T2", "T1"]
    assert found.left_off == 1


@pytest.mark.parametrize(
    ("ocpp", "ocpi_name"),
    [
        ("", "RFID"),
        ("ISO14443", "RFID"),
        ("eMAID", "EMAID"),
        ("Central", "APP_USER"),
        ("NoAuthorization", "AD_HOC_USER"),
        ("KeyCode", "OTHER"),
    ],
)
def test_token_types_are_those_of_ocpi(ocpp, ocpi_name):
    assert tariff_choice.ocpi_token_type(ocpp) == ocpi_name


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
        reach = reach_of(operator, [n for n, word in where.items() if word == "here"])
        for name, word in where.items():
            if word == "there":
                reach |= elsewhere(operator, name)
        tariff(operator, code=f"T{number}", **reach)
        if "there" not in where.values():
            fitting.append((*[where[name] == "here" for name in HERE], number))
    if fitting:
        assert applied(operator) == f"T{max(fitting)[-1]}"
    else:
        with pytest.raises(tariff_choice.UnableToFindTariff):
            applied(operator)


def price_of(ocpi_tariff):
    return ocpi_tariff["elements"][0]["price_components"][0]["price"]


def saved(operator, price, at, **values):
    return tariffs.save_tariff(
        operator_id=operator.pk,
        ocpi=ocpi(component(price=price)),
        name="",
        by="test",
        at=at,
        **values,
    )


def sold_at(operator, at):
    found = tariff_choice.tariff_for(here(operator), at=at)
    return found.version, price_of(found.ocpi)


def test_a_new_version_holds_for_charges_that_start_later(operator):
    changed = ago(hours=1)
    first = saved(operator, "0.50", ago(hours=3))
    tariffs.assign(tariff=first, starts_at=ago(days=9), by="test")
    second = saved(operator, "0.60", changed)
    assert first.pk == second.pk
    row = Tariff.objects.get()
    assert price_of(row.ocpi) == 0.6
    assert row.content_hash == second.content_hash != first.content_hash
    assert sold_at(operator, ago(days=8)) == (1, 0.5)
    assert sold_at(operator, changed - timedelta(microseconds=1)) == (1, 0.5)
    assert sold_at(operator, changed) == (2, 0.6)


def test_a_version_can_be_saved_for_a_time_to_come(operator):
    later = timezone.now() + timedelta(days=1)
    tariff_ = saved(operator, "0.50", ago(hours=3))
    tariffs.assign(tariff=tariff_, starts_at=ago(days=9), by="test")
    saved(operator, "0.70", timezone.now(), applies_from=later)
    assert sold_at(operator, timezone.now()) == (1, 0.5)
    assert sold_at(operator, later) == (2, 0.7)
    saved(operator, "0.65", timezone.now(), applies_from=later)
    assert sold_at(operator, later) == (3, 0.65)


def test_a_charge_from_before_all_versions_is_sold_by_the_first(operator):
    begin = ago(hours=2)
    tariff_ = saved(operator, "0.50", ago(hours=3), applies_from=begin)
    saved(operator, "0.60", ago(hours=1))
    tariffs.assign(tariff=tariff_, starts_at=ago(days=9), by="test")
    assert sold_at(operator, ago(days=1)) == (1, 0.5)


def test_the_same_tariff_again_is_no_new_version(operator):
    saved(operator, "0.50", ago(hours=3))
    row = saved(operator, "0.50", ago(hours=2))
    assert row.versions.count() == 1


def test_a_version_is_never_changed(operator):
    saved(operator, "0.50", ago(hours=3))
    for change in (
        "UPDATE billing_tariffversion SET number = 7",
        "DELETE FROM billing_tariffversion",
    ):
        with (
            pytest.raises(DatabaseError),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(change)


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
