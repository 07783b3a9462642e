"""Writes the settings of the language server into the extension, so that both are documented in one place.

``python editors/vscode/scripts/settings.py`` rewrites ``src/keys.ts`` and the generated parts of ``package.json`` (the
settings, and which of them an untrusted workspace may not set); ``--check`` only reports stale files.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from infill_completion.settings import documentation
from infill_completion.settings_schema import Setting, ValueType

EXTENSION = Path(__file__).resolve().parents[1]
SCHEMAS: dict[ValueType, dict[str, Any]] = {
    ValueType.STRING: {"type": "string"},
    ValueType.INTEGER: {"type": "integer"},
    ValueType.NUMBER: {"type": "number"},
    ValueType.BOOLEAN: {"type": "boolean"},
    ValueType.STRINGS: {"type": "array", "items": {"type": "string"}},
    ValueType.SWITCHES: {"type": "object", "additionalProperties": {"type": "boolean"}},
}

# The settings that only the extension reads. Those that name a program or a package have the scope "machine".
OWN: dict[str, dict[str, Any]] = {
    "infill.server.path": {
        "type": ["string", "null"],
        "default": None,
        "scope": "machine",
        "markdownDescription": "The program `infill-ls`. Unset: the one on `PATH` outside the workspace, else the "
        "extension's own.",
    },
    "infill.server.python": {
        "type": ["string", "null"],
        "default": None,
        "scope": "machine",
        "markdownDescription": "The Python (3.11 or newer) that makes the extension's own environment. Unset: the "
        "newest on `PATH` outside the workspace.",
    },
    "infill.server.package": {
        "type": "string",
        "default": "infill-ls",
        "scope": "machine",
        "markdownDescription": "What pip installs into the extension's own environment: a requirement, or the path "
        "of a wheel.",
    },
    "infill.popup.enabled": {
        "type": "boolean",
        "default": False,
        "scope": "window",
        "markdownDescription": "Also list suggestions in the completion menu. Ghost text does not need it.",
    },
}


def json_schema(row: Setting) -> dict[str, Any]:
    """Return the JSON schema of one setting as VS Code's settings editor takes it."""
    schema = dict(SCHEMAS[row.type])
    if row.is_optional:
        schema["type"] = [schema["type"], "null"]
    if row.choices:
        schema["enum"] = list(row.choices)
    if row.at_least is not None:
        schema["minimum"] = row.at_least
    if row.at_most is not None:
        schema["maximum"] = row.at_most
    schema["default"] = list(row.default) if isinstance(row.default, tuple) else row.default
    schema["scope"] = scope(row)
    schema["markdownDescription"] = row.doc
    return schema


def scope(row: Setting) -> str:
    """Return the scope of a key: an engine is shared by all windows, so no workspace may configure it."""
    return "machine" if row.trusted or row.key.startswith("engine.") else "window"


def configuration() -> list[dict[str, Any]]:
    """Return ``contributes.configuration``: one section for each part of the tree, the extension's own first."""
    sections: dict[str, dict[str, Any]] = {}
    for row in documentation():
        sections.setdefault(row.section_title, {})[f"infill.{row.key}"] = json_schema(row)
    made = [{"title": "Extension", "properties": OWN}]
    return made + [{"title": title, "properties": keys} for title, keys in sections.items()]


def restricted() -> list[str]:
    """Return the keys that an untrusted workspace may not set: programs, models, URLs and privacy."""
    rows = documentation()
    guarded = [f"infill.{row.key}" for row in rows if scope(row) == "machine" or row.key.startswith("privacy.")]
    return [key for key, schema in OWN.items() if schema["scope"] == "machine"] + guarded


def manifest(text: str) -> str:
    """Return the text of ``package.json`` with its generated parts replaced."""
    package = json.loads(text)
    package["contributes"]["configuration"] = configuration()
    package["capabilities"]["untrustedWorkspaces"]["restrictedConfigurations"] = restricted()
    return json.dumps(package, indent=2, ensure_ascii=False) + "\n"


def keys(_text: str) -> str:
    """Return the text of ``src/keys.ts``."""
    lines = "".join(f"  {json.dumps(row.key)},\n" for row in documentation())
    return f"// Written by scripts/settings.py.\n\n/** The settings that the language server reads, without `infill.`. */\nexport const SERVER_KEYS: readonly string[] = [\n{lines}];\n"  # noqa: E501


def stale() -> dict[Path, str]:
    """Return the files that are not current, with the text they should have."""
    made = {EXTENSION / "package.json": manifest, EXTENSION / "src" / "keys.ts": keys}
    wanted = {path: make(path.read_text("utf-8") if path.exists() else "") for path, make in made.items()}
    return {path: text for path, text in wanted.items() if not path.exists() or path.read_text("utf-8") != text}


def main() -> int:
    """Rewrite the files, or with ``--check`` name those that are not current and return 1."""
    old = stale()
    if "--check" in sys.argv[1:]:
        for path in old:
            sys.stderr.write(f"{path} is not current; run `make fmt`.\n")
        return 1 if old else 0
    for path, text in old.items():
        path.write_text(text, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
