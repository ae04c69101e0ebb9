"""The tariff pages speak the reader's language, down to reasons and mistakes."""

import json
import re
from datetime import UTC, datetime, timedelta

import pytest
from django.urls import reverse
from django.utils import timezone, translation

from billing.admin.tariff_errors import in_words
from billing.admin.tariff_reasons import EXAMPLES, why
from billing.models import TariffVersion
from billing.pricing import UnableToParseTariff, parse_tariff
from billing.services import tariff_choice, tariff_previews
from billing.services.tariff_choice import Place
from cpms.accounts.models import Membership
from tests.factories import accounts, tariffs
from tests.factories.tariffs import ocpi
from tests.integration.charge_points.admin_world import make_staff

LANGUAGES = ("de", "zh-hans")


@pytest.fixture
def sold(world):
    """A tariff that applies; made before anybody logs in."""
    return tariffs.tariff(world.operator)


@pytest.fixture
def finance(world, sold, client, as_role):
    user = make_staff("f@example.org", world.operator.pk, Membership.Role.FINANCE)
    client.force_login(user)
    with as_role("app"):
        yield client


def component(**values):
    return {"type": "ENERGY", "price": 1, "step_size": 1, **values}


BAD = [
    {"id": None},
    {"id": 7},
    {"id": "x" * 37},
    {"currency": "EURO"},
    {"elements": []},
    {"elements": "none"},
    {"elements": [7]},
    {"elements": [{"price_components": [component(price=-1)]}]},
    {"elements": [{"price_components": [component(price="dear")]}]},
    {"elements": [{"price_components": [component(vat=101)]}]},
    {"elements": [{"price_components": [component(step_size=1.5)]}]},
    {"elements": [{"price_components": [component(step_size=10**9)]}]},
    {"elements": [{"price_components": [component(type="WATER")]}]},
    {
        "elements": [
            {
                "price_components": [component()],
                "restrictions": {"reservation": "RESERVATION"},
            }
        ]
    },
    *(
        {"elements": [{"price_components": [component()], "restrictions": each}]}
        for each in (
            {"start_time": "25:00"},
            {"start_date": "tomorrow"},
            {"start_date": "2026-01-02", "end_date": "2026-01-02"},
            {"min_kwh": 5, "max_kwh": 5},
        )
    ),
    {"start_date_time": "soon"},
    {
        "start_date_time": "2026-01-02T00:00:00Z",
        "end_date_time": "2026-01-01T00:00:00Z",
    },
    {"min_price": {"before_taxes": 2, "after_taxes": 1}},
    {"min_price": {"before_taxes": 2}, "max_price": {"before_taxes": 1}},
    {"idle_fee": {}},
]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("values", BAD, ids=json.dumps)
def test_every_mistake_is_told_in_the_readers_language(values, language):
    with pytest.raises(UnableToParseTariff) as refused:
        parse_tariff(ocpi(**values))
    message = refused.value.message
    with translation.override("en"):
        assert in_words(message) == message
    with translation.override(language):
        said = in_words(message)
    path = message.partition(": ")[0]
    assert said.startswith(f"{path}: ")
    assert said != message
    # The numbers, words and names that were meant are all still there.
    meant = re.findall(
        r"[A-Z_]{3,}|\d+", message.replace("HH:MM", "").replace("YYYY", "")
    )
    kept = [word for word in meant if word not in {"RFC", "DD", "MM"}]
    assert [word for word in kept if word not in said] == []


def test_what_is_not_known_is_shown_as_it_came():
    assert in_words("no path at all") == "no path at all"
    assert in_words("price: is odd.") == "price: is odd."


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_names_of_all_examples_are_translated(language):
    day = datetime(2026, 3, 2, tzinfo=UTC)
    priced = tariff_previews.priced_examples(parse_tariff(ocpi()), "UTC", at=day)
    assert [each.name for each in priced] == list(EXAMPLES)
    with translation.override(language):
        assert all(translation.gettext(name) != name for name in EXAMPLES)


def test_reasons_are_those_of_the_service_and_in_three_languages(db):
    operator, at = accounts.operator(), timezone.now()
    tariffs.tariff(operator, code="ALL")
    tariffs.tariff(operator, code="CARDS", token_type="RFID")
    tariffs.tariff(operator, code="FLEET", token_group="fleet", charge_point="CP-9")
    tariffs.tariff(operator, code="LATER", starts_at=at + timedelta(days=1))
    tariffs.tariff(operator, code="GUESTS", type="AD_HOC_PAYMENT")
    ended = at - timedelta(days=1)
    tariffs.tariff(operator, code="PAST", ends_at=ended)
    tomorrow = f"{at + timedelta(days=1):%Y-%m-%dT%H:%M:%SZ}"
    tariffs.tariff(operator, code="SOON", end_date_time=tomorrow)
    here = Place(operator.pk, "CP-1", None, token_type="RFID")
    rules = tariff_choice.explain(here, at=at).candidates
    rules += tariff_choice.explain(here, at=at + timedelta(days=2)).candidates
    with translation.override("en"):
        assert [why(rule) for rule in rules] == [rule.reason for rule in rules]
    for language in LANGUAGES:
        with translation.override(language):
            said = [why(rule) for rule in rules]
        assert all(a != b.reason for a, b in zip(said, rules, strict=True))
        assert not any(" since " in text or "applies" in text for text in said)


@pytest.mark.parametrize(
    ("language", "reason", "example"),
    [
        ("de", "gilt: zugewiesen seit", "30 Min. reserviert, niemand kam"),
        ("zh-hans", "起分配给", "无人到来"),
    ],
)
def test_the_pages_say_it_so(world, sold, finance, language, reason, example):
    known = {"energy_wh": 20000, "charging_min": 60, "parking_min": 0}
    spoken = {"HTTP_ACCEPT_LANGUAGE": language}
    page = finance.get(
        reverse("admin:billing_tariffassignment_preview"),
        {"connector": f"{world.station.identity}/1/1", **known},
        **spoken,
    )
    assert reason in page.content.decode()
    page = finance.get(reverse("admin:billing_tariff_change", args=[sold.pk]), **spoken)
    assert example in page.content.decode()


@pytest.mark.parametrize(
    ("stated", "values", "words"),
    [
        ("2030-01-01T00:00", {"start_date_time": "2030-02-01T00:00:00Z"}, "2030-02-01"),
        ("", {"end_date_time": "2020-01-01T00:00:00Z"}, "nothing would ever be sold"),
    ],
)
def test_a_contradictory_period_is_told_on_the_form(
    world, finance, stated, values, words
):
    form = {
        "operator": world.operator.pk,
        "name": "",
        "applies_from": stated,
        "ocpi": json.dumps(ocpi(code="ODD", **values)),
    }
    for button in ("_preview", "_save"):
        page = finance.post(reverse("admin:billing_tariff_add"), form | {button: "1"})
        assert page.status_code == 200
        assert words in page.content.decode()
    assert not TariffVersion.objects.filter(tariff__code="ODD").exists()
