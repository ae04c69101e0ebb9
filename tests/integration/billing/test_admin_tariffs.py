"""Writing tariffs with a preview, saying where they apply, and who may."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from billing.models import DriverGroup, DriverGroupMember, Tariff, TariffAssignment
from cpms.accounts.models import AuditEntry
from tests.factories import accounts, tariffs
from tests.integration.billing.test_admin_story import at, get, serving, staff

MAY = {"owner", "finance"}
ROLES = ("owner", "finance", "technician", "viewer")


@pytest.fixture(params=ROLES)
def role(request):
    return request.param


@pytest.fixture
def finance(client, world):
    client.force_login(staff(world.operator, "finance"))
    return client


@pytest.fixture
def member(client, world, role):
    client.force_login(staff(world.operator, role))
    return client


def post(client, url, **form):
    with serving():
        return client.post(url, form)


def text(answer):
    return answer.content.decode().replace("\N{NO-BREAK SPACE}", " ")


def written(price="0.50", **values):
    return json.dumps(
        tariffs.ocpi(tariffs.component(price=price), code="NEW", **values)
    )


# -- the editor --------------------------------------------------------------------


def test_a_preview_shows_words_and_examples_and_saves_nothing(finance, world):
    form = {"operator": world.operator.pk, "name": "New", "ocpi": written()}
    page = text(post(finance, at("tariff_add"), **form, _preview="1"))
    assert "Energy: 0.595 EUR per kWh." in page
    assert "Energie: 0,595 EUR pro kWh." in page
    assert "电量：0.595 EUR / kWh。" in page  # noqa: RUF001 - Chinese
    assert "20 kWh in 1 h, 14:00" in page
    assert "11.90" in page
    assert not Tariff.objects.filter(code="NEW").exists()


def test_a_version_is_compared_with_the_newest_one_before_it_is_saved(finance, world):
    row = tariffs.tariff(world.operator, code="NEW")
    page = text(
        post(finance, at("tariff_change", row.pk), ocpi=written("0.60"), _preview="1")
    )
    assert "11.90" in page
    assert "<b>14.28 EUR</b>" in page
    assert row.versions.count() == 1


def test_saving_makes_a_version_that_applies_later(finance, world):
    row = tariffs.tariff(world.operator, code="NEW")
    answer = post(
        finance,
        at("tariff_change", row.pk),
        ocpi=written("0.60"),
        name="Renamed",
        applies_from="2030-01-01T06:00",
    )
    assert answer.status_code == 302
    version = row.versions.get(number=2)
    assert version.applies_from == datetime(2030, 1, 1, 6, tzinfo=UTC)
    assert version.saved_by.startswith("finance")
    row.refresh_from_db()
    assert row.name == "Renamed"
    page = text(get(finance, at("tariff_change", row.pk)))
    assert "2030-01-01" in page


def test_a_new_version_leaves_a_running_order_alone(finance, world):
    row = tariffs.tariff(world.operator, code="NEW")
    order, charge = world.charging()
    post(finance, at("tariff_change", row.pk), ocpi=written("9.99"))
    world.finish(charge)
    order.refresh_from_db()
    assert (order.tariff["id"], order.amount_minor) == ("NEW", 595)


@pytest.mark.parametrize(
    ("ocpi", "told"),
    [
        ("{", "Line 1, column 2"),
        ("[]", "must be a JSON object"),
        ("[" * 60_000, "Too deeply nested"),
        (" " * 70_000, "More than 65536 bytes"),
        (written(elements=[]), "elements: has 0 entries"),
        (written("-1"), "elements[0].price_components[0].price: is -1"),
        (written(currency="euro"), "currency: is &#x27;euro&#x27;"),
        (written().replace("NEW", "OTHER"), "id: is “OTHER”"),
    ],
)
def test_a_mistake_is_told_with_its_place_and_nothing_is_saved(
    finance, world, ocpi, told
):
    row = tariffs.tariff(world.operator, code="NEW")
    answer = post(finance, at("tariff_change", row.pk), ocpi=ocpi)
    assert answer.status_code == 200
    assert told in text(answer)
    assert row.versions.count() == 1


def test_a_new_tariff_needs_an_id_of_its_own(finance, world):
    tariffs.tariff(world.operator, code="NEW")
    form = {"operator": world.operator.pk, "ocpi": written()}
    answer = post(finance, at("tariff_add"), **form)
    assert "has a tariff “NEW” already" in text(answer)
    assert Tariff.objects.filter(code="NEW").count() == 1


def test_the_example_of_a_new_tariff_works(finance, world):
    page = get(finance, at("tariff_add"))
    example = page.context["form"].initial["ocpi"]
    form = {"operator": world.operator.pk, "ocpi": example}
    assert post(finance, at("tariff_add"), **form).status_code == 302


def test_a_tariff_that_cannot_be_read_can_still_be_mended(finance, world):
    row = tariffs.tariff(world.operator, code="NEW")
    Tariff.objects.filter(pk=row.pk).update(ocpi={"id": "NEW"})
    assert get(finance, at("tariff_change", row.pk)).status_code == 200
    assert get(finance, at("tariff_changelist")).status_code == 200
    shown = post(finance, at("tariff_change", row.pk), ocpi=written(), _preview="1")
    assert "Preview" in text(shown)
    assert post(finance, at("tariff_change", row.pk), ocpi=written()).status_code == 302


def test_who_may_write_tariffs(member, world, role):
    row = tariffs.tariff(world.operator, code="NEW")
    page = get(member, at("tariff_change", row.pk))
    assert page.status_code == 200
    assert ("<textarea" in text(page)) == (role in MAY)
    for url in (at("tariff_change", row.pk), at("tariff_add")):
        form = {"ocpi": written("0.60"), "operator": world.operator.pk}
        refused = post(member, url, **form).status_code == 403
        assert refused == (role not in MAY)
    assert row.versions.count() == (2 if role in MAY else 1)


def test_another_operators_tariffs_are_out_of_sight(member):
    other = accounts.operator()
    row = tariffs.tariff(other, code="NEW")
    assert get(member, at("tariff_change", row.pk)).status_code == 302
    post(member, at("tariff_change", row.pk), ocpi=written("0.60"))
    post(member, at("tariff_add"), ocpi=written("0.60"), operator=other.pk)
    assert row.versions.count() == 1
    assert Tariff.objects.filter(operator=other).count() == 1


# -- where they apply --------------------------------------------------------------


def assignment(row, **values):
    begin = timezone.now() - timedelta(hours=1)
    return {
        "tariff": row.pk,
        "starts_at_0": f"{begin:%Y-%m-%d}",
        "starts_at_1": f"{begin:%H:%M:%S}",
        **values,
    }


def test_who_may_say_where_a_tariff_applies(member, world, role):
    row = Tariff.objects.first() or tariffs.tariff(world.operator)
    before = TariffAssignment.objects.count()
    form = assignment(row, token_type="RFID", token_group="fleet")
    answer = post(member, at("tariffassignment_add"), **form)
    assert answer.status_code == (302 if role in MAY else 403)
    assert TariffAssignment.objects.count() - before == (role in MAY)
    if role in MAY:
        made = TariffAssignment.objects.order_by("-pk")[0]
        assert (made.token_type, made.token_group) == ("RFID", "fleet")
        changes = AuditEntry.objects.filter(action="tariff.assigned").latest("pk")
        assert changes.changes["token_type"] == "RFID"


def test_another_operators_assignments_are_out_of_sight(member, role):
    other = accounts.operator()
    foreign = tariffs.tariff(other, code="FOREIGN")
    row = TariffAssignment.objects.get(tariff=foreign)
    page = text(get(member, at("tariffassignment_changelist")))
    assert "FOREIGN" not in page
    assert get(member, at("tariffassignment_change", row.pk)).status_code == 302
    answer = post(member, at("tariffassignment_add"), **assignment(foreign))
    assert answer.status_code == (200 if role in MAY else 403)
    assert TariffAssignment.objects.filter(operator=other).count() == 1


def test_another_operators_group_cannot_be_chosen(finance, world):
    group = DriverGroup.objects.create(
        operator=accounts.operator(), code="theirs", created_at=timezone.now()
    )
    row = tariffs.tariff(world.operator)
    count = TariffAssignment.objects.count()
    form = assignment(row, driver_group=group.pk)
    assert post(finance, at("tariffassignment_add"), **form).status_code == 200
    assert TariffAssignment.objects.count() == count


def question(world, **values):
    return {
        "connector": f"{world.station.identity}/1/1",
        "energy_wh": 10_000,
        "charging_min": 60,
        "parking_min": 0,
        **values,
    }


def test_every_member_sees_which_tariff_applies_and_why(member, world):
    tariffs.tariff(world.operator, tariffs.component(price="0.40"), code="BASE")
    tariffs.tariff(world.operator, code="CARDS", token_type="RFID")
    url = at("tariffassignment_preview")
    page = text(get(member, url, **question(world)))
    assert "does not apply: token type is not known, not RFID" in page
    assert "4.76 EUR" in page
    page = text(get(member, url, **question(world, token_type="RFID")))
    assert "applies: assigned to token type RFID" in page
    assert "5.95 EUR" in page
    assert url in text(get(member, at("tariffassignment_changelist")))


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"connector": "nowhere/1/1"}, "You have no such connector."),
        ({"connector": "CP/x"}, "You have no such connector."),
        ({"connector": "ZZZZZZ"}, "You have no such connector."),
        ({"driver_group": "nobody"}, "There is no driver group"),
        ({"energy_wh": -1}, "greater than or equal to 0"),
    ],
)
def test_a_question_that_makes_no_sense_says_so(finance, world, values, told):
    page = get(finance, at("tariffassignment_preview"), **question(world, **values))
    assert told in text(page)


def test_another_operators_connector_is_not_priced(client, world):
    client.force_login(staff(accounts.operator(), "owner"))
    page = get(client, at("tariffassignment_preview"), **question(world))
    assert "You have no such connector." in text(page)


def test_without_a_tariff_the_page_says_so(finance, world):
    TariffAssignment.objects.all().delete()
    page = get(finance, at("tariffassignment_preview"), **question(world))
    assert "No tariff applies" in text(page)


# -- driver groups -----------------------------------------------------------------


def test_who_may_make_groups_and_fill_them(member, world, role):
    allowed = role in MAY
    made = post(
        member, at("drivergroup_add"), operator=world.operator.pk, code="staff", name=""
    )
    assert made.status_code == (302 if allowed else 403)
    group = DriverGroup.objects.filter(code="staff").first()
    assert (group is not None) == allowed
    group = group or DriverGroup.objects.create(
        operator=world.operator, code="staff", created_at=timezone.now()
    )
    form = {"group": group.pk, "email": world.driver.email}
    added = post(member, at("drivergroupmember_add"), **form)
    assert added.status_code == (302 if allowed else 403)
    assert DriverGroupMember.objects.count() == allowed
    if allowed:
        row = DriverGroupMember.objects.get()
        assert row.driver_id == world.driver.pk
        page = text(get(member, at("drivergroupmember_changelist")))
        assert world.driver.email in page
        post(member, at("drivergroupmember_delete", row.pk), post="yes")
        assert not DriverGroupMember.objects.exists()
        actions = AuditEntry.objects.filter(action__startswith="driver_group.")
        assert actions.count() == 2


def test_an_address_without_an_account_is_told_in_the_form(finance, world):
    group = DriverGroup.objects.create(
        operator=world.operator, code="staff", created_at=timezone.now()
    )
    answer = post(
        finance, at("drivergroupmember_add"), group=group.pk, email="no@example.org"
    )
    assert "No driver&#x27;s account has the address" in text(answer)


def test_another_operators_group_is_out_of_reach(finance, world):
    group = DriverGroup.objects.create(
        operator=accounts.operator(), code="theirs", created_at=timezone.now()
    )
    form = {"group": group.pk, "email": world.driver.email}
    assert post(finance, at("drivergroupmember_add"), **form).status_code == 200
    assert not DriverGroupMember.objects.exists()
    assert "theirs" not in text(get(finance, at("drivergroup_changelist")))
