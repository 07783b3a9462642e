"""Registration of the server's features: which handler answers which LSP method or command."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lsprotocol import types

from infill_server import handlers, workspace_commands
from infill_server.copilot import dialect as copilot
from infill_server.language_server import InfillServer
from infill_server.lsp.items import ACCEPTED

# Some popups open only at these characters; a longer list would open one after every space.
TRIGGER_CHARACTERS = (".", "(", "[", "{", ",", "=", ":")

_FEATURES: tuple[tuple[str, Callable[..., Any], Any], ...] = (
    (types.INITIALIZED, handlers.initialized, None),
    (types.WORKSPACE_DID_CHANGE_CONFIGURATION, handlers.configuration_changed, None),
    (types.TEXT_DOCUMENT_DID_CLOSE, handlers.closed, None),
    (
        types.TEXT_DOCUMENT_COMPLETION,
        handlers.complete,
        types.CompletionOptions(trigger_characters=list(TRIGGER_CHARACTERS)),
    ),
    # Without options pygls does not advertise it.
    (types.TEXT_DOCUMENT_INLINE_COMPLETION, handlers.complete_inline, types.InlineCompletionOptions()),
    ("textDocument/didFocus", workspace_commands.focused, None),
    ("textDocument/didShowCompletion", workspace_commands.shown, None),
    ("textDocument/didPartiallyAcceptCompletion", workspace_commands.partially_accepted, None),
    (copilot.INLINE_EDIT, copilot.inline_edit, None),
    ("textDocument/didShowInlineEdit", copilot.edit_shown, None),
    ("checkStatus", copilot.check_status, None),
    ("signIn", copilot.sign_in, None),
    ("signInInitiate", copilot.sign_in, None),
    ("signInConfirm", copilot.sign_in, None),
    ("signOut", copilot.sign_out, None),
    ("setEditorInfo", copilot.set_editor_info, None),
    ("getVersion", copilot.get_version, None),
)
_COMMANDS: dict[str, Callable[..., Any]] = {
    ACCEPTED: workspace_commands.accepted,
    copilot.EDIT_ACCEPTED: copilot.edit_accepted,
    copilot.EDIT_REJECTED: copilot.edit_rejected,
    "infill.explain": workspace_commands.explain,
    "infill.explainEdits": workspace_commands.explain_edits,
    "infill.toggle": workspace_commands.toggle,
    "infill.record": workspace_commands.record,
    "infill.restart": workspace_commands.restart,
    "infill.snooze": workspace_commands.snooze,
    "infill.statistics": workspace_commands.statistics,
}


def add_features(server: InfillServer) -> None:
    """Register everything that a client can request from ``server``."""
    for method, handler, options in _FEATURES:
        server.feature(method, options)(handler)
    for name, command in _COMMANDS.items():
        server.command(name)(command)
