"""The browser and the world of the browser tests."""

from tests.browser.conftest import chromium, context_of, psp_process, world

__all__ = ["chromium", "context_of", "psp_process", "world"]
