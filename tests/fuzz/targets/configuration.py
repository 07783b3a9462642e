"""Settings: trees as editors send them, and the settings file."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, fields, is_dataclass
from pathlib import Path
from typing import Any

from infill_completion.settings import Settings, documentation, read_config
from infill_server.configuration import Configuration


def check_settings(settings: Settings) -> None:
    """Verify that every setting has a value of a plain type, and that the whole can be written as JSON."""
    json.dumps(asdict(settings), allow_nan=False)
    for section in fields(settings):
        assert is_dataclass(getattr(settings, section.name))


def check_problems(problems: list[str]) -> None:
    """Verify that problems are sentences on one line of a readable length."""
    for problem in problems:
        assert "\n" not in problem
        assert len(problem) < 1000, problem


class ConfigurationTree:
    """`initializationOptions`, `workspace/configuration` and `didChangeConfiguration` with any JSON."""

    name = "configuration"

    def seeds(self) -> Sequence[bytes]:
        """Return the defaults as one tree, with dotted keys, and inside ``infill``."""
        tree = asdict(Settings())
        dotted = {item.key: item.default for item in documentation()}
        values: list[Any] = [tree, {"infill": tree}, dotted, {"infill": dotted}, [], None]
        return [json.dumps(value).encode() for value in values]

    def run(self, data: bytes) -> None:
        """Apply the tree as each layer in turn."""
        try:
            written: Any = json.loads(data)
        except (ValueError, RecursionError):
            return
        configuration = Configuration()
        for apply in (configuration.initialize, configuration.live, configuration.pushed):
            check_problems(apply(written))
            check_settings(configuration.settings)
        assert configuration.live(written) == []  # each problem is reported once


class SettingsFile:
    """``config.toml`` with any bytes."""

    name = "settings-file"

    def seeds(self) -> Sequence[bytes]:
        """Return a file with all kinds of values."""
        return [
            b'[engine]\nurl = "http://localhost:8000/v1"\nmodel = "auto"\ncontext_tokens = 4096\n',
            b'[completion]\ntemperature = 0.1\nmultiline = "auto"\nlanguages = { python = true, "*" = false }\n',
            b'[privacy]\nignore = ["*.pem", "secrets/"]\n\n[context]\nworkspace = true\n',
            b"completion.enabled = false\nengine.idle_exit_s = 1e3\n",
            b"\xef\xbb\xbf[engine]\r\nmodel = 'x'\r\n",
        ]

    def run(self, data: bytes) -> None:
        """Read the file and apply it."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "config.toml")
            path.write_bytes(data)
            _, problems = read_config(path)
            check_problems(problems)
            configuration = Configuration()
            check_problems(configuration.read_file(path))
            check_settings(configuration.settings)
