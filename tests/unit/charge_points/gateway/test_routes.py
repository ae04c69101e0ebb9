from datetime import UTC, datetime

import pytest
from django.db import IntegrityError, InterfaceError, OperationalError

from charge_points.handlers.dispatch import (
    execute,
    is_conflict,
    is_lost,
    refusal_for,
)
from charge_points.handlers.registry import Peer, Request, Route, routes_by_action
from cpms.kernel.errors import DomainError

PEER = Peer(7, "CP-7", 1, "2.0.1", 3, "Accepted", "c")


def request(payload):
    return Request(PEER, "Heartbeat", payload, "1", datetime(2026, 1, 1, tzinfo=UTC))


def error_of(kind, code):
    class Cause(Exception):
        pgcode = code

    error = kind("x")
    error.__cause__ = Cause()
    return error


def test_the_hash_of_a_payload_ignores_order_and_message_id():
    one, two = request({"a": 1, "b": [1, 2]}), request({"b": [1, 2], "a": 1})
    assert one.payload_hash == two.payload_hash
    assert len(one.payload_hash) == 64
    assert one.payload_hash != request({"a": 1, "b": [2, 1]}).payload_hash


def test_a_table_that_cannot_be_executed_is_refused():
    one = Route("1.6", "A", lambda _: [], "set", "Core")
    loop = Route("1.6", "A", lambda _: {}, "loop", "Core")
    with pytest.raises(ValueError, match="two routes"):
        routes_by_action([one, one])
    with pytest.raises(ValueError, match="on the event loop"):
        execute(loop, [])


@pytest.mark.parametrize(
    ("error", "lost", "conflict"),
    [
        (InterfaceError("x"), True, False),
        (OperationalError("x"), True, False),
        (error_of(OperationalError, "57P01"), True, False),
        (error_of(OperationalError, "53300"), True, False),
        (error_of(OperationalError, "08006"), True, False),
        (error_of(OperationalError, "57014"), False, False),
        (error_of(OperationalError, "40P01"), False, True),
        (error_of(OperationalError, "40001"), False, True),
        (error_of(OperationalError, "55P03"), False, True),
        (error_of(IntegrityError, "23505"), False, False),
        (ValueError("x"), False, False),
    ],
)
def test_errors_are_told_apart_by_whose_fault_they_are(error, lost, conflict):
    assert is_lost(error) is lost
    assert is_conflict(error) is conflict


def test_a_refusal_of_the_domain_is_told_and_a_fault_of_ours_is_not():
    told = refusal_for(request({}), DomainError("no", "Not here."))
    assert (told.code, told.description) == ("GenericError", "Not here.")
    hidden = refusal_for(request({}), RuntimeError("secret detail"))
    assert hidden.code == "InternalError"
    assert "secret" not in hidden.description
