"""Headless Chromium."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


@contextmanager
def browser_page(scheme: str, *, width: int = 1000, scale: float = 1) -> Iterator[Any]:
    """Open an empty page in the colour scheme ``light`` or ``dark``."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        try:
            size: Any = {"width": width, "height": 800}
            view = browser.new_page(viewport=size, color_scheme=scheme, device_scale_factor=scale)  # type: ignore[arg-type, unused-ignore]
            view.set_default_timeout(60_000)
            yield view
        finally:
            browser.close()
