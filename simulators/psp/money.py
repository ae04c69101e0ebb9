"""Balance, balance transactions and payouts of the acting account."""

from simulators.psp import accounts, ids, ledger
from simulators.psp.call import Call, field_filter, page
from simulators.psp.errors import Json, invalid
from simulators.psp.intents import read_currency
from simulators.psp.limits import PLATFORM


def balance(call: Call) -> Json:
    """Return what is available and what is pending, per currency."""
    books = call.world.store.books
    available: list[Json] = []
    pending: list[Json] = []
    for currency in books.currencies(call.account) or ["eur"]:
        ready = books.available_minor(call.account, currency, call.now)
        waiting = books.pending_minor(call.account, currency, call.now)
        for amounts, amount in ((available, ready), (pending, waiting)):
            source = {"card": amount}
            amounts.append(
                {"amount": amount, "currency": currency, "source_types": source}
            )
    return {
        "object": "balance",
        "available": available,
        "livemode": False,
        "pending": pending,
    }


def _present(call: Call, transaction: Json) -> Json:
    ready = transaction["available_on"] <= call.now
    return {**transaction, "status": "available" if ready else "pending"}


def get_transaction(call: Call) -> Json:
    """Return one balance transaction."""
    found = call.get("balance_transaction", call.path["id"], param="id")
    return _present(call, found)


def list_transactions(call: Call) -> Json:
    """List balance transactions, also by type, source, currency or payout."""
    wanted = field_filter(call.params, "type", "source", "currency")
    payout = call.params.text("payout")

    def of_payout(transaction: Json) -> bool:
        return payout is None or transaction["source"] == payout

    answer = page(call, "balance_transaction", wanted, of_payout)
    answer["data"] = [_present(call, found) for found in answer["data"]]
    return answer


def create_payout(call: Call) -> Json:
    """Send available money to the account's own bank."""
    amount = call.params.need_integer("amount")
    payout = pay_out(call, amount=amount, currency=read_currency(call), automatic=False)
    payout["metadata"] = call.params.metadata()
    return call.put("payout", payout)


def pay_out(call: Call, *, amount: int, currency: str, automatic: bool) -> Json:
    """Make a payout.

    Raises:
        ApiError: payouts are disabled, or the balance does not hold so much.
    """
    if call.account != PLATFORM:
        account = accounts.find(call.unit, call.account)
        if not account["payouts_enabled"]:
            raise invalid(
                "Payouts are disabled for this account.", code="payouts_not_allowed"
            )
    books = call.world.store.books
    available = books.available_minor(call.account, currency, call.now)
    if not 1 <= amount <= available:
        raise invalid(
            f"You have insufficient funds for this payout: {available} available.",
            code="balance_insufficient",
            param="amount",
        )
    payout: Json = {
        "id": ids.new("po"),
        "object": "payout",
        "amount": amount,
        "application_fee": None,
        "application_fee_amount": None,
        "arrival_date": call.now + call.rules.payout_after_s,
        "automatic": automatic,
        "balance_transaction": None,
        "created": call.now,
        "currency": currency,
        "destination": None,
        "failure_balance_transaction": None,
        "failure_code": None,
        "failure_message": None,
        "livemode": False,
        "metadata": {},
        "method": "standard",
        "original_payout": None,
        "payout_method": None,
        "reconciliation_status": "in_progress" if automatic else "not_applicable",
        "reversed_by": None,
        "source_type": "card",
        "statement_descriptor": call.params.text("statement_descriptor"),
        "status": "pending",
        "trace_id": None,
        "type": "bank_account",
    }
    payout["balance_transaction"] = ledger.post_payout(call, payout)["id"]
    call.put("payout", payout)
    call.emit("payout.created", payout)
    call.world.deadlines.add(
        payout["arrival_date"], call.account, "payout", payout["id"]
    )
    return payout


def pay_out_everything(call: Call) -> list[Json]:
    """Pay out every available balance of the account (control endpoint)."""
    books = call.world.store.books
    made = []
    for currency in books.currencies(call.account):
        amount = books.available_minor(call.account, currency, call.now)
        if amount > 0:
            made.append(pay_out(call, amount=amount, currency=currency, automatic=True))
    return made


def arrive(call: Call, reference: str) -> None:
    """Mark a payout as paid when its day has come."""
    payout = call.unit.find(call.account, "payout", reference)
    if payout is None or payout["status"] != "pending":
        return
    payout["status"] = "paid"
    if payout["automatic"]:
        payout["reconciliation_status"] = "completed"
    call.put("payout", payout)
    call.emit("payout.paid", payout)


def get_payout(call: Call) -> Json:
    """Return one payout."""
    return call.get("payout", call.path["payout"], param="payout")


def list_payouts(call: Call) -> Json:
    """List payouts, also by status."""
    return page(call, "payout", field_filter(call.params, "status"))


def update_payout(call: Call) -> Json:
    """Change a payout's metadata."""
    payout = get_payout(call)
    payout["metadata"] = call.params.metadata(payout["metadata"])
    return call.put("payout", payout)
