"""A guest with a phone: reads the label, pays on the provider's page, charges.

Speaks to the pages as a browser without scripts does: cookies, forms, redirects.
"""

import re
import time
from http.cookiejar import CookieJar
from typing import Final
from urllib.error import URLError
from urllib.parse import urlencode, urlsplit
from urllib.request import HTTPCookieProcessor, OpenerDirector, Request, build_opener

from simulators.errors import SimulatorError, WaitedTooLong

CARD: Final = "4242424242424242"
"""The provider's published test card that works."""

PAGE_BYTES_MAX: Final = 1_000_000
ANSWER_S: Final = 120.0
POLL_S: Final = 0.3
_SECRET: Final = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')


class Guest:
    """One visitor of the pages, with its cookies."""

    def __init__(self, web_url: str) -> None:
        """Nothing is opened yet."""
        self.web_url = web_url
        self._browser: OpenerDirector = build_opener(HTTPCookieProcessor(CookieJar()))

    def _open(self, url: str, form: dict[str, str] | None = None) -> tuple[str, str]:
        """The address where it ends after redirects, and the page."""
        body = None if form is None else urlencode(form).encode()
        request = Request(url, body, headers={"Referer": url})  # noqa: S310 - given
        try:
            with self._browser.open(request, timeout=ANSWER_S) as answer:
                return answer.url, answer.read(PAGE_BYTES_MAX).decode()
        except URLError as error:
            raise SimulatorError(f"{url}: {error}") from error

    def start(self, connector_code: str, *, timeout_s: float = ANSWER_S) -> str:
        """From the label to the paid start; returns the address of the live page.

        Raises:
            SimulatorError: a page said no, or has another form.
            WaitedTooLong: the provider's page was not offered in time.
        """
        url, page = self._open(f"{self.web_url}/q/{connector_code}")
        found = _SECRET.search(page)
        if found is None:
            raise SimulatorError(f"{url} offers no start")
        form = {"csrfmiddlewaretoken": found.group(1), "guest": "1", "email": ""}
        live, _ = self._open(f"{url}/start", form)
        self._open(self._payment_page(live, timeout_s), {"card_number": CARD})
        return live

    def _payment_page(self, live: str, timeout_s: float) -> str:
        """Wait until the page leads to the provider's."""
        url, until_s = live, time.monotonic() + timeout_s
        while urlsplit(url).netloc == urlsplit(self.web_url).netloc:
            if time.monotonic() > until_s:
                raise WaitedTooLong(f"{live} leads to no payment page")
            time.sleep(POLL_S)
            url, _ = self._open(url)
        return url
