import pytest
from django.db import IntegrityError, ProgrammingError, connection, transaction
from django.utils import timezone

from cpms.accounts.models import AuditEntry, Driver, Membership, Operator, User
from cpms.accounts.services import operators
from cpms.accounts.tenancy import (
    acting_as_driver,
    acting_as_platform,
    acting_for,
    set_scope,
)


@pytest.fixture
def two(db):
    return [
        operators.create_operator(
            code=code,
            name=code,
            country="DE",
            currency="EUR",
            time_zone="Europe/Berlin",
            by="test",
            at=timezone.now(),
        )
        for code in ("one", "two")
    ]


def test_the_web_role_sees_nothing_by_itself(two, as_role):
    with as_role("app"):
        assert not Operator.objects.exists()


def test_the_web_role_sees_the_rows_of_its_scope_only(two, as_role):
    with as_role("app"):
        with acting_for([two[0].pk]):
            assert [o.code for o in Operator.objects.all()] == ["one"]
            assert AuditEntry.objects.count() == 1
        with acting_as_platform("test"):
            assert Operator.objects.count() == 2
        assert not Operator.objects.exists()


def test_scopes_nest_and_come_back(two, as_role):
    with as_role("app"), acting_for([two[0].pk]):
        with acting_as_platform("test"):
            assert Operator.objects.count() == 2
        assert Operator.objects.count() == 1


def test_another_operators_row_cannot_be_written(two, as_role):
    user = User.objects.create_user("a@example.org")
    with as_role("app"), acting_for([two[0].pk]):
        with (
            pytest.raises(ProgrammingError, match="row-level security"),
            transaction.atomic(),
        ):
            Membership.objects.create(operator=two[1], user=user, role="viewer")
        assert Operator.objects.filter(pk=two[1].pk).update(name="stolen") == 0


def test_a_driver_sees_itself_only(db, as_role):
    drivers = [
        Driver.objects.create(user=User.objects.create_user(mail), email=mail)
        for mail in ("a@example.org", "b@example.org")
    ]
    with as_role("app"), acting_as_driver(drivers[0].pk):
        assert [d.pk for d in Driver.objects.all()] == [drivers[0].pk]


@pytest.mark.parametrize("role", ["app", "system"])
@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE accounts_auditentry SET actor = 'x'",
        "DELETE FROM accounts_auditentry",
        "TRUNCATE accounts_auditentry",
    ],
)
def test_the_audit_log_only_grows(two, as_role, role, sql):
    with (
        as_role(role),
        pytest.raises(ProgrammingError, match="permission denied"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(sql)


def test_not_even_the_owner_changes_the_audit_log(two, as_role):
    with (
        as_role("owner"),
        pytest.raises(IntegrityError, match="is refused"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute("DELETE FROM accounts_auditentry")


def test_a_scope_needs_a_database_transaction(transactional_db):
    with pytest.raises(transaction.TransactionManagementError):
        set_scope(role="platform")


def test_a_platform_scope_needs_a_reason(db):
    with pytest.raises(ValueError, match="why"), acting_as_platform(""):
        pass
