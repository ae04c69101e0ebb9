"""What the demo proves at its end: orders, ledger and provider must agree."""

import sys
from collections.abc import Iterable, Mapping
from typing import Any, Final

from simulators.rest import RestClient

Json = dict[str, Any]
FIELDS: Final = (
    "order",
    "ocpp",
    "started_by",
    "operator",
    "payee_account",
    "currency",
    "amount_minor",
    "captured_minor",
    "application_fee_minor",
    "split",
    "energy_wh",
    "state",
    "payment_state",
)


def order_row(client: RestClient, number: str, versions: Mapping[str, str]) -> Json:
    """One order as its operator's API tells it."""
    order = client.get(f"/api/v1/operator/orders/{number}")
    assert isinstance(order, dict)
    payment = order.get("payment") or {}
    return {
        "order": number,
        "ocpp": versions[order["charge_point"]],
        "started_by": order["started_by"],
        "operator": order["operator"],
        "payee_account": (order.get("payee") or {}).get("reference"),
        "currency": order["currency"],
        "amount_minor": order["amount_minor"],
        "captured_minor": payment.get("captured_minor", 0),
        "application_fee_minor": payment.get("application_fee_minor", 0),
        "split": order.get("split_lines", []),
        "energy_wh": order["energy_wh"],
        "state": order["state"],
        "payment_state": order["payment_state"],
    }


def faults(
    orders: Iterable[Json], accounts: Mapping[str, str], ledger: Json, books: Json
) -> list[str]:
    """Everything that is not as it must be, in words; empty when all is right.

    Args:
        orders: rows of ``order_row``.
        accounts: operator name -> its account at the provider.
        ledger: output of ``manage.py ledger_verify --json``.
        books: the provider's own books.
    """
    found = []
    captured: dict[str, int] = {}
    for row in orders:
        found += _order_faults(row, accounts)
        account = str(row["payee_account"])
        captured[account] = captured.get(account, 0) + row["captured_minor"]
    for account, amount in captured.items():
        theirs = _captured_at(books, account)
        if theirs != amount:
            found.append(
                f"account {account}: captured {amount} here, {theirs} at the provider"
            )
    if ledger.get("exit_code") != 0:
        found.append(f"ledger_verify: {ledger}")
    if not books.get("balanced") or books.get("transfers"):
        found.append("the provider's books are not balanced or hold a transfer")
    return found


def _order_faults(row: Json, accounts: Mapping[str, str]) -> list[str]:
    name, found = row["order"], []
    if row["state"] != "CLOSED":
        found.append(f"{name} is {row['state']}, not CLOSED")
    if row["payee_account"] != accounts.get(row["operator"]):
        found.append(f"{name} is paid to {row['payee_account']}, a wrong account")
    owed = row["payment_state"] == "RECEIVABLE"
    if not owed and row["captured_minor"] != row["amount_minor"]:
        found.append(
            f"{name}: {row['amount_minor']} to pay, {row['captured_minor']} captured"
        )
    shares = sum(line["amount_minor"] for line in row["split"])
    if not owed and shares != row["amount_minor"]:
        found.append(f"{name}: the split adds up to {shares}")
    if not row["energy_wh"]:
        found.append(f"{name} has no energy")
    return found


def _captured_at(books: Json, account: str) -> int:
    currencies = books["accounts"].get(account, {})
    return sum(int(sums["captured_minor"]) for sums in currencies.values())


HEAD: Final = (
    "order",
    "ocpp",
    "started by",
    "operator",
    "paid to",
    "kWh",
    "amount",
    "captured",
    "fee",
    "state",
)


def table(rows: list[Json]) -> str:
    """The orders as a text table."""
    lines = [HEAD, *(_cells(row) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        for line in lines
    )


def _cells(row: Json) -> tuple[str, ...]:
    def money(minor: int | None) -> str:
        return "-" if minor is None else f"{minor / 100:.2f} {row['currency']}"

    return (
        row["order"],
        row["ocpp"],
        row["started_by"],
        row["operator"],
        str(row["payee_account"]),
        f"{(row['energy_wh'] or 0) / 1000:.3f}",
        money(row["amount_minor"]),
        money(row["captured_minor"]),
        money(row["application_fee_minor"]),
        f"{row['state']}/{row['payment_state']}",
    )


def say(text: str = "") -> None:
    """Print a line for people."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
