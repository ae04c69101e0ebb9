"""Settings of the tests' own processes: the usual ones and a few subscribers."""

from cpms.settings.dev import *  # noqa: F403, TID251 - these are settings

INSTALLED_APPS += ["tests.integration.outbox.listeners.Listeners"]  # noqa: F405
