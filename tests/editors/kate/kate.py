"""A real Kate on a virtual screen, with its messages to the server and the answers."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")

DEADLINE_S = 30.0
_FETCHED = Path(__file__).parents[3] / ".cache" / "newer" / "root"
# Colour of the selected entry in a popup, from Qt's palette.
_CHOSEN = (194, 224, 245)
_CHOSEN_WIDTH = 150
_LOOKS = 4
_HEADER = re.compile(r"Content-Length: \d+\r\n(?:[\w-]+: .*\r\n)*\r\n")


def binary() -> str | None:
    """Return the Kate to run: the one that newer.sh fetched, else the one on PATH."""
    fetched = _FETCHED / "usr" / "bin" / "kate"
    return str(fetched) if fetched.exists() else shutil.which("kate")


def missing() -> list[str]:
    """Return the programs that are missing."""
    found = {"kate": binary(), "Xvfb": shutil.which("Xvfb"), "xdotool": shutil.which("xdotool")}
    return [name for name, path in found.items() if path is None]


@contextmanager
def screen() -> Iterator[str]:
    """Run a virtual screen and yield its name."""
    reading, writing = os.pipe()
    command = ["Xvfb", "-displayfd", str(writing), "-screen", "0", "1000x700x24", "-nolisten", "tcp"]
    server = subprocess.Popen(command, pass_fds=[writing], stderr=subprocess.DEVNULL)
    os.close(writing)
    try:
        with os.fdopen(reading) as said:
            yield f":{said.readline().strip()}"
    finally:
        server.terminate()
        server.wait()


class Kate:
    """One editor with one file, the cursor at its end."""

    def __init__(self, file: Path, content: bytes, display: str, environment: Mapping[str, str]) -> None:
        file.write_bytes(content)
        self.file = file
        self._folder = file.parent
        self._environment = {
            **environment,
            "PATH": f"{self._overheard(environment['PATH'])}:{environment['PATH']}",
            "DISPLAY": display,
            "QT_QPA_PLATFORM": "xcb",
            "DBUS_SESSION_BUS_ADDRESS": "disabled:",
        }
        if str(binary()).startswith(str(_FETCHED)):
            plugins = _FETCHED / "usr" / "lib" / "x86_64-linux-gnu" / "qt6" / "plugins"
            shared = f"{_FETCHED / 'usr' / 'share'}:/usr/share"
            self._environment |= {"QT_PLUGIN_PATH": str(plugins), "XDG_DATA_DIRS": shared}
        self._process = subprocess.Popen(
            [binary() or "kate", "--new", file.name],
            cwd=file.parent,
            env=self._environment,
            stdout=subprocess.DEVNULL,
            stderr=(self._folder / "kate.log").open("wb"),
        )

    def _overheard(self, path: str) -> Path:
        """Put an ``infill-ls`` before the real one on PATH that records all messages."""
        folder = self._folder / "bin"
        folder.mkdir()
        (folder / "infill-ls").write_text(
            f"#!/bin/sh\ntee '{self._folder}/asked' | '{shutil.which('infill-ls', path=path)}' | "
            f"tee '{self._folder}/answered'\n",
            encoding="utf-8",
        )
        (folder / "infill-ls").chmod(0o755)
        return folder

    def until_ready(self) -> None:
        """Wait until the server is ready for the file, and go to its end."""
        ready = '"infill/status","jsonrpc":"2.0","params":{"kind":"Normal","busy":false'
        self.until(lambda: ready in self._said("answered"), "the model is ready", 90)
        self.key("ctrl+End")

    def close(self) -> None:
        """Kill the editor; its server ends with it."""
        self._process.kill()
        self._process.wait()

    def until(self, condition: Callable[[], T | None], what: str, deadline_s: float = DEADLINE_S) -> T:
        """Return the first true value of ``condition``; fail with ``what`` at the deadline, or if Kate has ended."""
        for _ in range(int(deadline_s / 0.1)):
            if value := condition():
                return value
            if self._ends_within(0.1):
                break
        raise AssertionError(f"not within {deadline_s:g} s: {what}\n{(self._folder / 'kate.log').read_text()}")

    def type(self, text: str) -> None:
        """Press the keys of a text."""
        self._xdotool("type", text)

    def key(self, name: str) -> None:
        """Press one key."""
        self._xdotool("key", name)

    def offered(self, column: int) -> dict[str, Any]:
        """Wait for the popup at a column; return the server's entry for it."""
        entry = self.until(lambda: self._entry(column), f"an entry for column {column}")
        # A popup ignores keys right after it appears, so that users do not accept what they have not seen.
        self.until(lambda: all(self.has_popup() and not self._ends_within(0.1) for _ in range(_LOOKS)), "the popup")
        return entry

    def accept(self) -> None:
        """Accept the selected entry of the popup."""
        self.key("Return")
        self.until(lambda: not self.has_popup(), "the popup is closed")

    def save(self) -> bytes:
        """Save and return the bytes on disk."""
        self.until(lambda: " * " in self._title(), "the file is changed")
        self.key("ctrl+s")
        self.until(lambda: " * " not in self._title(), "the file is saved")
        return self.file.read_bytes()

    def has_popup(self) -> bool:
        """Return whether an entry of a popup is selected: a long run of the selection's colour."""
        from PIL import ImageGrab

        image = ImageGrab.grab(xdisplay=self._environment["DISPLAY"]).convert("RGB")
        run = bytes(_CHOSEN) * _CHOSEN_WIDTH
        row = 3 * image.width
        pixels = image.tobytes()
        return any(run in pixels[start : start + row] for start in range(0, len(pixels), row))

    def _ends_within(self, patience_s: float) -> bool:
        try:
            self._process.wait(patience_s)
        except subprocess.TimeoutExpired:
            return False
        return True

    def _entry(self, column: int) -> dict[str, Any] | None:
        asked = [each for each in self._messages("asked") if each.get("method") == "textDocument/completion"]
        if not asked or asked[-1]["params"]["position"]["character"] != column:
            return None
        answers = [each for each in self._messages("answered") if each.get("id") == asked[-1]["id"]]
        items = [item for each in answers if each.get("result") for item in each["result"]["items"]]
        return items[0] if items else None

    def _messages(self, name: str) -> list[dict[str, Any]]:
        found = []
        for text in _HEADER.split(self._said(name)):
            try:
                found.append(json.loads(text))
            except ValueError:  # the beginning, or an incomplete message
                continue
        return found

    def _said(self, name: str) -> str:
        path = self._folder / name
        return path.read_bytes().decode(errors="replace") if path.exists() else ""

    def _title(self) -> str:
        return self._xdotool("search", "--onlyvisible", "--class", "kate", "getwindowname")

    def _xdotool(self, *arguments: str) -> str:
        command = ["xdotool", *arguments]
        run = subprocess.run(command, env=self._environment, capture_output=True, text=True, check=False)
        return run.stdout


@contextmanager
def kate(file: Path, content: bytes, display: str, environment: Mapping[str, str]) -> Iterator[Kate]:
    """Open a file in Kate, and close Kate at the end of the context."""
    editor = Kate(file, content, display, environment)
    try:
        editor.until_ready()
        yield editor
    finally:
        editor.close()
