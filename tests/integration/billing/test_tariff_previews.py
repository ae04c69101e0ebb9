"""Which tariff a charge would have, why, and what it would cost."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from billing.models import DriverGroup, DriverGroupMember, Order
from billing.pricing import parse_tariff
from billing.services import driver_groups, offers, terms
from billing.services.driver_groups import UnableToGroupDriver
from billing.services.tariff_previews import Example, UnableToPreview, priced_examples
from charge_points.queries import connector_view
from cpms.accounts.models import AuditEntry, Membership
from cpms.web import erasure
from tests.factories import accounts, network, tariffs
from tests.integration.billing.world import API, api, make_world
from tests.integration.charge_points.admin_world import make_staff
from tests.outbox import drain

PREVIEW = f"{API}/operator/tariffs/preview"
AT = "2026-03-02T09:00:00Z"


@pytest.fixture
def ask(world, as_role):
    """Ask as the operator's own system."""
    key = accounts.api_key(world.operator)

    def call(**query):
        known = {"charge_point": world.station.identity, "at": AT, **query}
        with as_role("app"):
            return api(key).get(PREVIEW, query_params=known)

    return call


@pytest.fixture
def staff_group(world):
    return DriverGroup.objects.create(
        operator=world.operator, code="staff", name="Staff", created_at=timezone.now()
    )


def since_ever(operator, *components, **values):
    return tariffs.tariff(
        operator, *components, starts_at=datetime(2026, 1, 1, tzinfo=UTC), **values
    )


def test_a_preview_says_tariff_reason_words_and_price(world, ask):
    since_ever(world.operator, code="BASE")
    body = ask(energy_wh=10_000).json()
    assert body["tariff"]["code"] == "BASE"
    assert body["tariff"]["version"] == 1
    assert body["tariff"]["reason"].startswith("assigned to the whole operator since")
    assert body["words"] == ["Energy: 0.595 EUR per kWh.", "Prices include taxes."]
    price = body["price"]
    assert (price["total_minor"], price["after_taxes"]) == (595, "5.9500")
    assert price["before_taxes"] == "5.0000"
    assert [line["dimension"] for line in price["lines"]] == ["ENERGY"]
    assert price["taxes"][0]["taxes_minor"] == 95
    chosen = body["rules"][0]
    assert chosen["chosen"] is True
    assert chosen["reason"].startswith("applies: ")
    assert [each["holds"] for each in chosen["conditions"]] == [True]


@pytest.mark.parametrize(
    ("query", "headers", "words"),
    [
        ({"lang": "de"}, {}, "Preise inklusive Steuern."),
        ({}, {"Accept-Language": "de-DE,de;q=0.9"}, "Preise inklusive Steuern."),
        ({"lang": "zh"}, {"Accept-Language": "de"}, "价格含税。"),
        ({"lang": "xx"}, {}, "Prices include taxes."),
    ],
)
def test_the_words_are_in_the_language_that_is_asked_for(
    world, as_role, query, headers, words
):
    since_ever(world.operator)
    client = api({**accounts.api_key(world.operator), **headers})
    known = {"charge_point": world.station.identity, "at": AT, **query}
    with as_role("app"):
        body = client.get(PREVIEW, query_params=known).json()
    assert body["words"][-1] == words


def test_who_asks_decides_about_the_tariff(world, ask, staff_group):
    since_ever(world.operator, code="BASE")
    since_ever(world.operator, code="CARDS", token_type="RFID")
    since_ever(world.operator, code="FLEET", token_group="fleet")
    since_ever(world.operator, code="STAFF", driver_group_id=staff_group.pk)
    codes = [
        ask(**query).json()["tariff"]["code"]
        for query in (
            {},
            {"token_type": "RFID"},
            {"token_type": "RFID", "token_group": "fleet"},
            {"token_group": "fleet", "driver_group": "staff"},
        )
    ]
    assert codes == ["BASE", "CARDS", "FLEET", "STAFF"]


def test_idle_time_and_reservation_are_in_the_price(world, ask):
    since_ever(
        world.operator,
        tariffs.component(vat=None),
        tariffs.component("PARKING_TIME", "6", vat=None),
    )
    body = ask(energy_wh=10_000, charging_s=1800, parking_s=1800).json()
    assert body["price"]["total_minor"] == 500 + 300


def test_where_nothing_applies_every_rule_says_why(world, ask):
    begin = timezone.now() + timedelta(days=1)
    tariffs.tariff(world.operator, code="LATER", starts_at=begin)
    body = ask().json()
    assert (body["tariff"], body["price"], body["words"]) == (None, None, [])
    assert all(not rule["matches"] for rule in body["rules"])
    later = next(rule for rule in body["rules"] if rule["tariff"] == "LATER")
    assert later["reason"].startswith("does not apply: it begins only")


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ({"charge_point": "nowhere"}, 404, "unknown_connector"),
        ({"connector_code": "ZZZZZZ"}, 404, "unknown_connector"),
        ({"driver_group": "nobody"}, 422, "unknown_driver_group"),
        ({"token_type": "PAPER"}, 400, None),
        ({"energy_wh": -1}, 400, None),
        ({"energy_wh": 10**9}, 400, None),
        ({"parking_s": 10**9}, 400, None),
        ({"at": "tomorrow"}, 400, None),
    ],
)
def test_a_question_that_makes_no_sense_is_refused(ask, query, status, code):
    answer = ask(**query)
    assert answer.status_code == status
    assert code is None or answer.json()["code"] == code


def test_another_operators_connector_is_unknown(world, psp, ask):
    other = make_world(psp)
    assert ask(charge_point=other.station.identity).status_code == 404


def test_a_preview_needs_the_right_to_read_orders(world, as_role):
    key = accounts.api_key(world.operator, "charge_points:read")
    with as_role("app"):
        assert api(key).get(PREVIEW).status_code == 403
        assert api({}).get(PREVIEW).status_code in {401, 403}


def test_staff_previews_in_its_session(world, client, as_role):
    since_ever(world.operator)
    user = make_staff("viewer@example.org", world.operator.pk, Membership.Role.VIEWER)
    client.force_login(user)
    known = {"charge_point": world.station.identity, "at": AT}
    with as_role("app"):
        assert client.get(PREVIEW, query_params=known).status_code == 200


# -- the sale follows the same rules ---------------------------------------------


def test_a_driver_in_a_group_gets_its_tariff_and_others_do_not(world, staff_group):
    tariffs.tariff(world.operator, code="STAFF", driver_group_id=staff_group.pk)
    view = connector_view(world.station.identity, 1, 1)
    buyer = terms.Buyer(world.driver)
    now = timezone.now()
    before = terms.terms_for(view, buyer, group="", at=now).applied.code
    driver_groups.add_driver(
        group=staff_group, email=world.driver.email, by="test", at=now
    )
    assert terms.terms_for(view, buyer, group="", at=now).applied.code == "STAFF"
    assert before != "STAFF"
    guest = terms.terms_for(view, terms.Buyer(None), group="", at=now)
    assert guest.applied.code == before


def test_a_card_gets_the_tariff_of_cards_and_a_guest_that_of_guests(world):
    tariffs.tariff(world.operator, code="CARDS", token_type="RFID")
    tariffs.tariff(world.operator, code="GUESTS", token_type="AD_HOC_USER")
    tariffs.tariff(world.operator, code="ACCOUNTS", token_type="APP_USER")
    world.station.start(network.token(driver=world.driver))
    drain()
    assert Order.objects.get().tariff["id"] == "CARDS"
    view = connector_view(world.station.identity, 1, 1)
    now = timezone.now()
    for buyer, code in (
        (terms.Buyer(None), "GUESTS"),
        (terms.Buyer(world.driver), "ACCOUNTS"),
    ):
        assert terms.terms_for(view, buyer, group="", at=now).applied.code == code


def test_a_label_shows_the_price_of_guests(world):
    tariffs.tariff(
        world.operator,
        tariffs.component(price="0.80"),
        code="G",
        token_type="AD_HOC_USER",
    )
    view = connector_view(world.station.identity, 1, 1)
    shown = offers.offer(code=view.code, language="en", at=timezone.now())
    assert shown.price_words[0] == "Energy: 0.952 EUR per kWh."


# -- driver groups -----------------------------------------------------------------


def test_a_driver_is_in_a_group_once_and_can_leave(world, staff_group):
    now = timezone.now()
    first, second = (
        driver_groups.add_driver(
            group=staff_group, email=f" {world.driver.email.upper()} ", by="eve", at=now
        )
        for _ in range(2)
    )
    assert first == second
    assert AuditEntry.objects.filter(action="driver_group.driver_added").count() == 1
    driver_groups.remove_driver(first, by="eve", at=now)
    assert not DriverGroupMember.objects.exists()
    entry = AuditEntry.objects.get(action="driver_group.driver_removed")
    assert (entry.actor, entry.changes) == ("eve", {"driver_id": world.driver.pk})


def test_an_unknown_address_is_refused(staff_group):
    with pytest.raises(UnableToGroupDriver) as refused:
        driver_groups.add_driver(
            group=staff_group, email="no@example.org", by="eve", at=timezone.now()
        )
    assert refused.value.code == "unknown_driver"


def test_a_deleted_account_is_in_no_group(world, staff_group):
    now = timezone.now()
    driver_groups.add_driver(
        group=staff_group, email=world.driver.email, by="eve", at=now
    )
    erasure.delete_account(driver_id=world.driver.pk, at=now)
    assert not DriverGroupMember.objects.exists()


# -- examples ----------------------------------------------------------------------


def test_examples_show_what_a_tariff_does():
    rules = parse_tariff(
        tariffs.ocpi(
            tariffs.component(price="0.50", vat=None),
            tariffs.component("PARKING_TIME", "6", vat=None),
        )
    )
    at = datetime(2026, 3, 28, 23, 30, tzinfo=UTC)
    totals = {
        each.name: each.priced.total_minor
        for each in priced_examples(rules, "Europe/Berlin", at=at)
    }
    assert totals["20 kWh in 1 h, 14:00"] == 1000
    assert totals["20 kWh in 1 h, then 2 h parked"] == 1000 + 1200
    assert totals["reserved 30 min, nobody came"] == 0


def test_an_example_over_a_change_of_the_clock_has_its_real_length():
    start = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    session = Example(start, 0, timedelta(hours=3)).session("Europe/Berlin")
    (period,) = session.periods
    assert period.ends_at - period.starts_at == timedelta(hours=3)


@pytest.mark.parametrize(
    "values",
    [
        {"energy_wh": -1},
        {"energy_wh": 10**9},
        {"charging": timedelta(seconds=-1)},
        {"parking": timedelta(days=8)},
        {"reserved": timedelta(days=8)},
    ],
)
def test_an_example_that_cannot_happen_is_refused(values):
    with pytest.raises(UnableToPreview):
        Example(datetime(2026, 1, 1, tzinfo=UTC), **values).session("UTC")
