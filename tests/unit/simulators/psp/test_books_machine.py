"""Any order of payments, refunds, disputes and payouts keeps the books right."""

from hypothesis import settings, strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    rule,
)

from tests.unit.simulators.psp.harness import Provider

PLATFORM_CATEGORIES = {
    "application_fee_earned_minor",
    "application_fee_refunded_minor",
    "balance_minor",
    "available_minor",
    "pending_minor",
}


class Money(RuleBasedStateMachine):
    holds = Bundle("holds")
    payments = Bundle("payments")

    @initialize()
    def begin(self):
        # Holds outlive every wait, so that each of ours stays valid.
        self.provider = Provider(hold_s=10**9)
        self.accounts = [self.provider.account() for _ in range(2)]
        self.captured = dict.fromkeys(self.accounts, 0)
        self.refunded = dict.fromkeys(self.accounts, 0)
        self.fees = 0

    @rule(target=holds, which=st.integers(0, 1), amount=st.integers(50, 3000))
    def hold(self, which, amount):
        account = self.accounts[which]
        return account, self.provider.hold(account, amount)["id"], amount

    @rule(
        target=payments,
        hold=consumes(holds),
        part=st.integers(1, 100),
        fee_part=st.integers(0, 100),
    )
    def capture(self, hold, part, fee_part):
        account, intent, held = hold
        amount = max(1, held * part // 100)
        fee = amount * fee_part // 100
        self.provider.capture(account, intent, amount, fee)
        self.captured[account] += amount
        self.fees += fee
        return account, intent, fee

    @rule(hold=consumes(holds))
    def cancel(self, hold):
        account, intent, _ = hold
        self.provider.post(f"/v1/payment_intents/{intent}/cancel", account=account)

    @rule(
        target=payments,
        payment=consumes(payments),
        amount=st.integers(1, 3000),
        with_fee=st.booleans(),
    )
    def refund(self, payment, amount, with_fee):
        account, intent, fee = payment
        values = {
            "payment_intent": intent,
            "amount": amount,
            "refund_application_fee": with_fee and fee > 0,
        }
        answer = self.provider.request("POST", "/v1/refunds", values, account=account)
        if answer.status == 200:
            self.refunded[account] += amount
        return payment if answer.status == 200 else multiple()

    @rule(payment=consumes(payments), won=st.booleans())
    def dispute(self, payment, won):
        _, intent, _ = payment
        opened = self.provider.control_answer("disputes", {"payment_intent": intent})
        if opened.status == 200:
            outcome = "won" if won else "lost"
            path = f"disputes/{opened.json['id']}"
            self.provider.control(path, {"outcome": outcome})

    @rule(days=st.integers(1, 3))
    def wait(self, days):
        self.provider.control("clock", {"advance_s": days * 86_400})

    @rule(which=st.integers(0, 1))
    def pay_out(self, which):
        self.provider.control("payouts", {"account": self.accounts[which]})

    @invariant()
    def the_books_agree_with_what_was_asked_and_with_the_lists(self):
        books = self.provider.control("books", method="GET")
        assert books["balanced"]
        for account in self.accounts:
            mine = books["accounts"].get(account, {}).get("eur", {})
            assert mine.get("captured_minor", 0) == self.captured[account]
            assert mine.get("refunded_minor", 0) == self.refunded[account]
            assert mine.get("available_minor", 0) + mine.get(
                "pending_minor", 0
            ) == mine.get("balance_minor", 0)
            assert self.listed(account) == mine.get("balance_minor", 0)
        platform = books["platform"].get("eur", {})
        assert self.listed(None) == platform.get("balance_minor", 0)
        assert platform.get("application_fee_earned_minor", 0) == self.fees
        for name, amount in platform.items():
            assert name in PLATFORM_CATEGORIES or amount == 0
        assert 0 <= platform.get("balance_minor", 0) <= self.fees

    def listed(self, account):
        values = {"limit": 100}
        page = self.provider.get("/v1/balance_transactions", values, account=account)
        assert not page["has_more"]
        return sum(line["net"] for line in page["data"])


TestMoney = Money.TestCase
TestMoney.settings = settings(max_examples=30, stateful_step_count=20, deadline=None)
