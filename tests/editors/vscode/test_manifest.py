"""The extension's manifest agrees with the server's settings, and its references exist."""

from __future__ import annotations

import json
import re
import runpy
import struct
from pathlib import Path
from typing import Any

import pytest

from infill_completion.settings import documentation

EXTENSION = Path(__file__).resolve().parents[3] / "editors" / "vscode"


def script(name: str) -> dict[str, Any]:
    return runpy.run_path(str(EXTENSION / "scripts" / f"{name}.py"))


@pytest.fixture(scope="module")
def manifest() -> dict[str, Any]:
    package: dict[str, Any] = json.loads((EXTENSION / "package.json").read_text("utf-8"))
    return package


@pytest.fixture(scope="module")
def properties(manifest: dict[str, Any]) -> dict[str, Any]:
    sections = manifest["contributes"]["configuration"]
    return {key: schema for section in sections for key, schema in section["properties"].items()}


def test_the_settings_are_those_of_the_server() -> None:
    stale = script("settings")["stale"]()
    assert not stale, f"run editors/vscode/scripts/settings.py: {[path.name for path in stale]}"


def test_every_setting_of_the_server_is_in_the_settings_editor(properties: dict[str, Any]) -> None:
    assert {f"infill.{row.key}" for row in documentation()} <= set(properties)


def test_what_names_a_program_or_a_url_is_a_setting_of_the_machine(
    manifest: dict[str, Any], properties: dict[str, Any]
) -> None:
    trusted = {f"infill.{row.key}" for row in documentation() if row.trusted}
    guarded = trusted | {"infill.server.path", "infill.server.python", "infill.server.package"}
    untrusted = manifest["capabilities"]["untrustedWorkspaces"]
    assert {key for key in guarded if properties[key]["scope"] != "machine"} == set()
    assert guarded <= set(untrusted["restrictedConfigurations"])
    assert untrusted["supported"] == "limited"


def test_every_command_has_its_code_and_every_key_and_step_its_command(manifest: dict[str, Any]) -> None:
    contributes = manifest["contributes"]
    commands = {each["command"] for each in contributes["commands"]}
    source = (EXTENSION / "src" / "commands.ts").read_text("utf-8")
    body = source[source.index("private table()") :]
    names = re.findall(r"^\s+(\w+): (?:async )?\(\w*\) =>", body, re.MULTILINE)
    assert commands == {f"infill-ls.{name}" for name in names}
    assert {each["command"] for each in contributes["keybindings"]} <= commands
    steps = [step for walkthrough in contributes["walkthroughs"] for step in walkthrough["steps"]]
    linked = {command for step in steps for command in re.findall(r"\(command:(infill-ls\.\w+)\)", step["description"])}
    assert linked <= commands
    assert all((EXTENSION / step["media"]["markdown"]).is_file() for step in steps)


def test_the_icon_is_what_its_script_draws_and_small() -> None:
    image = (EXTENSION / "media" / "icon.png").read_bytes()
    assert image == script("icon")["png"]()
    assert struct.unpack(">II", image[16:24]) == (128, 128)
    assert len(image) < 30_000


def test_the_lock_files_name_no_registry() -> None:
    for folder in (EXTENSION, Path(__file__).parent):
        lock = json.loads((folder / "package-lock.json").read_text("utf-8"))
        assert [name for name, package in lock["packages"].items() if "resolved" in package] == []
