"""The priced cases of the OCPI specification, where they are at hand."""

import json
from decimal import Decimal
from pathlib import Path

import pytest

from billing.pricing import (
    describe,
    parse_tariff,
    rate,
    session_from_cdr,
    session_from_segments,
    to_ocpi,
)

VECTORS = Path(__file__).parents[5] / "shared" / "vectors"
CASES = VECTORS / "cases.json"

pytestmark = pytest.mark.skipif(
    not CASES.exists(), reason="the published cases lie outside the repository"
)


def _load(path):
    return json.loads(path.read_text(), parse_float=Decimal)


def _cases():
    return _load(CASES) if CASES.exists() else []


def _tariffs():
    return sorted((VECTORS / "ocpi-2.3.0").glob("tariff*.json"))


@pytest.mark.parametrize("case", _cases(), ids=lambda case: case["name"])
def test_a_published_case_comes_out_to_the_last_digit(case):
    tariff = parse_tariff(_load(VECTORS / "ocpi-2.3.0" / case["tariff"]))
    priced = rate(tariff, session_from_segments(case))
    for name in ("before_taxes", "after_taxes"):
        if case[name] is not None:
            assert getattr(priced, name) == Decimal(case[name])


@pytest.mark.parametrize("path", _tariffs(), ids=lambda path: path.stem)
def test_a_published_tariff_survives_the_way_out_and_back(path):
    tariff = parse_tariff(_load(path))
    assert parse_tariff(to_ocpi(tariff)) == tariff
    assert describe(tariff).endswith(".")


def test_the_published_cdr_costs_what_it_says():
    cdr = _load(VECTORS / "ocpi-2.3.0" / "cdr_example.json")
    session = session_from_cdr(cdr, "Europe/Brussels")
    priced = rate(parse_tariff(cdr["tariffs"][0]), session).to_ocpi()
    assert priced["total_cost"] == cdr["total_cost"]
    assert priced["total_time_cost"] == cdr["total_time_cost"]
