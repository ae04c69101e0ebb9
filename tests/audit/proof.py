"""Every cent: what this test told, the system's books, the provider's books."""

from collections import Counter
from dataclasses import dataclass, field

from django.db.models import Sum
from django.utils import timezone

from billing.models import CreditNote, Order, Receipt
from billing.services import order_proof
from cpms.outbox.models import Delivery
from settlement.models import (
    PLATFORM_BOOK,
    Correction,
    LedgerLine,
    Payment,
    Receivable,
    SplitLine,
)
from settlement.services import provider_books, verification
from tests.audit.told import Ledger, Told

FINAL = ("CLOSED", "CANCELLED", "FAILED")
SHOWN = 20


@dataclass
class Proof:
    """What differs; nothing = proved."""

    problems: list[str] = field(default_factory=list)
    rows: list[tuple[str, ...]] = field(default_factory=list)
    checks: int = 0

    def same(self, what: str, ours: object, theirs: object) -> None:
        self.checks += 1
        if ours != theirs:
            self.problems.append(f"{what}: {ours} is not {theirs}")

    def holds(self, what: str, fact: object) -> None:
        self.checks += 1
        if not fact:
            self.problems.append(f"not so: {what}")


def prove(ledger: Ledger, shops, psp) -> Proof:
    """Compare all three."""
    proof = Proof()
    captured = _each_order(proof, ledger)
    _nothing_left(proof, ledger)
    _provider(proof, shops, psp.books(), captured)
    report = verification.prove()
    report.checks += provider_books.prove(operator_id=None, at=timezone.now())
    for check in report.checks:
        proof.same(check.name, check.problems, ())
    proof.same("operator money at the platform", report.platform_held_minor, 0)
    by_order = order_proof.prove()
    proof.same("orders: papers, money, ledger, payee", by_order.problems, [])
    proof.checks += by_order.orders
    return proof


def _sums(rows, name: str, column: str) -> Counter[str]:
    """A sum per order number."""
    found = rows.values_list(name).annotate(total=Sum(column)).order_by()
    return Counter(dict(found))


def _each_order(proof: Proof, ledger: Ledger) -> Counter[int]:
    """Every charge has one order, with the price that this test computes itself."""
    orders = {row.number: row for row in Order.objects.all()}
    sums = _Sums()
    captured: Counter[int] = Counter()
    for row in Payment.objects.filter(captured_minor__gt=0):
        captured[row.payee_account_id] += row.captured_minor
    for told in ledger.told:
        order = orders.pop(told.order, None)
        if order is None:
            refused = told.charge is not None and told.charge.status != "Accepted"
            proof.holds(f"{told.kind} has an order or was refused", refused)
            continue
        _one_order(proof, told, order)
        mirrored = sums.states.get(order.number, "NONE")
        proof.same(f"{order.number} payment", order.payment_state, mirrored)
        _its_money(proof, told, order, sums)
    proof.same("orders that nobody placed", sorted(orders), [])
    return captured


ENOUGH = 1000
"""So many charges have every kind of late fact among them, whatever the chances."""


class _Sums:
    """What the system says of each order, read in few statements."""

    def __init__(self) -> None:
        own = Payment.objects.filter(sequence=1)
        self.states = dict(own.values_list("order_number", "state"))
        rows = Payment.objects.filter(captured_minor__gt=0)
        self.paid = _sums(rows, "order_number", "captured_minor")
        self.back = _sums(rows, "order_number", "refunded_minor")
        debts = Receivable.objects.filter(state="open")
        self.owed = _sums(debts, "order_number", "amount_minor")
        self.shares = _sums(
            SplitLine.objects.all(), "payment__order_number", "amount_minor"
        )
        self.credited = _sums(CreditNote.objects.all(), "order__number", "amount_minor")
        self.receipts: Counter[str] = Counter()
        self.billed: Counter[str] = Counter()
        for number, body in Receipt.objects.values_list("order__number", "body"):
            self.receipts[number] += 1
            self.billed[number] += body["amount_minor"]
        earned = LedgerLine.objects.filter(
            operator_id__gt=PLATFORM_BOOK,
            account__code__in=("session_revenue", "refunds"),
        )
        self.earned = _sums(earned, "entry__order_number", "amount_minor")


def _drew(told: Told) -> bool:
    """Offline, the station let it draw, whatever it hears of the token afterwards."""
    if told.kind == "offline":
        return True
    return told.charge is not None and told.charge.status == "Accepted"


def _its_money(proof: Proof, told: Told, order: Order, sums: _Sums) -> None:
    """What the driver keeps paying: by this test, by documents, money and books.

    Of a disputed payment, too: what the bank takes is explained by the provider.
    """
    number = order.number
    name = f"{number} ({told.kind}, {order.state}/{order.payment_state})"
    wanted = told.account.kept_minor if _drew(told) else 0
    kept = sums.paid[number] - sums.back[number]
    proof.same(f"{name} paid or owed", kept + sums.owed[number], wanted)
    proof.same(f"{name} split", sums.shares[number], kept)
    proof.same(f"{name} earned", -sums.earned[number], wanted)
    if order.state == "CLOSED":
        papers = sums.billed[number] - sums.credited[number]
        proof.same(f"{name} receipts less credit notes", papers, wanted)
        proof.same(f"{name} receipts", sums.receipts[number], told.account.receipts)


def _one_order(proof: Proof, told: Told, order: Order) -> None:
    name = f"{order.number} ({told.kind})"
    proof.same(f"{name} operator", order.operator_id, told.shop.operator.pk)
    proof.holds(f"{name} is final", order.state in FINAL)
    if order.state != "CLOSED":
        return
    proof.same(f"{name} energy", order.energy_wh, told.energy_wh)
    price = told.shop.price_at(told.station)
    bill = price.amount_minor(told.energy_wh)
    proof.same(f"{name} bill", order.amount_minor, bill)


def _nothing_left(proof: Proof, ledger: Ledger) -> None:
    stuck = Delivery.objects.exclude(state="done")
    proof.same(
        "outbox rows left",
        sorted(stuck.values_list("subscriber", "last_error")[:SHOWN]),
        [],
    )
    proof.same(
        "payments in between",
        sorted(
            Payment.objects.filter(
                state__in=("AUTHORIZING", "CAPTURING", "REQUIRES_ACTION", "AUTHORIZED")
            ).values_list("order_number", "state")
        ),
        [],
    )
    for operator_id in Receipt.objects.values_list("operator_id", flat=True).distinct():
        numbers = sorted(
            Receipt.objects.filter(operator_id=operator_id).values_list(
                "number", flat=True
            )
        )
        whole = list(range(1, len(numbers) + 1))
        proof.holds(f"receipts of {operator_id} have no gap", numbers == whole)
    proof.same(
        "corrections in between",
        sorted(
            Correction.objects.exclude(state="done").values_list("order_number", "note")
        ),
        [],
    )
    for direction in ("up", "down") if len(ledger.told) >= ENOUGH else ():
        told = sum(n for what, n in ledger.late.items() if what.endswith(direction))
        proof.holds(f"late facts went {direction}", told)
    proof.holds("stations were sold", ledger.sold)


def _provider(proof: Proof, shops, books, captured: Counter[int]) -> None:
    """The other side's own books, per operator."""
    proof.holds("the provider's books balance", books["balanced"])
    proof.same("transfers", books["transfers"], 0)
    platform = books["platform"].get("eur", {})
    for name in (
        "captured_minor",
        "refunded_minor",
        "disputed_minor",
        "paid_out_minor",
    ):
        proof.same(f"{name} on the platform's account", platform.get(name, 0), 0)
    fees = 0
    for shop in shops:
        theirs = Counter(books["accounts"].get(shop.account.reference, {}).get("eur"))
        mine = Payment.objects.filter(payee_account_id=shop.account.pk)
        sums = mine.aggregate(
            refunded=Sum("refunded_minor"),
            fee=Sum("application_fee_minor"),
            back=Sum("application_fee_refunded_minor"),
        )
        for what, ours, column in (
            ("captured", captured[shop.account.pk], "captured_minor"),
            ("refunded", sums["refunded"], "refunded_minor"),
            ("platform fee", sums["fee"], "application_fee_minor"),
            ("platform fee returned", sums["back"], "application_fee_returned_minor"),
        ):
            proof.same(f"{shop.code} {what}", ours or 0, theirs[column])
        fees += (
            theirs["application_fee_minor"] - theirs["application_fee_returned_minor"]
        )
        proof.rows.append(_row(shop.code, theirs))
    earned = platform.get("application_fee_earned_minor", 0)
    earned -= platform.get("application_fee_refunded_minor", 0)
    proof.same("the platform earned its fees and nothing else", earned, fees)


COLUMNS = (
    "captured",
    "refunded",
    "disputed",
    "dispute_returned",
    "dispute_fee",
    "application_fee",
    "application_fee_returned",
    "provider_fee",
    "paid_out",
    "balance",
)


def _row(code: str, sums: dict[str, int]) -> tuple[str, ...]:
    return (code, *(f"{sums[f'{name}_minor'] / 100:,.2f}" for name in COLUMNS))
