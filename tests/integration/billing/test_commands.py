"""Commands of billing: what they print, what they refuse, how they end."""

import io
import json
from decimal import Decimal
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from billing.models import Tariff, TariffAssignment
from billing.services.tariffs import TARIFF_BYTES_MAX
from charge_points.models import ChargePoint, IdToken
from cpms.accounts.models import AuditEntry, Membership, Operator, User
from settlement.models import PayeeAccount, SplitParty
from settlement.providers.registry import get_provider
from tests.factories import accounts, network, tariffs

SESSION = {
    "start_local": "2019-06-24T08:00:00",
    "time_zone": "Europe/Amsterdam",
    "segments": [
        {"state": "charging", "minutes": 120, "energy_kwh": "20"},
        {"state": "parking", "minutes": 40, "energy_kwh": "0"},
    ],
}
CDR = {
    "id": "C1",
    "start_date_time": "2026-05-04T10:00:00Z",
    "end_date_time": "2026-05-04T12:00:00Z",
    "cdr_location": {"id": "L1"},
    "currency": "EUR",
    "charging_periods": [
        {
            "start_date_time": "2026-05-04T10:00:00Z",
            "dimensions": [
                {"type": "TIME", "volume": 2.0},
                {"type": "ENERGY", "volume": 12.345},
            ],
        }
    ],
    "total_cost": {"before_taxes": 999},
}


def run(*arguments):
    """Exit code and what was printed."""
    out, err = io.StringIO(), io.StringIO()
    try:
        call_command(*map(str, arguments), stdout=out, stderr=err)
    except SystemExit as ended:
        return ended.code, out.getvalue() + err.getvalue()
    return 0, out.getvalue()


def run_json(*arguments):
    code, text = run(*arguments, "--json")
    return code, json.loads(text)


@pytest.fixture
def written(tmp_path):
    def write(value, name="file.json") -> Path:
        path = tmp_path / name
        path.write_text(value if isinstance(value, str) else json.dumps(value))
        return path

    return write


# -- price -----------------------------------------------------------------------


@pytest.fixture
def tariff_file(written):
    content = tariffs.ocpi(
        tariffs.component(price="0.25", vat=10),
        tariffs.component("PARKING_TIME", "3.00", vat=20),
    )
    return written(content, "tariff.json")


def test_a_session_is_priced_line_by_line(tariff_file, written):
    code, found = run_json(
        "price", "--tariff", tariff_file, "--session", written(SESSION)
    )
    assert code == 0
    assert Decimal(found["before_taxes"]) == 7
    assert Decimal(found["after_taxes"]) == Decimal("7.90")
    assert (found["currency"], found["total_minor"]) == ("EUR", 790)
    assert [line["dimension"] for line in found["lines"]] == ["ENERGY", "PARKING_TIME"]
    assert found["rounding_policy"] == "half-up-per-tax-rate-1"
    assert "cdr" not in found


def test_a_cdr_is_priced_and_given_back(tariff_file, written):
    code, found = run_json("price", "--tariff", tariff_file, "--cdr", written(CDR))
    assert code == 0
    assert found["total_minor"] == 339
    cdr = found["cdr"]
    assert cdr["total_cost"] == {
        "before_taxes": 3.0863,
        "taxes": [{"name": "VAT", "amount": 0.3086}],
    }
    assert cdr["total_energy"] == 12.345
    assert cdr["id"] == "C1"
    assert cdr["charging_periods"] == CDR["charging_periods"]
    assert cdr["tariffs"][0]["id"] == "T1"


def test_the_older_version_of_a_cdr_is_written_too(tariff_file, written):
    _, found = run_json(
        "price", "--tariff", tariff_file, "--cdr", written(CDR), "--ocpi", "2.2.1"
    )
    assert found["cdr"]["total_cost"] == {"excl_vat": 3.0863, "incl_vat": 3.3949}


@pytest.mark.parametrize(
    ("told", "argument", "total"),
    [
        (None, [], 617),
        ("Europe/Berlin", [], 0),
        (None, ["--time-zone", "Asia/Tokyo"], 0),
    ],
)
def test_a_cdr_is_priced_in_the_time_of_its_location(written, told, argument, total):
    """Charged from 10 to 12 UTC by a tariff for 10 to 12 local."""
    content = tariffs.ocpi(tariffs.component(vat=None))
    content["elements"][0]["restrictions"] = {
        "start_time": "10:00",
        "end_time": "12:00",
    }
    place = {"id": "L1"} if told is None else {"id": "L1", "time_zone": told}
    cdr = {**CDR, "cdr_location": place}
    _, found = run_json(
        *("price", "--tariff", written(content, "t.json")),
        *("--cdr", written(cdr), *argument),
    )
    assert found["total_minor"] == total


def test_a_person_reads_the_price_in_words(tariff_file, written):
    code, text = run("price", "--tariff", tariff_file, "--session", written(SESSION))
    assert code == 0
    assert "1. ENERGY: 20.0000 x 0.2500 = 5.0000, 10 % tax: 5.5000" in text
    assert "to be paid: 7.90 EUR" in text


def test_a_price_without_tax_says_so(written):
    path = written(tariffs.ocpi(tariffs.component(vat=None)), "t.json")
    _, text = run("price", "--tariff", path, "--session", written(SESSION))
    assert "no tax" in text


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "Expecting"),
        ("[]", "not a JSON object"),
        ("[" * 100_000, "recursion"),
        ('{"x": "' + "y" * 5_000_000 + '"}', ""),
    ],
)
def test_an_unreadable_file_is_refused(tariff_file, written, content, said):
    code, found = run_json(
        "price", "--tariff", tariff_file, "--session", written(content, "s.json")
    )
    assert (code, found["error"]) == (1, "file_unreadable")
    assert "s.json" in found["message"]
    assert said in found["message"]


def test_a_large_file_is_refused(tariff_file, written):
    path = written(json.dumps(SESSION) + " " * 5_000_001, "s.json")
    code, found = run_json("price", "--tariff", tariff_file, "--session", path)
    assert (code, found["error"]) == (1, "file_unreadable")


def test_a_missing_file_is_refused(tariff_file, tmp_path):
    code, text = run(
        "price", "--tariff", tariff_file, "--session", tmp_path / "nowhere.json"
    )
    assert code == 1
    assert "Refused (file_unreadable)" in text


def test_a_bad_field_is_named(tariff_file, written):
    bad = {**SESSION, "segments": [{"state": "flying", "minutes": 1}]}
    code, found = run_json(
        "price", "--tariff", tariff_file, "--session", written(bad, "s.json")
    )
    assert code == 1
    assert "segments[0].state" in found["message"]


@pytest.mark.parametrize(
    ("fault", "error", "said"),
    [
        ({"tariff": {"currency": "EURO"}}, "tariff_invalid", "currency: is 'EURO'"),
        ({"tariff": {"elements": None}}, "tariff_invalid", "elements: is missing"),
        (
            {"tariff": {"idle_fee": {"cap_seconds": 0}}},
            "tariff_invalid",
            "idle_fee.cap_seconds",
        ),
        ({"session": {"time_zone": "Mars/Base"}}, "session_invalid", "'Mars/Base'"),
        ({"session": {"start_local": "soon"}}, "session_invalid", "start_local"),
        (
            {"session": {"segments": [{"state": "charging", "minutes": -1}]}},
            "session_invalid",
            "segments[0].minutes",
        ),
        ({"cdr": {"end_date_time": None}}, "session_invalid", "end_date_time"),
        ({"cdr": {"charging_periods": []}}, "session_invalid", "charging_periods"),
    ],
)
def test_bad_input_is_refused_with_its_field(tariff_file, written, fault, error, said):
    tariff = json.loads(Path(tariff_file).read_text()) | fault.get("tariff", {})
    what = ["--session", written(SESSION | fault.get("session", {}), "s.json")]
    if "cdr" in fault:
        what = ["--cdr", written(CDR | fault["cdr"], "c.json")]
    code, found = run_json("price", "--tariff", written(tariff, "t.json"), *what)
    assert (code, found["error"]) == (1, error)
    assert said in found["message"]


def test_one_of_session_and_cdr_is_needed(tariff_file, written):
    with pytest.raises(CommandError, match="one of the arguments"):
        call_command("price", "--tariff", str(tariff_file))
    path = str(written(SESSION))
    with pytest.raises(CommandError, match="not allowed with"):
        call_command(
            "price", "--tariff", str(tariff_file), "--session", path, "--cdr", path
        )


# -- create_tariff -----------------------------------------------------------------


def create_tariff(path, *arguments, operator="one"):
    return run_json("create_tariff", "--operator", operator, "--file", path, *arguments)


@pytest.fixture
def one(db):
    return accounts.operator("one")


def test_a_tariff_is_saved_and_applies_everywhere(one, written):
    code, found = create_tariff(written(tariffs.ocpi()), "--name", "Standard")
    assert code == 0
    saved = Tariff.objects.get()
    assert found == {
        "id": saved.pk,
        "code": "T1",
        "assignment": TariffAssignment.objects.get().pk,
    }
    assert (saved.name, saved.currency, saved.operator) == ("Standard", "EUR", one)
    assert saved.ocpi == tariffs.ocpi()
    assert AuditEntry.objects.filter(action="tariff.saved").exists()


def test_a_tariff_can_apply_to_one_station(one, written):
    station = network.station(one)
    code, _ = create_tariff(written(tariffs.ocpi()), "--charge-point", station.identity)
    assert code == 0
    assert TariffAssignment.objects.get().charge_point == station.identity


@pytest.mark.parametrize(
    ("content", "arguments", "error", "said"),
    [
        ({}, [], "tariff_invalid", "id: is missing"),
        ("nonsense", [], "tariff_unreadable", "file.json"),
        ("[]", [], "tariff_unreadable", "not a JSON object"),
        (tariffs.ocpi(), ["--charge-point", "NOPE"], "unknown_charge_point", "NOPE"),
        (
            json.dumps(tariffs.ocpi()) + " " * TARIFF_BYTES_MAX,
            [],
            "tariff_unreadable",
            "more than",
        ),
    ],
)
def test_a_bad_tariff_is_refused(one, written, content, arguments, error, said):
    code, found = create_tariff(written(content), *arguments)
    assert (code, found["error"]) == (1, error)
    assert said in found["message"]


def test_a_tariff_needs_an_operator(one, written):
    code, found = create_tariff(written(tariffs.ocpi()), operator="nobody")
    assert (code, found["error"]) == (1, "unknown_operator")


# -- seed_demo ---------------------------------------------------------------------


def test_the_example_network_is_complete(db):
    code, found = run_json("seed_demo")
    assert code == 0
    assert [o["code"] for o in found["operators"]] == ["north", "south"]
    assert Operator.objects.count() == 2
    versions = [
        (point["identity"], point["version"])
        for operator in found["operators"]
        for point in operator["charge_points"]
    ]
    assert {version for _, version in versions} == {"1.6", "2.0.1"}
    assert ChargePoint.objects.count() == len(versions)
    assert TariffAssignment.objects.count() == 2
    assert SplitParty.objects.filter(role="platform").count() == 2
    assert IdToken.objects.count() == 2
    assert Membership.objects.filter(role="owner").count() == 2
    assert PayeeAccount.objects.count() == 0
    admin = User.objects.get(email=found["admin"]["email"])
    assert admin.is_superuser
    assert admin.check_password(found["admin"]["password"])


def test_the_example_network_has_payee_accounts(db, psp):
    reference = get_provider("stripe").create_account(
        country="DE", currency="EUR", email="a@b.org", idempotency_key="seed-1"
    )
    code, found = run_json("seed_demo", f"--payee=north={reference}")
    assert code == 0
    assert found["operators"][0]["account"] == reference
    assert PayeeAccount.objects.get().operator.code == "north"


@pytest.mark.parametrize("payee", ["north", "north=", "nobody=acct_1"])
def test_a_wrong_payee_of_the_example_network_is_refused(db, payee):
    code, found = run_json("seed_demo", f"--payee={payee}")
    assert (code, found["error"]) == (1, "payee_invalid")
    assert not Operator.objects.exists()


def test_the_example_network_is_made_once(db):
    assert run("seed_demo")[0] == 0
    code, found = run_json("seed_demo")
    assert (code, found["error"]) == (1, "seeded_already")
    assert Operator.objects.count() == 2
