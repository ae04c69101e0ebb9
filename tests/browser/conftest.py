"""A real browser against a live server, with stations and a provider that answer."""

import os
import time
from pathlib import Path

import pytest
from django.core.cache import cache
from django.db import connection
from playwright.sync_api import sync_playwright

from tests.factories import money
from tests.integration.billing.world import make_world
from tests.psp_process import running_psp

CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
PHONE = {"width": 390, "height": 844}
WAIT_MS = 30_000
BUSY = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
    AND backend_type = 'client backend' AND state <> 'idle'
"""


@pytest.fixture(scope="session")
def psp_process():
    with running_psp() as psp:
        yield psp


@pytest.fixture(scope="module")
def chromium():
    # The browser's driver keeps an event loop running in this thread. Django refuses to
    # ask the database in it (nothing else shares this thread's connection), and tests
    # with a loop of their own cannot start one: so the driver ends with its module.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=ARGUMENTS, headless=True
        )
        yield browser
        browser.close()
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture
def world(transactional_db, live_server, psp_process, settings):
    cache.clear()
    settings.PAYMENT_PROVIDERS = money.provider_settings(psp_process)
    settings.PUBLIC_BASE_URL = live_server.url
    yield make_world(psp_process)
    psp_process.control("faults", method="DELETE")
    _wait_for_the_server()


def _wait_for_the_server():
    """Until all that closed pages asked for is answered, and tables can be emptied."""
    until_s = time.monotonic() + WAIT_MS / 1000
    while time.monotonic() < until_s:
        with connection.cursor() as cursor:
            cursor.execute(BUSY)
            if not cursor.fetchone()[0]:
                return
        time.sleep(0.05)


@pytest.fixture
def context_of(chromium, live_server):
    """Makes browser contexts: ``context_of(locale="de", javaScriptEnabled=…)``."""
    made = []

    def make(**values):
        values.setdefault("viewport", PHONE)
        values.setdefault("locale", "en")
        context = chromium.new_context(base_url=live_server.url, **values)
        context.set_default_timeout(WAIT_MS)
        made.append(context)
        return context

    yield make
    for context in made:
        context.close()


@pytest.fixture
def phone(context_of):
    return context_of().new_page()


@pytest.fixture
def shot(tmp_path):
    """Takes a picture of the whole page into the test's folder (or ``SHOTS``)."""
    folder = Path(os.environ.get("SHOTS", tmp_path))

    def take(page, name):
        page.screenshot(path=str(folder / f"{name}.png"), full_page=True)

    return take
