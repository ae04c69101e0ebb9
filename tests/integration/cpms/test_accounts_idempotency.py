from datetime import UTC, datetime, timedelta

import pytest

from cpms.accounts.api.idempotency import IN_PROGRESS_MAX, KEY_CHARS_MAX
from cpms.accounts.models import IdempotencyRecord
from tests.integration.cpms.api_asking import (
    asking,  # noqa: F401 - a fixture
    counted_deeds,  # noqa: F401 - a fixture
    header_of_a_key,  # noqa: F401 - a fixture
)

AT = datetime(2026, 5, 1, tzinfo=UTC)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _at(time_machine):
    time_machine.move_to(AT, tick=False)


@pytest.fixture
def post(ask, deeds):
    def call(body=None, path="/deeds", key="k1", **extra):
        extra |= {} if key is None else {"HTTP_IDEMPOTENCY_KEY": key}
        return ask("post", path, body or {}, **extra)

    return call


@pytest.fixture(params=["/deeds", "/deeds/scoped"])
def do(post, request, key_header):
    """A deed of either view, as an operator's system."""

    def call(body=None, **extra):
        return post(body, path=request.param, **{**key_header, **extra})

    return call


def test_without_a_key_each_request_is_a_deed(do, deeds):
    assert [do(key=None).json()["number"] for _ in range(2)] == [1, 2]
    assert not IdempotencyRecord.objects.exists()


def test_the_same_question_gets_the_first_answer(do, deeds):
    first, again = do({"a": 1, "b": 2}), do({"b": 2, "a": 1})

    assert deeds.count == 1
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json() == {"number": 1, "secret": "shown-once"}
    assert "Idempotent-Replayed" not in first
    assert again["Idempotent-Replayed"] == "true"


def test_what_is_shown_once_is_kept_sealed(do):
    do()

    assert "shown-once" not in str(IdempotencyRecord.objects.get().response)


def test_another_key_is_another_deed(do, deeds):
    assert [do(key=key).json()["number"] for key in ("k1", "k2")] == [1, 2]


def test_a_key_is_for_one_body(do, deeds):
    do({"a": 1})

    answer = do({"a": 2})

    assert (answer.status_code, answer.json()["code"]) == (
        422,
        "idempotency_key_reused",
    )
    assert deeds.count == 1
    assert do({"a": 1}).json()["number"] == 1


def test_a_key_is_for_one_address(post, deeds):
    post()

    assert post(path="/deeds/other").json()["code"] == "idempotency_key_reused"


def test_a_key_belongs_to_who_used_it(post, deeds, key_header):
    assert post().json()["number"] == 1
    assert post(**key_header).json()["number"] == 2
    assert post(REMOTE_ADDR="192.0.2.7").json()["number"] == 3
    assert post().json()["number"] == 1


def test_a_refusal_is_not_kept(do, deeds):
    first, second = do({"refuse": True}), do({"refuse": True})

    assert (first.status_code, second.status_code) == (409, 409)
    assert deeds.count == 2
    assert not IdempotencyRecord.objects.exists()
    assert do({"a": "corrected"}).status_code == 201


def test_a_second_request_during_the_first_waits(post, deeds, monkeypatch):
    met = []

    def ask_again():
        monkeypatch.setattr(deeds, "during", None)
        met.append(post())

    monkeypatch.setattr(deeds, "during", ask_again)
    first = post()

    assert first.status_code == 201
    assert (met[0].status_code, met[0].json()["code"]) == (
        409,
        "idempotency_in_progress",
    )
    assert deeds.count == 1
    assert post().json() == first.json()


@pytest.fixture
def crashed(post, deeds, monkeypatch):
    """The first request with the key ended without an answer."""

    def crash():
        raise RuntimeError("a defect")

    monkeypatch.setattr(deeds, "during", crash)
    assert post().status_code == 500
    monkeypatch.setattr(deeds, "during", None)


def test_a_crashed_request_holds_its_key_for_a_minute(post, crashed, time_machine):
    time_machine.move_to(AT + IN_PROGRESS_MAX - timedelta(milliseconds=1), tick=False)

    assert post().json()["code"] == "idempotency_in_progress"


def test_after_a_minute_the_next_request_takes_over(post, crashed, time_machine):
    time_machine.move_to(AT + IN_PROGRESS_MAX, tick=False)

    taken = post()

    assert taken.status_code == 201
    assert IdempotencyRecord.objects.get().started_at == AT + IN_PROGRESS_MAX
    assert post().json() == taken.json()


def test_a_crashed_request_with_another_body_is_not_taken_over(
    post, crashed, time_machine
):
    time_machine.move_to(AT + timedelta(hours=1), tick=False)

    assert post({"a": 1}).json()["code"] == "idempotency_key_reused"


def test_a_crash_in_one_transaction_leaves_no_key(post, deeds, key_header, monkeypatch):
    monkeypatch.setattr(deeds, "during", lambda: 1 // 0)
    assert post(path="/deeds/scoped", **key_header).status_code == 500
    monkeypatch.setattr(deeds, "during", None)

    assert not IdempotencyRecord.objects.exists()
    assert post(path="/deeds/scoped", **key_header).status_code == 201


@pytest.mark.parametrize("key", ["", "k" * (KEY_CHARS_MAX + 1)])
def test_a_key_has_a_length(post, deeds, key):
    answer = post(key=key)

    assert (answer.status_code, answer.json()["code"]) == (
        400,
        "idempotency_key_invalid",
    )
    assert deeds.count == 0
    assert post(key="k" * KEY_CHARS_MAX).status_code == 201


def test_a_get_needs_no_key(ask, deeds):
    assert ask("get", "/deeds", HTTP_IDEMPOTENCY_KEY="k1").status_code == 200
    assert not IdempotencyRecord.objects.exists()
