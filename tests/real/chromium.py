"""A real Chromium, Debian's, that looks at pages. Never here: what is looked at."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from playwright.async_api import Browser, Page, async_playwright

PICTURES = Path(__file__).parents[2] / ".cache/pages"
"""where the last run's screenshots are kept"""


def program() -> str:
    """Where it is. tools/prerequisites installs it; any of its names will do."""
    names = ("chromium", "chromium-browser", "google-chrome")
    found = next(filter(None, map(shutil.which, names)), None)
    assert found, "there is no Chromium on this machine: on Debian, apt-get install chromium"
    return found


@asynccontextmanager
async def browser() -> AsyncIterator[Browser]:
    """It ends with the context. As root it has no sandbox, and shows nothing but pages of our own."""
    async with async_playwright() as playwright:
        started = await playwright.chromium.launch(
            executable_path=program(), chromium_sandbox=os.getuid() != 0
        )
        try:
            yield started
        finally:
            await started.close()


@asynccontextmanager
async def page(
    browser_: Browser, theme: str = "light", width: int = 1280, scripts: bool = True
) -> AsyncIterator[Page]:
    """A window, which must end without a complaint in its console: scripts that fail, or what the policy keeps from loading."""
    context = await browser_.new_context(
        color_scheme="dark" if theme == "dark" else "light",
        viewport={"width": width, "height": 900},
        java_script_enabled=scripts,
    )
    complaints: list[str] = []
    try:
        opened = await context.new_page()
        opened.set_default_timeout(20_000)
        opened.on("console", lambda told: complaints.append(told.text) if told.type == "error" else None)
        opened.on("pageerror", lambda error: complaints.append(str(error)))
        yield opened
        assert not [told for told in complaints if "Failed to load resource" not in told], complaints
    finally:
        await context.close()


async def kept(opened: Page, name: str) -> None:
    """A screenshot of all of it, to be looked at."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    await opened.screenshot(path=PICTURES / f"{name}.png", full_page=True)
