from datetime import UTC, datetime, timedelta

import pytest

from cpms.accounts.models import (
    ApiKey,
    AuditEntry,
    Driver,
    DriverToken,
    Membership,
    Operator,
    User,
)
from cpms.accounts.services import drivers, operators, staff
from cpms.kernel.ids import sha256_hex

AT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
PASSWORD = "correct horse battery 7"

pytestmark = pytest.mark.django_db


def make_operator(**changed):
    fields = {
        "code": "acme",
        "name": "Acme Charging",
        "country": "DE",
        "currency": "EUR",
        "time_zone": "Europe/Berlin",
        "by": "test",
        "at": AT,
    }
    return operators.create_operator(**{**fields, **changed})


def make_key(**changed):
    fields = {
        "operator_code": "acme",
        "scopes": ["orders:read"],
        "name": "ERP",
        "by": "test",
        "at": AT,
    }
    return operators.create_api_key(**{**fields, **changed})


def sign_up(email="ann@example.org"):
    return drivers.sign_up(email=email, password=PASSWORD, locale="de", at=AT)


@pytest.fixture
def driver_id():
    return sign_up().driver_id


# Operators


def test_a_new_operator_is_kept_with_its_fields_and_on_the_record():
    made = make_operator(allow_security_profile_0=True)

    kept = Operator.objects.get(code="acme")
    assert kept == made
    assert (kept.name, kept.country, kept.currency) == ("Acme Charging", "DE", "EUR")
    assert kept.time_zone == "Europe/Berlin"
    assert kept.allow_security_profile_0
    entry = AuditEntry.objects.get()
    assert (entry.operator_id, entry.actor, entry.action) == (
        kept.pk,
        "test",
        "operator.created",
    )
    assert entry.object == "operator acme"
    assert entry.at == AT


def test_security_profile_0_is_off_unless_asked_for():
    assert not make_operator().allow_security_profile_0


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("code", "", "code ''"),
        ("code", "Acme", "code 'Acme'"),
        ("code", "-acme", "first one a letter or a digit"),
        ("code", "a/b", "code 'a/b'"),
        ("code", "a" * 41, "1 to 40"),
        ("code", "acme\n", "code"),
        ("name", "", "1 to 120 characters"),
        ("name", "   ", "1 to 120 characters"),
        ("name", "n" * 121, "1 to 120 characters"),
        ("country", "de", "ISO 3166-1"),
        ("country", "DEU", "ISO 3166-1"),
        ("country", "DE\n", "ISO 3166-1"),
        ("currency", "eur", "ISO 4217"),
        ("currency", "EURO", "ISO 4217"),
        ("time_zone", "Europe/Nowhere", "IANA time zone"),
        ("time_zone", "", "IANA time zone"),
        ("time_zone", "../../etc/passwd", "IANA time zone"),
        ("time_zone", "Europe", "IANA time zone"),
    ],
)
def test_a_wrong_field_of_an_operator_is_named_and_nothing_is_kept(field, value, says):
    with pytest.raises(operators.UnableToCreateOperator, match=says) as caught:
        make_operator(**{field: value})

    assert caught.value.code == "operator_invalid"
    assert not Operator.objects.exists()
    assert not AuditEntry.objects.exists()


def test_the_longest_code_and_name_do():
    made = make_operator(code="a" * 40, name="n" * 120)

    assert Operator.objects.get().pk == made.pk


def test_a_code_is_taken_once():
    make_operator()

    with pytest.raises(operators.UnableToCreateOperator) as caught:
        make_operator(name="Another")
    assert caught.value.code == "operator_exists"
    assert caught.value.status == 409
    assert Operator.objects.get().name == "Acme Charging"
    assert AuditEntry.objects.count() == 1


# API keys


def test_an_api_key_is_shown_once_and_kept_as_a_hash():
    operator = make_operator()

    key = make_key(scopes=["tokens:write", "orders:read", "orders:read"])

    prefix, _, secret = key.key.partition(".")
    kept = ApiKey.objects.get()
    assert (kept.pk, kept.prefix, kept.name) == (key.id, prefix, "ERP")
    assert kept.operator == operator
    assert kept.key_hash == sha256_hex(secret)
    assert kept.scopes == ["orders:read", "tokens:write"]
    assert key.scopes == ("orders:read", "tokens:write")
    assert kept.expires_at is None
    entry = AuditEntry.objects.get(action="api_key.created")
    assert entry.object == f"api key {prefix}"
    assert secret not in str(entry.changes)


def test_two_keys_are_different():
    make_operator()

    assert make_key().key != make_key().key
    assert ApiKey.objects.count() == 2


@pytest.mark.parametrize("scopes", [[], ["orders:write"], ["orders:read", "all"]])
def test_an_unknown_scope_is_refused_with_the_known_ones(scopes):
    make_operator()

    with pytest.raises(operators.UnableToCreateApiKey, match="orders:read") as caught:
        make_key(scopes=scopes)
    assert caught.value.code == "unknown_scope"
    assert not ApiKey.objects.exists()


def test_a_key_needs_an_operator():
    with pytest.raises(operators.UnableToCreateApiKey, match="'acme'") as caught:
        make_key()
    assert caught.value.code == "unknown_operator"


# Staff


@pytest.mark.parametrize(
    ("role", "scopes", "may"),
    [
        ("owner", operators.SCOPES, True),
        ("finance", ["payments:write", "orders:read"], True),
        ("finance", ["charge_points:write"], False),
        ("technician", ["commands:write", "tokens:write"], True),
        ("technician", ["payments:write"], False),
        ("viewer", ["orders:read", "charge_points:read"], True),
        ("viewer", ["commands:write"], False),
        ("viewer", [], True),
    ],
)
def test_a_role_gives_its_scopes_and_no_others(role, scopes, may):
    operator = make_operator()
    user = User.objects.create_user("staff@example.org", is_staff=True)
    Membership.objects.create(operator=operator, user=user, role=role)

    ids = staff.operator_ids_with(user_id=user.pk, scopes=scopes)

    assert ids == ((operator.pk,) if may else ())
    assert staff.role_at(user_id=user.pk, operator_id=operator.pk) == role


def test_every_role_has_its_scopes():
    assert set(staff.ROLE_SCOPES) == set(Membership.Role)


def test_a_user_belongs_to_the_operators_of_its_memberships():
    ids = [make_operator(code=code).pk for code in ("one", "two", "three")]
    user = User.objects.create_user("staff@example.org")
    for pk in (ids[2], ids[0]):
        Membership.objects.create(operator_id=pk, user=user, role="viewer")

    assert staff.operator_ids_of(user_id=user.pk) == (ids[0], ids[2])
    assert staff.role_at(user_id=user.pk, operator_id=ids[1]) is None


# Drivers


def test_signing_up_makes_an_account_and_a_token():
    issued = drivers.sign_up(
        email="Ann@Example.ORG", password=PASSWORD, locale="de", at=AT
    )

    driver = Driver.objects.get()
    assert (driver.pk, driver.email, driver.locale) == (
        issued.driver_id,
        "ann@example.org",
        "de",
    )
    assert driver.user.email == "ann@example.org"
    assert driver.user.check_password(PASSWORD)
    assert not driver.user.is_staff
    token = DriverToken.objects.get()
    assert token.token_hash == sha256_hex(issued.token)
    assert token.expires_at == issued.expires_at == AT + drivers.TOKEN_LIFETIME


@pytest.mark.parametrize("password", ["", "short", "password123", "9281736450"])
def test_a_weak_password_is_refused_and_no_account_is_made(password):
    with pytest.raises(drivers.UnableToSignUp) as caught:
        drivers.sign_up(email="a@example.org", password=password, locale="en", at=AT)

    assert caught.value.code == "weak_password"
    assert not User.objects.exists()


def test_a_password_like_the_address_is_weak():
    with pytest.raises(drivers.UnableToSignUp, match="similar"):
        drivers.sign_up(
            email="annabelle.smith@example.org",
            password="annabelle.smith",
            locale="en",
            at=AT,
        )


def test_an_address_is_taken_once_however_it_is_written():
    sign_up("ann@example.org")

    with pytest.raises(drivers.UnableToSignUp) as caught:
        sign_up("ANN@example.ORG")
    assert caught.value.code == "email_taken"
    assert caught.value.status == 409
    assert User.objects.count() == Driver.objects.count() == 1
    assert DriverToken.objects.count() == 1


def test_logging_in_gives_another_token():
    first = sign_up("ann@example.org")

    second = drivers.log_in(email="Ann@Example.org", password=PASSWORD, at=AT)

    assert second.driver_id == first.driver_id
    assert second.token != first.token


@pytest.mark.parametrize(
    ("email", "password"),
    [("ann@example.org", "wrong"), ("bob@example.org", PASSWORD), ("", "")],
)
def test_a_wrong_log_in_says_the_same_whatever_is_wrong(email, password):
    sign_up("ann@example.org")

    with pytest.raises(drivers.UnableToLogIn) as caught:
        drivers.log_in(email=email, password=password, at=AT)
    assert caught.value.code == "invalid_credentials"
    assert caught.value.message == "The address or the password is not right."
    assert caught.value.status == 401
    assert DriverToken.objects.count() == 1


def test_staff_without_a_driver_account_gets_no_token():
    User.objects.create_user("staff@example.org", PASSWORD, is_staff=True)

    with pytest.raises(drivers.UnableToLogIn):
        drivers.log_in(email="staff@example.org", password=PASSWORD, at=AT)


def test_a_closed_account_cannot_log_in():
    sign_up("ann@example.org")
    User.objects.update(is_active=False)

    with pytest.raises(drivers.UnableToLogIn):
        drivers.log_in(email="ann@example.org", password=PASSWORD, at=AT)


def test_the_oldest_tokens_beyond_the_limit_end(driver_id):
    other = sign_up("bob@example.org")
    first = DriverToken.objects.get(driver_id=driver_id)
    for minute in range(1, drivers.TOKENS_PER_DRIVER_MAX):
        drivers.issue_token(driver_id=driver_id, at=AT + timedelta(minutes=minute))
    assert DriverToken.objects.filter(pk=first.pk).exists()

    newest = drivers.issue_token(driver_id=driver_id, at=AT + timedelta(hours=1))

    own = DriverToken.objects.filter(driver_id=driver_id)
    assert own.count() == drivers.TOKENS_PER_DRIVER_MAX
    assert not own.filter(pk=first.pk).exists()
    assert own.filter(token_hash=sha256_hex(newest.token)).exists()
    assert DriverToken.objects.filter(token_hash=sha256_hex(other.token)).exists()


def test_a_revoked_token_keeps_its_first_end():
    issued = sign_up()
    other = drivers.issue_token(driver_id=issued.driver_id, at=AT)

    drivers.revoke_token(token=issued.token, at=AT + timedelta(hours=1))
    drivers.revoke_token(token=issued.token, at=AT + timedelta(hours=2))
    drivers.revoke_token(token="unknown", at=AT)

    ends = dict(DriverToken.objects.values_list("token_hash", "revoked_at"))
    assert ends == {
        sha256_hex(issued.token): AT + timedelta(hours=1),
        sha256_hex(other.token): None,
    }
