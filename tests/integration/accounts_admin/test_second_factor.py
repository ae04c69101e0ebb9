"""Staff log in with a password and, where money moves, with a second factor."""

import re
import time
from base64 import b32decode

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from django_otp.oath import TOTP
from django_otp.plugins.otp_static.models import StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice

from cpms.accounts.guesses import MISSES_MAX
from cpms.accounts.models import AuditEntry, User
from cpms.accounts.services import second_factor
from tests.integration.charge_points.admin_world import make_staff

PASSWORD = "a long password"
HOME = "/admin/"
GATE = "/admin/second-factor/?next=%2Fadmin%2F"
CODE = re.compile(r"<code>([0-9A-Z]{5}-[0-9A-Z]{5})</code>")


@pytest.fixture(autouse=True)
def _required(settings):
    settings.STAFF_SECOND_FACTOR = True
    cache.clear()


@pytest.fixture
def owner(operator):
    return make_staff("owner@example.org", operator.pk, "owner")


@pytest.fixture
def web(client, owner, as_role):
    with as_role("app"):
        yield client


def log_in(client, email="owner@example.org", password=PASSWORD):
    return client.post(
        reverse("admin:login"), {"username": email, "password": password, "next": HOME}
    )


def code_of(key, shift=0):
    totp = TOTP(key)
    totp.time = time.time() + 30 * shift  # noqa: TID251 - as the phone's clock
    return f"{totp.token():06d}"


def key_on(page):
    spelt = re.search(r"<code>([A-Z2-7 ]+)</code>", page).group(1).replace(" ", "")
    return b32decode(spelt + "=" * (-len(spelt) % 8))


def enrol(client):
    """Enrol over the page.

    Returns:
        The key and the recovery codes.
    """
    key = key_on(client.get(GATE).content.decode())
    shown = client.post(GATE, {"code": code_of(key)})
    return key, CODE.findall(shown.content.decode())


def test_an_owner_gets_nowhere_before_enrolling(web):
    assert log_in(web).headers["Location"] == HOME
    for path in (HOME, "/admin/live/", "/admin/accounts/apikey/"):
        answer = web.get(path)
        assert answer.status_code == 302, path
        assert answer.headers["Location"].startswith("/admin/second-factor/?next=")
    shown = web.get(GATE).content.decode()
    assert "<svg" in shown
    assert "Charge points" not in shown


def test_enrolling_opens_the_console_and_shows_the_recovery_codes_once(web):
    log_in(web)
    _key, codes = enrol(web)
    assert len(set(codes)) == second_factor.RECOVERY_CODES
    assert web.get(HOME).status_code == 200
    again = web.get(GATE).content.decode()
    assert "10 recovery codes are left" in again
    assert not CODE.findall(again)


def test_codes_are_stored_as_hashes_and_deeds_are_audited(web, as_role):
    log_in(web)
    _key, codes = enrol(web)
    with as_role("system"):
        stored = set(StaticToken.objects.values_list("token", flat=True))
        told = list(AuditEntry.objects.values_list("action", "actor"))
    assert not stored & {code.replace("-", "") for code in codes}
    assert ("second_factor.enrolled", "owner@example.org") in told


def test_a_wrong_code_enrols_nothing(web):
    log_in(web)
    key = key_on(web.get(GATE).content.decode())
    wrong = f"{(int(code_of(key)) + 1) % 1_000_000:06d}"
    shown = web.post(GATE, {"code": wrong}).content.decode()
    assert "not the code of now" in shown
    assert web.get(HOME).status_code == 302
    assert TOTPDevice.objects.get().confirmed is False


def test_the_next_log_in_asks_for_the_code_and_takes_none_twice(web):
    log_in(web)
    key, _codes = enrol(web)
    second = Client()
    log_in(second)
    assert second.get(HOME).status_code == 302
    used = second.post(GATE, {"code": code_of(key)})
    assert "wrong, was used before" in used.content.decode()
    assert second.get(HOME).status_code == 302
    TOTPDevice.objects.update(
        throttling_failure_count=0, throttling_failure_timestamp=None
    )
    fresh = second.post(GATE, {"code": code_of(key, shift=1)})
    assert fresh.headers["Location"] == HOME
    assert second.get(HOME).status_code == 200


def test_a_recovery_code_lets_in_once(web):
    log_in(web)
    _key, codes = enrol(web)
    second, third = Client(), Client()
    log_in(second)
    assert second.post(GATE, {"code": codes[0].lower()}).headers["Location"] == HOME
    log_in(third)
    assert third.post(GATE, {"code": codes[0]}).status_code == 200
    assert third.get(HOME).status_code == 302


def test_guessing_codes_slows_down(web):
    log_in(web)
    key, _codes = enrol(web)
    second = Client()
    log_in(second)
    for _ in range(3):
        second.post(GATE, {"code": "000000"})
    right = second.post(GATE, {"code": code_of(key, shift=1)})
    assert right.status_code == 200
    assert second.get(HOME).status_code == 302


def test_new_recovery_codes_void_those_before(web):
    log_in(web)
    _key, codes = enrol(web)
    fresh = CODE.findall(web.post(GATE).content.decode())
    assert len(fresh) == second_factor.RECOVERY_CODES
    assert not set(fresh) & set(codes)
    second = Client()
    log_in(second)
    assert second.post(GATE, {"code": codes[0]}).status_code == 200


def test_another_phone_replaces_the_one_before_when_confirmed(web):
    log_in(web)
    key, _codes = enrol(web)
    page = "/admin/second-factor/?replace=1"
    new = key_on(web.get(page).content.decode())
    assert new != key
    web.post(page, {"code": code_of(new)})
    assert TOTPDevice.objects.get().bin_key == new


def test_who_has_not_proved_it_cannot_replace_the_phone(web):
    log_in(web)
    key, _codes = enrol(web)
    second = Client()
    log_in(second)
    shown = second.get("/admin/second-factor/?replace=1").content.decode()
    assert "<svg" not in re.sub(r"(?s)<aside.*?</aside>", "", shown)
    assert TOTPDevice.objects.get().bin_key == key


@pytest.mark.parametrize(
    ("role", "asked"),
    [("owner", True), ("finance", True), ("technician", False), ("viewer", False)],
)
def test_it_is_asked_of_those_who_move_money(client, operator, as_role, role, asked):
    make_staff("some@example.org", operator.pk, role)
    with as_role("app"):
        log_in(client, "some@example.org")
        assert client.get(HOME).status_code == (302 if asked else 200)


def test_platform_staff_needs_it(client, db):
    User.objects.create_superuser("root@example.org", PASSWORD)
    log_in(client, "root@example.org")
    assert client.get(HOME).status_code == 302


def test_switched_off_it_is_asked_only_of_those_who_enrolled(web, settings):
    settings.STAFF_SECOND_FACTOR = False
    log_in(web)
    assert web.get(HOME).status_code == 200
    enrol(web)
    second = Client()
    log_in(second)
    assert second.get(HOME).status_code == 302


def test_rest_takes_no_session_that_waits(web):
    log_in(web)
    path = "/api/v1/operator/charge-points"
    refused = web.get(path)
    assert refused.status_code in {401, 403}
    assert "second factor" in refused.json()["detail"]
    enrol(web)
    assert web.get(path).status_code == 200


def test_after_it_the_page_leads_to_pages_of_the_console_only(web):
    log_in(web)
    enrol(web)
    for wanted in ("https://evil.example/admin/", "//evil.example", "/pay/"):
        second = Client()
        log_in(second)
        codes = CODE.findall(web.post(GATE).content.decode())
        answer = second.post(f"/admin/second-factor/?next={wanted}", {"code": codes[0]})
        assert answer.headers["Location"] == HOME


def test_guessing_passwords_ends_even_for_the_right_one(web):
    for _ in range(MISSES_MAX["staff"]):
        log_in(web, password="wrong")
    shown = log_in(web)
    assert shown.status_code == 200
    assert "Too many wrong passwords" in shown.content.decode()


def test_the_platform_lets_a_person_enrol_anew(client, operator, owner):
    second = Client()
    log_in(second)
    enrol(second)
    root = User.objects.create_superuser("root@example.org", PASSWORD)
    client.force_login(root)
    root_key, _codes = enrol(client)
    answer = client.post(
        reverse("admin:accounts_user_changelist"),
        {"action": "forget_second_factor", "_selected_action": [owner.pk]},
    )
    assert answer.status_code == 302
    assert not TOTPDevice.objects.filter(user=owner).exists()
    assert TOTPDevice.objects.get(user=root).bin_key == root_key
    assert AuditEntry.objects.get(action="second_factor.forgotten").actor == str(root)
