"""A real JupyterLab with the language server, in a real browser."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CONFIG = Path(__file__).with_name("infill.json")
URL = re.compile(r"http://127\.0\.0\.1:(\d+)/lab")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


@dataclass(frozen=True)
class Lab:
    """A JupyterLab that runs: its address and its folder of documents."""

    url: str
    documents: Path

    @contextmanager
    def page(self, path: str) -> Iterator[Any]:
        """Open an address of it in headless Chromium."""
        from playwright.sync_api import sync_playwright

        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
            try:
                view = browser.new_page(viewport={"width": 1100, "height": 700})
                view.set_default_timeout(60_000)
                view.goto(self.url + path)
                view.locator(".jp-FileEditor .cm-content").wait_for()
                yield view
            finally:
                browser.close()

    def until_started(self, view: Any) -> None:
        """Wait until the language server has answered ``initialize``."""
        view.wait_for_function(
            """async url => {
                const { sessions } = await (await fetch(url + '/lsp/status')).json();
                return sessions['infill-ls']?.status === 'started';
            }""",
            arg=self.url,
        )


@contextmanager
def lab(folder: Path, environment: Mapping[str, str]) -> Iterator[Lab]:
    """Run JupyterLab with the documented configuration."""
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
        env={**environment, "JUPYTER_CONFIG_DIR": str(config), "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
             "JUPYTER_DATA_DIR": str(folder / "data"), "JUPYTERLAB_SETTINGS_DIR": str(folder / "settings")},
        stderr=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    try:
        assert server.stderr is not None
        seen = []
        for line in server.stderr:
            seen.append(line)
            if found := URL.search(line):
                break
        else:
            raise AssertionError("JupyterLab ended:\n" + "".join(seen))
        # A full pipe would hold up the server.
        threading.Thread(target=server.stderr.read, daemon=True).start()
        yield Lab(f"http://127.0.0.1:{found.group(1)}", documents)
    finally:
        server.terminate()
        server.wait()
