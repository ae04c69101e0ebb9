import pytest

from simulators.charge_point.dialect import object_of


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ('{"code":"C"}', {"code": "C"}),
        ({"code": "C"}, {"code": "C"}),
        ("no json", None),
        ("[1]", None),
        (None, None),
    ],
)
def test_transferred_data_is_an_object_in_either_form(data, expected):
    assert object_of(data) == expected
