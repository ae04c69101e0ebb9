import pytest

from charge_points.models import IdToken, QuirkCount, SecurityEvent
from charge_points.services import authorization, id_tokens
from charge_points.services.id_tokens import UnableToPutPolicy
from tests.integration.charge_points.world import NOON, ORDER, allow, later, told


def ask(station, token, at=NOON):
    return authorization.authorize(
        charge_point_id=station.id,
        operator_id=station.operator_id,
        token=token,
        token_type="",
        at=at,
    )


@pytest.mark.parametrize(
    ("policy", "answer"),
    [
        ({"status": "accepted"}, "Accepted"),
        ({"status": "blocked"}, "Blocked"),
        ({"status": "expired"}, "Expired"),
        ({"status": "invalid"}, "Invalid"),
        ({"expires_at": NOON}, "Expired"),
        ({"expires_at": later(seconds=1)}, "Accepted"),
        ({"account_state": "blocked", "driver_id": 7}, "Blocked"),
        ({"account_state": "ok", "driver_id": 7}, "Accepted"),
    ],
)
def test_the_answer_is_the_policys_own_word(station, policy, answer):
    allow("tag", **policy)
    assert ask(station, "tag").status == answer


def test_tokens_ignore_case(station):
    allow("AbCd")
    assert ask(station, "aBcD").accepted


def test_group_and_expiry_are_in_the_answer(station):
    allow("tag", group="G", expires_at=later(days=1))
    answer = ask(station, "tag")
    assert (answer.group, answer.expires_at) == ("G", later(days=1))


def test_an_operators_own_policy_counts_before_the_common_one(station, stranger):
    allow("tag")
    allow("tag", "blocked", operator_id=station.operator_id)
    assert ask(station, "tag").status == "Blocked"
    assert ask(stranger, "tag").status == "Accepted"


def test_a_policy_of_another_operator_is_none(station, stranger):
    allow("tag", operator_id=stranger.operator_id)
    assert ask(station, "tag").status == "Invalid"


def test_random_tokens_leave_a_count_and_no_rows(station):
    for number in range(5):
        assert ask(station, f"random {number}").status == "Invalid"
    assert not IdToken.objects.exists()
    row = QuirkCount.objects.get()
    assert (row.quirk, row.count, row.example) == ("unknown_token", 5, "")


def test_a_policy_is_written_once_per_token_and_operator(station):
    allow("tag")
    allow("TAG", "blocked")
    assert IdToken.objects.get().status == "blocked"


@pytest.mark.parametrize("token", ["", "   ", "x" * 256, "a\nb"])
def test_a_token_that_cannot_be_one_is_refused(db, token):
    with pytest.raises(UnableToPutPolicy) as caught:
        allow(token)
    assert caught.value.code == "token_invalid"


def test_a_status_that_is_no_word_is_refused(db):
    with pytest.raises(UnableToPutPolicy) as caught:
        allow("tag", "perhaps")
    assert caught.value.code == "status_invalid"


def test_an_account_that_cannot_pay_blocks_all_its_tokens(station):
    allow("one", driver_id=7, account_state="ok")
    allow("two", driver_id=7, account_state="ok")
    allow("other", driver_id=8, account_state="ok")
    assert id_tokens.set_account_state(driver_id=7, can_pay=False, at=NOON) == 2
    assert ask(station, "one").status == "Blocked"
    assert ask(station, "other").accepted
    assert id_tokens.set_account_state(driver_id=7, can_pay=False, at=NOON) == 0
    id_tokens.set_account_state(driver_id=7, can_pay=True, at=NOON)
    assert ask(station, "two").accepted


def test_a_start_handle_is_good_for_its_charge_point_within_its_time(station):
    station.ask_start()
    assert ask(station, ORDER.lower(), later(seconds=120)).accepted
    assert ask(station, ORDER, later(seconds=121)).status == "Invalid"


def test_authorize_with_a_start_handle_consumes_nothing(station):
    station.ask_start()
    for _ in range(3):
        assert ask(station, ORDER).accepted
    assert station.start(ORDER).authorization.accepted


def test_a_handle_is_no_good_before_the_hold_stands(station):
    station.reserve()
    assert ask(station, ORDER).status == "Invalid"


def test_a_handle_stays_good_while_its_charge_runs_and_no_longer(station):
    station.ask_start()
    began = station.start(ORDER)
    assert ask(station, ORDER, later(hours=5)).accepted
    station.stop(began.ocpp_id, later(hours=6), 5000)
    assert ask(station, ORDER, later(hours=6)).status == "Invalid"


def test_a_handle_elsewhere_is_invalid_and_a_security_event(station, stranger):
    station.ask_start()
    assert ask(stranger, ORDER).status == "Invalid"
    event = SecurityEvent.objects.get()
    assert event.kind == "ForeignStartHandle"
    assert event.operator_id == stranger.operator_id
    assert ORDER not in event.detail
    assert "SecurityEventRaised" in told()
