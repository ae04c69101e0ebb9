"""How rows call themselves in lists."""

from billing.models import (
    Cdr,
    Order,
    OrderMove,
    Receipt,
    ReceiptCounter,
    Tariff,
    TariffAssignment,
    UsedProof,
)


def test_rows_say_what_they_are():
    assert str(Order(number="A" * 20)) == "A" * 20
    assert str(OrderMove(from_state="RATED", to_state="CLOSED")) == "RATED → CLOSED"
    assert str(Cdr(order_id=3, sequence=2)) == "CDR 3/2"
    assert str(Receipt(number=7)) == "7"
    assert str(ReceiptCounter(operator_id=1, last=7)) == "1: 7"
    assert str(UsedProof(order_number="N")) == "proof for N"
    assert str(Tariff(code="T1")) == "T1"
    assert str(Tariff(code="T1", name="Night")) == "Night"
    for where, text in (
        ({"charge_point": "CP"}, "5 at CP"),
        ({"site_id": 3}, "5 at site 3"),
        ({}, "5 at all"),
    ):
        assert str(TariffAssignment(tariff_id=5, **where)) == text
