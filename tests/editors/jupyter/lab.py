"""A real JupyterLab with the language server behind it, in a real browser."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

CONFIG = Path(__file__).with_name("infill.json")
URL = re.compile(r"http://127\.0\.0\.1:(\d+)/lab")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


@contextmanager
def lab(folder: Path, environment: Mapping[str, str]) -> Iterator[tuple[str, Path]]:
    """Run JupyterLab with the documented configuration; gives its address and its folder of documents."""
    documents, config = folder / "documents", folder / "config"
    documents.mkdir()
    (config / "jupyter_server_config.d").mkdir(parents=True)
    shutil.copy(CONFIG, config / "jupyter_server_config.d" / "infill.json")
    completer = folder / "settings" / "@jupyterlab" / "completer-extension" / "manager.jupyterlab-settings"
    completer.parent.mkdir(parents=True)
    completer.write_text('{"providerTimeout": 5000}\n', encoding="utf-8")
    server = subprocess.Popen(
        [sys.executable, "-m", "jupyterlab", "--no-browser", "--port=0", "--ServerApp.ip=127.0.0.1", "--allow-root",
         "--IdentityProvider.token=", f"--ServerApp.root_dir={documents}", "--LanguageServerManager.autodetect=False",
         "--LabApp.news_url=None", "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate"],
        env={**os.environ, **environment, "HOME": str(folder), "JUPYTER_CONFIG_DIR": str(config),
             "JUPYTER_RUNTIME_DIR": str(folder / "runtime"), "JUPYTER_DATA_DIR": str(folder / "data"),
             "JUPYTERLAB_SETTINGS_DIR": str(folder / "settings"),
             "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
        stderr=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    try:
        assert server.stderr is not None
        seen = []
        for line in server.stderr:
            seen.append(line)
            if found := URL.search(line):
                yield f"http://127.0.0.1:{found.group(1)}", documents
                return
        raise AssertionError("JupyterLab ended:\n" + "".join(seen))
    finally:
        server.terminate()
        server.communicate()


@contextmanager
def page(url: str) -> Iterator[Any]:
    """Open an address in headless Chromium."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        try:
            view = browser.new_page(viewport={"width": 1100, "height": 700})
            view.set_default_timeout(60_000)
            view.goto(url)
            yield view
        finally:
            browser.close()


def served(url: str) -> list[str]:
    """Return the language servers that JupyterLab runs now, by state."""
    import urllib.request

    with urllib.request.urlopen(f"{url}/lsp/status") as answer:
        sessions = json.load(answer)["sessions"]
    return [f"{name} {session['status']}" for name, session in sessions.items()]
