"""What a kind of sample means is remembered, within limits."""

import pytest

from charge_points.ocpp import metering

ENERGY = "Energy.Active.Import.Register"


@pytest.fixture(autouse=True)
def _nothing_known(monkeypatch):
    monkeypatch.setattr(metering, "_plans", {})


def plan_of(context="Sample.Periodic", measurand=ENERGY):
    return metering.plan_of(measurand, context, "Outlet", None, "Wh", 0)


def test_the_same_kind_of_sample_is_understood_once():
    assert plan_of() is plan_of()


def test_the_memory_begins_anew_when_it_is_full(monkeypatch):
    monkeypatch.setattr(metering, "PLANS_MAX", 2)
    for context in ("Transaction.Begin", "Transaction.End", "Trigger"):
        plan_of(context)

    assert [key[1] for key in metering._plans] == ["Trigger"]


def test_words_without_end_are_understood_but_not_kept():
    """A station that invents contexts must not fill the memory of the process."""
    invented = "x" * metering.PLAN_LIMIT_CHARS

    assert plan_of(invented) == plan_of(invented)
    assert metering._plans == {}
