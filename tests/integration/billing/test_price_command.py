"""``manage.py price`` with whole OCPI documents, as operators have them."""

import json
from decimal import Decimal
from pathlib import Path

import pytest

from tests.factories import tariffs
from tests.integration.billing.test_commands import SESSION, run_json
from tests.unit.billing.ocpi_221 import mistakes

VECTORS = Path(__file__).parents[4] / "shared" / "vectors"
CASES = VECTORS / "cases.json"
FOLDER = VECTORS / "ocpi-2.3.0"

published = pytest.mark.skipif(
    not CASES.exists(), reason="the published cases lie outside the repository"
)

CDR = {
    "country_code": "DE",
    "party_id": "TST",
    "id": "C-1",
    "start_date_time": "2026-05-04T10:00:00Z",
    "end_date_time": "2026-05-04T13:00:00Z",
    "cdr_token": {
        "country_code": "DE",
        "party_id": "TST",
        "uid": "012345678",
        "type": "RFID",
        "contract_id": "DE8TSTC12E46L89",
    },
    "auth_method": "WHITELIST",
    "cdr_location": {
        "id": "L1",
        "address": "Hauptstr. 1",
        "city": "Berlin",
        "country": "DEU",
        "coordinates": {"latitude": "52.52000", "longitude": "13.40500"},
        "evse_uid": "3256",
        "evse_id": "DE*TST*E1",
        "connector_id": "1",
        "connector_standard": "IEC_62196_T2",
        "connector_format": "SOCKET",
        "connector_power_type": "AC_3_PHASE",
    },
    "currency": "EUR",
    "charging_periods": [
        {
            "start_date_time": "2026-05-04T10:00:00Z",
            "dimensions": [
                {"type": "TIME", "volume": 2.0},
                {"type": "ENERGY", "volume": 12.345},
            ],
        },
        {
            "start_date_time": "2026-05-04T12:00:00Z",
            "dimensions": [{"type": "PARKING_TIME", "volume": 1.0}],
        },
    ],
    "total_cost": {"before_taxes": 999, "taxes": []},
    "total_reservation_cost": {"before_taxes": 1, "taxes": []},
    "total_energy": 1,
    "total_time": 1,
    "last_updated": "2026-05-04T14:00:00Z",
}
TARIFF = tariffs.ocpi(
    tariffs.component(price="0.25", vat=10),
    tariffs.component("PARKING_TIME", "3.00", vat=20),
    min_price={"before_taxes": 1, "after_taxes": 1.1},
)


@pytest.fixture
def written(tmp_path):
    def write(name, value):
        path = tmp_path / name
        path.write_text(json.dumps(value))
        return path

    return write


@published
@pytest.mark.parametrize(
    "case",
    json.loads(CASES.read_text()) if CASES.exists() else [],
    ids=lambda case: case["name"],
)
def test_every_published_case_is_priced_by_the_command(case, written):
    """A session file is the case without name, tariff and totals."""
    beside = {"name", "tariff", "before_taxes", "after_taxes"}
    session = {name: case[name] for name in case if name not in beside}
    code, found = run_json(
        *("price", "--tariff", FOLDER / case["tariff"]),
        *("--session", written("session.json", session)),
    )
    assert code == 0
    for name in ("before_taxes", "after_taxes"):
        if case[name] is not None:
            assert Decimal(found[name]) == Decimal(case[name])
        assert isinstance(found[name], str)
    sums = sum(Decimal(line["before_taxes"]) for line in found["lines"])
    assert sums == Decimal(found["before_taxes"])


def test_a_priced_cdr_is_one_of_the_older_version(written):
    assert mistakes(CDR)  # before: its prices are of 2.3.0
    code, found = run_json(
        *("price", "--tariff", written("t.json", TARIFF)),
        *("--cdr", written("c.json", CDR), "--ocpi", "2.2.1"),
    )
    assert code == 0
    assert mistakes(found["cdr"]) == []
    assert found["cdr"]["total_cost"] == {"excl_vat": 6.0863, "incl_vat": 6.9949}
    assert found["cdr"]["total_energy"] == 12.345
    assert found["cdr"]["total_time"] == 3
    assert "total_reservation_cost" not in found["cdr"]


@published
def test_the_published_cdr_is_priced_for_both_versions(written):
    path = FOLDER / "cdr_example.json"
    cdr = json.loads(path.read_text())
    tariff = written("t.json", cdr["tariffs"][0])
    zone = ("--time-zone", "Europe/Brussels")
    _, newer = run_json("price", "--tariff", tariff, "--cdr", path, *zone)
    for name in ("total_cost", "total_time_cost", "total_energy", "charging_periods"):
        assert newer["cdr"][name] == cdr[name]
    _, older = run_json(
        "price", "--tariff", tariff, "--cdr", path, *zone, "--ocpi", "2.2.1"
    )
    assert mistakes(older["cdr"]) == []
    assert older["cdr"]["total_cost"] == {"excl_vat": 4.0, "incl_vat": 4.4}


def test_a_tariff_with_taxes_is_not_written_as_the_older_version(written):
    code, found = run_json(
        *("price", "--tariff", written("t.json", TARIFF | {"tax_included": "YES"})),
        *("--cdr", written("c.json", CDR), "--ocpi", "2.2.1"),
    )
    assert (code, found["error"]) == (1, "tax_included")
    assert "2.3.0" in found["message"]


@pytest.mark.parametrize(
    ("bounds", "note"),
    [
        ({"start_date_time": "2019-06-24T06:00:00Z"}, None),
        (
            {"start_date_time": "2019-06-24T06:00:01Z"},
            "The tariff is valid only from 2019-06-24T06:00:01+00:00.",
        ),
        ({"end_date_time": "2019-06-24T06:00:01Z"}, None),
        (
            {"end_date_time": "2019-06-24T06:00:00Z"},
            "The tariff expired 2019-06-24T06:00:00+00:00.",
        ),
    ],
)
def test_a_tariff_that_was_not_valid_is_said(written, bounds, note):
    """The session begins at 06:00 UTC."""
    code, found = run_json(
        *("price", "--tariff", written("t.json", TARIFF | bounds)),
        *("--session", written("s.json", SESSION)),
    )
    assert code == 0
    assert found.get("notes") == ([note] if note else None)


@pytest.mark.parametrize(
    ("total", "noted"), [(12.345, False), (12.3459, False), (15, True), (None, False)]
)
def test_a_cdr_whose_periods_do_not_say_its_energy_is_said(written, total, noted):
    """Energy is priced by the periods; a total beside them would look forgotten."""
    code, found = run_json(
        *("price", "--tariff", written("t.json", TARIFF)),
        *("--cdr", written("c.json", CDR | {"total_energy": total})),
    )
    assert code == 0
    assert found["before_taxes"] == "6.086250000000"
    notes = found.get("notes", [])
    assert len(notes) == noted
    assert all("15 kWh" in note and "12.3450 kWh" in note for note in notes)
