"""The private names of pygls that the server uses, which an upgrade may remove without notice."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from pygls.lsp.server import LanguageServer
from pygls.protocol import LanguageServerProtocol

import infill_server

OVERRIDDEN = (
    "_execute_handler",
    "_send_handler_result",
    "_check_handler_result",
    "_send_data",
    "_serialize_message",
    "_handle_notification",
)
USED = (
    "_converter",
    "_handle_cancel_notification",
    "_request_futures",
    "_result_types",
    "_send_response",
    "_shutdown",
)
FOLDER = Path(infill_server.__file__).parent


@pytest.fixture(scope="module")
def protocol() -> LanguageServerProtocol:
    return LanguageServer("test", "0").protocol


@pytest.mark.parametrize("name", OVERRIDDEN)
def test_overridden_names_are_methods_of_pygls(name: str) -> None:
    assert callable(getattr(LanguageServerProtocol, name))


@pytest.mark.parametrize("name", USED)
def test_used_names_are_attributes_of_pygls(protocol: LanguageServerProtocol, name: str) -> None:
    assert hasattr(protocol, name)


def _private_names(path: Path) -> set[str]:
    """Return the private methods that a file defines and the private attributes that it reads."""
    nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    names = {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    names |= {node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
    return {name for name in names if name.startswith("_") and not name.startswith("__")}


def test_one_file_uses_private_names_of_pygls_and_all_are_listed(protocol: LanguageServerProtocol) -> None:
    # Other classes of ours may keep an attribute of their own with this name.
    private = {name for name in dir(protocol) if name.startswith("_")} - {"_server"}
    users = {path.name: found for path in FOLDER.rglob("*.py") if (found := _private_names(path) & private)}
    assert users == {"protocol.py": {*OVERRIDDEN, *USED}}
