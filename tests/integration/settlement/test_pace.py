"""How fast providers are asked, and what waits meanwhile."""

import time
from datetime import timedelta

import pytest
import redis
from django.conf import settings as django_settings
from django.db import transaction
from django.utils import timezone

from cpms.kernel.ids import new_secret
from cpms.outbox.models import Delivery
from settlement.models import PaymentAttempt
from settlement.providers import door
from settlement.providers.base import ProviderThrottled
from settlement.providers.registry import get_provider
from settlement.services import attempts
from tests.integration.settlement.shop import make_shop, settle, use
from tests.outbox import drain

pytestmark = pytest.mark.integration
SLOW = door.Pace(calls_per_s=0.01, burst=5)
FIRST_S = 0.004


@pytest.fixture
def place():
    return f"test:{new_secret()}@here"


@pytest.fixture
def paced(settings, psp):
    """The simulator at a pace: a setting's own members, named."""

    def change(**values):
        use(settings, psp)
        one = {**settings.PAYMENT_PROVIDERS["stripe"], **values}
        settings.PAYMENT_PROVIDERS = {"stripe": one}

    return change


def passed(place, pace, calls=20):
    count = 0
    for _ in range(calls):
        try:
            door.enter(place, pace)
        except ProviderThrottled:
            continue
        count += 1
    return count


def test_a_burst_passes_and_then_the_pace(place):
    assert passed(place, SLOW) == 5
    with pytest.raises(ProviderThrottled) as refused:
        door.enter(place, SLOW)
    assert refused.value.code == "provider_throttled"
    assert 90 < refused.value.wait_s <= 150
    quick = door.Pace(calls_per_s=10_000, burst=5)
    other = place + "2"
    assert passed(other, quick) >= 5
    time.sleep(0.01)
    door.enter(other, quick)


def strike(place):
    """A 429; how long the account pauses after it."""
    pause_s = door.too_many(place, door.Pace(pause_s=FIRST_S), wish_s=None)
    time.sleep(pause_s)
    return pause_s


def test_pauses_double_while_nothing_is_answered(place):
    quick = door.Pace(calls_per_s=10_000, burst=100, pause_s=FIRST_S)
    pauses = []
    for _ in range(6):
        pauses.append(strike(place))
        assert door.enter(place, quick)
    assert pauses[5] >= 32 * FIRST_S
    assert pauses[0] < 2 * FIRST_S


def test_a_429_now_and_then_does_not_lengthen_the_pauses(place):
    """A busy account hears one in a hundred calls: it must not stand still for it."""
    quick = door.Pace(calls_per_s=10_000, burst=100, pause_s=FIRST_S)
    for _ in range(8):
        pause_s = strike(place)
        for _ in range(door.CALM_ANSWERS):
            assert door.enter(place, quick)
            door.went_well(place)
        assert pause_s < 2 * FIRST_S
        assert not door.enter(place, quick)


def test_answers_are_counted_from_the_last_429_on(place):
    for _ in range(6):
        pause_s = strike(place)
        for _ in range(door.CALM_ANSWERS - 1):
            door.went_well(place)
    assert pause_s >= 32 * FIRST_S


def test_accounts_do_not_wait_for_each_other(place):
    assert passed(place, SLOW) == 5
    assert passed(place + "-other", SLOW) == 5


def test_all_processes_count_together(place, monkeypatch):
    assert passed(place, SLOW) == 5
    # Another process has heard nothing of it but what Valkey knows.
    monkeypatch.setattr(door, "_local", door._Local())
    assert passed(place, SLOW) == 0


def test_a_question_once_begun_is_finished_on_credit(place):
    assert passed(place, SLOW, 4) == 4
    with door.one_question():
        door.enter(place, SLOW)
        door.enter(place, SLOW)
        door.enter(place, SLOW)
    with door.one_question(), pytest.raises(ProviderThrottled):
        door.enter(place, SLOW)


def test_without_valkey_each_process_keeps_the_pace_alone(place, settings):
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    assert passed(place, SLOW) == 5
    waited = door.too_many(place + "x", SLOW, wish_s=30)
    assert 30 <= waited <= 45
    with pytest.raises(ProviderThrottled):
        door.enter(place + "x", SLOW)


def test_valkey_that_comes_back_is_asked_again(place, settings, monkeypatch):
    url = settings.REDIS_URL
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    door.enter(place, SLOW)
    settings.REDIS_URL = url
    door.enter(place, SLOW)
    client = redis.Redis.from_url(django_settings.REDIS_URL)
    assert client.exists(f"cpms:pace:{place}")


def test_pauses_double_while_the_provider_goes_on_and_end_at_a_limit(place):
    pauses = [
        door.too_many(place, door.Pace(pause_s=0.1), wish_s=None) for _ in range(12)
    ]
    assert 0.1 <= pauses[0] <= 0.16
    assert 0.2 <= pauses[1] <= 0.31
    assert pauses[-1] <= door.PAUSE_MAX_S * 1.5
    assert door.too_many(place, door.Pace(), wish_s=10**9) <= 900 + 1


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"calls_per_s": 0}, "calls_per_s"),
        ({"burst": 4}, "calls_burst"),
        ({"pause_s": 0}, "calls_pause_s"),
        ({"pause_s": 61}, "calls_pause_s"),
    ],
)
def test_a_pace_that_cannot_be_is_refused(change, word):
    with pytest.raises(ValueError, match=word):
        door.Pace(**change)


def test_waiting_work_is_no_try_and_does_not_fail(shop, psp, paced):
    paced(calls_per_s=0.001, calls_burst=5)
    views = [shop.open() for _ in range(4)]
    psp.control("calls", method="DELETE")
    drain()
    drain()
    rows = list(PaymentAttempt.objects.order_by("pk"))
    assert {row.state for row in rows} == {"succeeded", "pending"}
    waiting = [row for row in rows if row.state == "pending"]
    assert {(row.tries, row.error_code) for row in waiting} == {
        (0, "provider_throttled")
    }
    assert all(row.next_try_at > timezone.now() for row in waiting)
    assert all(row.first_asked_at is None for row in waiting)
    held = [c for c in psp.calls("payment_intents") if c["method"] == "POST"]
    assert len(held) == 4 - len(waiting)
    dead = Delivery.objects.filter(state="dead")
    assert not dead.exists()
    assert not Delivery.objects.filter(attempts__gt=0).exists()

    paced()
    settle()
    assert {shop.payment(view).state for view in views} == {"AUTHORIZED"}


def test_too_many_holds_back_that_account_alone(shop, psp, paced):
    other = make_shop(psp)
    psp.fault("rate_limit", account=shop.account.reference, retry_after_s=120, times=1)
    blocked, free = shop.open(), other.open()
    psp.control("calls", method="DELETE")
    drain()
    drain()
    assert shop.payment(blocked).state == "AUTHORIZING"
    assert other.payment(free).state == "AUTHORIZED"
    attempt = PaymentAttempt.objects.get(payment_id=blocked.id)
    assert (attempt.tries, attempt.error_code) == (0, "provider_throttled")
    assert attempt.next_try_at > timezone.now() + timedelta(seconds=110)
    asked = [c for c in psp.calls() if c["account"] == shop.account.reference]
    assert len(asked) == 1, "nothing more is asked while the account pauses"


def test_after_the_pause_the_same_question_is_asked_and_done_once(shop, psp, paced):
    paced(calls_pause_s=0.2)
    psp.fault("rate_limit", path="/v1/payment_intents", method="POST", times=2)
    psp.control("calls", method="DELETE")
    view = shop.open()
    begun = time.monotonic()
    while shop.payment(view).state != "AUTHORIZED":
        assert time.monotonic() - begun < 60
        PaymentAttempt.objects.update(next_try_at=timezone.now())
        drain()
        time.sleep(0.05)
    keys = {
        call["idempotency_key"]
        for call in psp.calls("payment_intents")
        if call["method"] == "POST"
    }
    assert len(keys) == 1
    assert PaymentAttempt.objects.get().tries == 1


def test_a_payer_is_not_let_wait_for_ever(shop, psp):
    psp.fault("rate_limit", account=shop.account.reference, times=0)
    view = shop.open()
    attempt = PaymentAttempt.objects.get(payment_id=view.id)
    late = timezone.now() + attempts.AUTHORIZE_PATIENCE + timedelta(minutes=1)
    assert attempts.perform_attempt(attempt.pk, at=late) is None
    payment = shop.payment(view)
    assert (payment.state, payment.decline_code) == ("DECLINED", "provider_unreachable")


@pytest.mark.django_db(transaction=True)
def test_nobody_is_asked_inside_a_database_transaction(psp):
    with (
        transaction.atomic(),
        pytest.raises(RuntimeError, match="inside a database transaction"),
    ):
        get_provider("stripe").account_status(account="acct_1")
