"""Tariffs that bound themselves: not yet valid, expired, only for ad hoc payment."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, given, settings, strategies as st

from billing.models import TariffAssignment, TariffVersion
from billing.services import offers, tariff_choice, tariffs, terms
from billing.services.tariff_choice import Place, UnableToFindTariff
from billing.services.tariffs import UnableToSaveTariff
from charge_points.queries import connector_view
from tests.factories import accounts
from tests.factories.tariffs import ocpi, tariff

BEGIN = datetime(2026, 3, 1, 12, tzinfo=UTC)
END = datetime(2026, 3, 31, 22, tzinfo=UTC)
SECOND = timedelta(seconds=1)
SINCE_EVER = datetime(2026, 1, 1, tzinfo=UTC)


def text(instant):
    return f"{instant:%Y-%m-%dT%H:%M:%SZ}"


def place(operator, **values):
    return Place(operator_id=operator.pk, charge_point="CP-1", site_id=None, **values)


def sold(operator, at, **values):
    """The code of the tariff that is sold; what explains it must agree."""
    here = place(operator, **values)
    explained = tariff_choice.explain(here, at=at).applied
    try:
        found = tariff_choice.tariff_for(here, at=at)
    except UnableToFindTariff:
        assert explained is None
        return None
    assert explained == found
    return found.code


def saved(operator, *, at=SINCE_EVER, applies_from=None, **values):
    return tariffs.save_tariff(
        operator_id=operator.pk,
        ocpi=ocpi(**values),
        name="",
        by="test",
        at=at,
        applies_from=applies_from,
    )


def assigned(row, starts_at=SINCE_EVER):
    tariffs.assign(tariff=row, starts_at=starts_at, by="test")
    return row


@pytest.fixture
def operator(db):
    return accounts.operator()


@pytest.mark.parametrize(
    ("at", "code"),
    [
        (BEGIN - SECOND, "BASE"),
        (BEGIN, "SPRING"),
        (END - SECOND, "SPRING"),
        (END, "BASE"),
    ],
)
def test_a_tariff_is_sold_only_while_it_is_valid(operator, at, code):
    assigned(saved(operator, code="BASE"))
    assigned(
        saved(
            operator,
            code="SPRING",
            start_date_time=text(BEGIN),
            end_date_time=text(END),
        )
    )
    assert sold(operator, at) == code


def test_a_rule_says_that_its_tariff_is_not_yet_valid_or_expired(operator):
    assigned(saved(operator, start_date_time=text(BEGIN), end_date_time=text(END)))
    for at, words in (
        (BEGIN - SECOND, "its tariff is not yet valid, only from 2026-03-01 12:00Z"),
        (END, "its tariff expired 2026-03-31 22:00Z"),
    ):
        (rule,) = tariff_choice.explain(place(operator), at=at).candidates
        assert rule.reason == f"does not apply: {words}"
        with pytest.raises(UnableToFindTariff) as refused:
            tariff_choice.tariff_for(place(operator), at=at)
        assert f"(T1: {words})" in refused.value.message


def test_an_expired_version_does_not_bring_the_one_before_it_back(operator):
    row = assigned(saved(operator))
    saved(operator, at=BEGIN, end_date_time=text(END))
    assert sold(operator, END - SECOND) == row.code
    assert sold(operator, END) is None


def test_a_version_with_a_start_ahead_applies_from_then_on(operator):
    assigned(saved(operator))
    saved(operator, at=BEGIN, start_date_time=text(END))
    newest = TariffVersion.objects.get(number=2)
    assert newest.applies_from == END
    for at, version in ((END - SECOND, 1), (END, 2)):
        found = tariff_choice.tariff_for(place(operator), at=at)
        assert found.version == version


def test_a_start_that_is_past_does_not_antedate_a_version(operator):
    assigned(saved(operator))
    saved(operator, at=END, start_date_time=text(BEGIN))
    assert TariffVersion.objects.get(number=2).applies_from == END


@pytest.mark.parametrize(
    ("stated", "values", "path"),
    [
        ({"applies_from": BEGIN}, {"start_date_time": text(END)}, "start_date_time"),
        ({"applies_from": END}, {"end_date_time": text(END)}, "end_date_time"),
        ({"at": END}, {"end_date_time": text(BEGIN)}, "end_date_time"),
        (
            {},
            {"start_date_time": text(END), "end_date_time": text(BEGIN)},
            "end_date_time",
        ),
        ({}, {"preauthorize_amount": 0.004}, "preauthorize_amount"),
    ],
)
def test_a_version_that_could_never_be_sold_is_refused(operator, stated, values, path):
    with pytest.raises(UnableToSaveTariff) as refused:
        saved(operator, **stated, **values)
    assert refused.value.extra["path"] == path
    assert refused.value.message.startswith(f"{path}: ")
    assert not TariffVersion.objects.exists()


def test_the_same_begin_twice_is_no_contradiction(operator):
    saved(operator, applies_from=BEGIN, start_date_time=text(BEGIN))
    assert TariffVersion.objects.get().applies_from == BEGIN


def test_a_tariff_for_ad_hoc_payment_is_sold_to_guests_only(operator):
    assigned(saved(operator, code="BASE"))
    assigned(saved(operator, code="GUESTS", type="AD_HOC_PAYMENT"))
    assert sold(operator, BEGIN, token_type="AD_HOC_USER") == "GUESTS"
    for other in ("", "RFID", "APP_USER", "EMAID", "OTHER"):
        assert sold(operator, BEGIN, token_type=other) == "BASE"
    rules = tariff_choice.explain(place(operator), at=BEGIN).candidates
    assert "for ad hoc payment" in rules[1].reason


@given(
    bounds=st.lists(
        st.tuples(
            st.none() | st.integers(0, 8),
            st.none() | st.integers(9, 12),
            st.booleans(),
        ),
        min_size=1,
        max_size=4,
    ),
    hour=st.integers(0, 13),
    guest=st.booleans(),
)
@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_what_is_sold_is_the_newest_rule_whose_tariff_is_valid(
    operator, bounds, hour, guest
):
    TariffAssignment.objects.all().delete()
    at = BEGIN + timedelta(hours=hour)
    expected = None
    for start, end, ad_hoc in bounds:
        code = f"{start}-{end}-{ad_hoc}"
        values = {
            "start_date_time": start and text(BEGIN + timedelta(hours=start)),
            "end_date_time": end and text(BEGIN + timedelta(hours=end)),
            "type": "AD_HOC_PAYMENT" if ad_hoc else None,
        }
        stated = {name: value for name, value in values.items() if value}
        assigned(saved(operator, code=code, **stated))
        if (
            (not start or start <= hour)
            and (not end or hour < end)
            and (guest or not ad_hoc)
        ):
            expected = code
    kind = "AD_HOC_USER" if guest else "RFID"
    assert sold(operator, at, token_type=kind) == expected


# -- the hold that a tariff states -------------------------------------------------


def test_a_tariff_states_the_hold_of_guests(world):
    tariff(world.operator, code="HOLD", preauthorize_amount=12.5)
    view = connector_view(world.station.identity, 1, 1)
    now = timezone.now()
    guest = terms.terms_for(view, terms.Buyer(None), group="", at=now)
    assert (guest.applied.code, guest.hold_minor) == ("HOLD", 1250)
    account = terms.terms_for(view, terms.Buyer(world.driver), group="", at=now)
    assert account.hold_minor == world.operator.hold_default_minor
    less = terms.Buyer(None, max_amount_minor=900, max_currency="EUR")
    assert terms.terms_for(view, less, group="", at=now).hold_minor == 900


def test_the_operators_own_words_and_address_come_first(world):
    tariff(
        world.operator,
        code="OWN",
        tariff_alt_text=[{"language": "en", "text": "Half price."}],
        tariff_alt_url="https://prices.example/own",
    )
    view = connector_view(world.station.identity, 1, 1)
    shown = offers.offer(code=view.code, language="en", at=timezone.now())
    assert shown.price_words[:2] == ["Half price.", "https://prices.example/own"]
    german = offers.offer(code=view.code, language="de", at=timezone.now())
    assert german.price_words[0] == "https://prices.example/own"
