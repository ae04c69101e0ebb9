"""Lists of the console as files."""

import csv
import io
from datetime import timedelta
from decimal import Decimal

import pytest
from django.urls import reverse
from django.utils import timezone
from openpyxl import load_workbook

from billing.models import Order
from charge_points.models import Transaction
from cpms.accounts import exports
from cpms.accounts.models import AuditEntry
from cpms.kernel.spreadsheets import cell_text
from tests.factories import accounts
from tests.integration.charge_points.admin_world import gateway, make_staff

LISTS = (
    "billing_order",
    "billing_receipt",
    "settlement_payment",
    "settlement_ledgerentry",
    "charge_points_transaction",
)


def make_order(number, operator_id, **values):
    at = timezone.now() - timedelta(minutes=number)
    with gateway():
        return Order.objects.create(
            operator_id=operator_id,
            number=f"{number:020X}",
            state="CLOSED",
            started_by="guest",
            charge_point=values.pop("charge_point", "CP-1"),
            evse=1,
            connector=1,
            currency="EUR",
            time_zone="Europe/Berlin",
            hold_minor=5000,
            tariff={},
            tariff_hash="hash",
            energy_wh=1000 * number,
            amount_minor=45 * number,
            created_at=at,
            moved_at=at,
        )


@pytest.fixture
def web(client, operator, as_role):
    client.force_login(make_staff("finance@example.org", operator.pk, "finance"))
    with as_role("app"):
        yield client


def export(web, model, form, rows):
    return web.post(
        reverse(f"admin:{model}_changelist"),
        {"action": f"export_{form}", "_selected_action": [row.pk for row in rows]},
    )


def text_of(answer):
    return b"".join(answer.streaming_content).decode("utf-8-sig")


def test_orders_are_streamed_as_csv_with_amounts_and_times(web, operator):
    orders = [make_order(number, operator.pk) for number in (1, 2, 3)]
    answer = export(web, "billing_order", "csv", orders)
    assert answer.streaming
    assert answer["Content-Disposition"].startswith('attachment; filename="order-')
    rows = list(csv.DictReader(io.StringIO(text_of(answer))))
    assert [row["number"] for row in rows] == [row.number for row in orders[::-1]]
    assert rows[0]["amount"] == "1.35"
    assert rows[0]["currency"] == "EUR"
    assert rows[0]["energy_wh"] == "3000"
    assert rows[0]["created_at"].endswith("+00:00")
    assert "contact_email" not in rows[0]


def test_a_workbook_holds_numbers_as_numbers(web, operator):
    orders = [make_order(number, operator.pk) for number in (1, 2)]
    answer = export(web, "billing_order", "xlsx", orders)
    book = load_workbook(io.BytesIO(b"".join(answer.streaming_content)))
    heading, first, _second = book.active.iter_rows(values_only=True)
    row = dict(zip(heading, first, strict=True))
    assert row["number"] == orders[1].number
    assert Decimal(str(row["amount"])) == Decimal("0.9")
    assert row["energy_wh"] == 2000


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_no_text_becomes_a_formula(web, operator, form):
    order = make_order(1, operator.pk, charge_point='=HYPERLINK("http://x")')
    answer = export(web, "billing_order", form, [order])
    if form == "csv":
        row = next(csv.DictReader(io.StringIO(text_of(answer))))
        assert row["charge_point"].startswith("'=")
        return
    book = load_workbook(io.BytesIO(b"".join(answer.streaming_content)))
    cells = [cell for line in book.active.iter_rows() for cell in line]
    assert not [cell for cell in cells if cell.data_type == "f"]


def test_too_many_rows_are_refused_with_a_way_out(web, operator, monkeypatch):
    monkeypatch.setitem(exports.ROWS_MAX, "csv", 2)
    orders = [make_order(number, operator.pk) for number in (1, 2, 3)]
    answer = export(web, "billing_order", "csv", orders)
    assert answer.status_code == 302
    shown = web.get(answer["Location"]).content.decode()
    assert "more than 2 rows" in shown


def test_everything_chosen_over_all_pages_is_read_in_portions(
    web, operator, monkeypatch
):
    monkeypatch.setattr(exports, "PORTION_ROWS", 2)
    orders = [make_order(number, operator.pk) for number in range(1, 6)]
    answer = web.post(
        reverse("admin:billing_order_changelist"),
        {
            "action": "export_csv",
            "select_across": "1",
            "_selected_action": [orders[0].pk],
        },
    )
    rows = list(csv.DictReader(io.StringIO(text_of(answer))))
    assert [row["number"] for row in rows] == [row.number for row in orders[::-1]]


def test_nobody_exports_another_operators_rows(web, operator):
    with gateway():
        other = accounts.operator("elsewhere")
    order = make_order(7, other.pk)
    answer = export(web, "billing_order", "csv", [order])
    text = text_of(answer) if answer.streaming else ""
    assert order.number not in text


def test_exports_are_audited(web, operator):
    export(web, "billing_order", "csv", [make_order(1, operator.pk)])
    with gateway():
        row = AuditEntry.objects.get(action="order.exported")
    assert (row.operator_id, row.actor) == (operator.pk, "finance@example.org")
    assert row.changes == {"format": "csv", "rows": 1}


@pytest.mark.parametrize("model", LISTS)
def test_every_list_of_money_offers_both_formats(web, operator, model):
    make_order(1, operator.pk)
    page = reverse(f"admin:{model}_changelist")
    answer = web.post(
        page, {"action": "export_csv", "select_across": "1", "_selected_action": ["0"]}
    )
    heading = text_of(answer).splitlines()[0].split(",")
    assert len(heading) >= 8


def test_transactions_name_their_station(station, web, operator):
    at = timezone.now()
    with gateway():
        row = Transaction.objects.create(
            operator_id=operator.pk,
            charge_point_id=station.id,
            ocpp_version="1.6",
            ocpp_id="7",
            state="ended",
            started_at=at,
            received_at=at,
            ended_at=at,
            last_seen_at=at,
            energy_wh=Decimal("1500.500"),
        )
    answer = export(web, "charge_points_transaction", "csv", [row])
    line = next(csv.DictReader(io.StringIO(text_of(answer))))
    assert line["charge_point"] == station.row.identity
    assert line["energy_wh"] == "1500.500"


def test_signs_that_no_cell_may_hold_are_replaced():
    assert cell_text("a\x00b") == "a\N{REPLACEMENT CHARACTER}b"
    assert cell_text("+1") == "'+1"
    assert cell_text("plain") == "plain"
