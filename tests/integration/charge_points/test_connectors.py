import pytest

from charge_points.apps import address_fits
from charge_points.models import Connector, Evse
from charge_points.services import connectors
from charge_points.services.connectors import UnableToFindConnector, find_or_add


def find(station, evse, connector):
    return find_or_add(
        operator_id=station.operator_id,
        charge_point_id=station.id,
        evse=evse,
        connector=connector,
    )


def test_a_listed_connector_is_found(station):
    assert find(station, 1, 1) == station.connector()
    assert find(station, 1, 0) == station.connector()


def test_one_that_nobody_listed_is_made(station):
    made = find(station, 2, 2)
    assert (made.evse_number, made.number) == (2, 2)
    assert find(station, 3, 0).number == 1
    assert Evse.objects.filter(charge_point_id=station.id).count() == 3


@pytest.mark.parametrize(("evse", "connector"), [(0, 1), (65, 1), (1, 9)])
def test_one_that_cannot_exist_is_refused(station, evse, connector):
    with pytest.raises(UnableToFindConnector) as caught:
        find(station, evse, connector)
    assert caught.value.code == "connector_out_of_range"


def test_a_label_code_that_is_taken_is_not_given_again(station, monkeypatch):
    taken = station.connector().code
    codes = iter([taken, taken, "FRESH234"])
    monkeypatch.setattr(connectors, "new_connector_code", lambda: next(codes))
    assert find(station, 5, 1).code == "FRESH234"


def test_making_one_twice_is_no_harm(station):
    for _ in range(2):
        connectors.add_connector(
            operator_id=station.operator_id,
            charge_point_id=station.id,
            evse=1,
            connector=1,
        )
    assert Connector.objects.filter(charge_point_id=station.id).count() == 2


def test_a_long_address_is_noticed_at_the_start(settings):
    assert address_fits() == []
    settings.PUBLIC_BASE_URL = "https://charging.a-very-long-name.example.org"
    (caution,) = address_fits()
    assert caution.id == "charge_points.W001"


def test_rows_say_what_they_are(station):
    row = station.connector()
    assert (str(row), str(row.evse), str(station.row)) == ("1.1", "EVSE 1", "CP-1")
