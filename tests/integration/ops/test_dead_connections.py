"""Workers keep a database connection over many tasks; it may die in between."""

import os
import socket

import pytest
from celery import shared_task
from django.db import InterfaceError, OperationalError, connection

from cpms.accounts.models import Operator

pytestmark = pytest.mark.integration


@shared_task(name="tests.count_operators")
def count_operators():
    return Operator.objects.count()


def cut():
    """The server is gone: as after kill -9, the line is down without a word."""
    with socket.socket(fileno=os.dup(connection.connection.fileno())) as line:
        line.shutdown(socket.SHUT_RDWR)


def test_a_task_after_the_databases_death_begins_with_a_connection(transactional_db):
    count_operators.apply().get()
    cut()
    with pytest.raises((OperationalError, InterfaceError)):
        count_operators.apply().get()

    assert count_operators.apply().get() == 0
    assert count_operators.apply().get() == 0


def test_a_connection_that_works_is_kept(transactional_db):
    def backend():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            return cursor.fetchone()[0]

    before = backend()
    with pytest.raises(OperationalError), connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = 1; SELECT pg_sleep(1)")
    count_operators.apply().get()

    assert backend() == before
