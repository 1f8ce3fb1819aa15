"""A real browser: Debian's Chromium, driven by Playwright, that counts what it asks of anybody but the site."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

ARTIFACTS = Path(__file__).parents[1] / "artifacts" / "screenshots"
"""Where the pictures of the pages are kept; a build artefact."""
# Without these flags Chromium itself asks hosts of its maker for updates, and may not start in a container.
_FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
DESKTOP = {"width": 1280, "height": 900}
PHONE = {"width": 390, "height": 844}


def chromium() -> str:
    """The browser's program; skips the test where there is none."""
    named = os.environ.get("BELEG_TEST_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if named is None:
        pytest.skip("no Chromium is installed (Debian: chromium), nor named by BELEG_TEST_CHROMIUM")
    return named


@contextmanager
def browsing() -> Iterator[Any]:
    """A browser."""
    program = chromium()
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=_FLAGS)
        try:
            yield browser
        finally:
            browser.close()


class Surfing:
    """One person's browser window on a site."""

    def __init__(
        self, browser: Any, url: str, lang: str = "en", size: dict[str, int] = DESKTOP, **options: Any
    ) -> None:
        self.url = url
        self.context = browser.new_context(base_url=url, locale=lang, viewport=size, **options)
        self.page = self.context.new_page()
        self.outside: list[str] = []
        self.faults: list[str] = []
        self.context.on("request", self._asked)
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("console", self._said)

    def _asked(self, request: Any) -> None:
        if (
            not request.url.startswith(("data:", "about:", "blob:"))
            and urlsplit(request.url).netloc != urlsplit(self.url).netloc
        ):
            self.outside.append(request.url)

    def _said(self, message: Any) -> None:
        if message.type == "error":
            self.faults.append(message.text)

    def sign_in(self, name: str, password: str) -> None:
        """Sign in on the form."""
        self.page.goto("/sign-in")
        self.page.fill("#name", name)
        self.page.fill("#password", password)
        self.page.click("main button")
        self.page.wait_for_url("**/messages")

    def picture(self, name: str) -> None:
        """Keep a picture of the whole page."""
        ARTIFACTS.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=ARTIFACTS / f"{name}.png", full_page=True)

    def close(self) -> None:
        """Close the window."""
        self.context.close()
