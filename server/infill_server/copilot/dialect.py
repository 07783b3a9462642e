"""Copilot's protocol, which editors use for next edits: requests, notifications, and questions about an account."""

from __future__ import annotations

import logging
from typing import Any

from lsprotocol import types
from pygls.exceptions import JsonRpcInvalidParams

from infill_completion import __version__
from infill_server.language_server import InfillServer

log = logging.getLogger(__name__)

INLINE_EDIT = "textDocument/copilotInlineEdit"
EDIT_ACCEPTED, EDIT_REJECTED = "infill.editAccepted", "infill.editRejected"
# There is no account, since nothing leaves the machine; clients that ask for one are to go on.
_USER = "local"


async def inline_edit(ls: InfillServer, params: Any) -> dict[str, Any]:
    """Answer ``textDocument/copilotInlineEdit`` with the next edits of a document."""
    ls.show_problems(ls.session.follow_settings_file())
    place = ls.protocol.structure(params, types.TextDocumentPositionParams)
    version = params["textDocument"].get("version")
    if version is not None and (not isinstance(version, int) or isinstance(version, bool)):
        raise JsonRpcInvalidParams(f"The version of a document is a number in {INLINE_EDIT}.")
    document = ls.documents.get(place.text_document.uri)
    ls.documents.focus(document.uri)
    offers = await ls.edits.propose(document, place.position, version)
    return {
        "edits": [
            {
                "text": offer.text,
                "range": offer.range,
                "textDocument": {"uri": offer.uri, "version": offer.version},
                "command": {"title": "Accept", "command": EDIT_ACCEPTED, "arguments": [offer.number]},
            }
            for offer in offers
        ]
    }


def edit_shown(ls: InfillServer, params: Any) -> None:
    """Handle ``textDocument/didShowInlineEdit``: count the edit."""
    item = params.get("item") if isinstance(params, dict) else None
    command = item.get("command") if isinstance(item, dict) else None
    arguments = command.get("arguments") if isinstance(command, dict) else None
    if isinstance(arguments, list) and len(arguments) == 1 and isinstance(arguments[0], str):
        ls.edits.shown(arguments[0])
    else:
        log.warning("ignored an ill-typed didShowInlineEdit")


async def edit_accepted(ls: InfillServer, *arguments: Any) -> None:
    """Count an edit that the user took; the argument is that of the edit's command."""
    ls.edits.accepted(_number(EDIT_ACCEPTED, arguments))


async def edit_rejected(ls: InfillServer, *arguments: Any) -> None:
    """Do not propose an edit again; the argument is that of the edit's command."""
    ls.edits.rejected(_number(EDIT_REJECTED, arguments))


async def check_status(_ls: InfillServer, _params: Any) -> dict[str, str]:
    """Answer ``checkStatus``: all is well."""
    return {"status": "OK", "user": _USER}


async def sign_in(_ls: InfillServer, _params: Any) -> dict[str, str]:
    """Answer ``signIn`` and its older names: there is nothing to sign in to."""
    return {"status": "AlreadySignedIn", "user": _USER}


async def sign_out(_ls: InfillServer, _params: Any) -> dict[str, str]:
    """Answer ``signOut``: there is nothing to sign out of, and suggestions go on."""
    return {"status": "OK", "user": _USER}


async def set_editor_info(_ls: InfillServer, _params: Any) -> str:
    """Answer ``setEditorInfo``."""
    return "OK"


async def get_version(_ls: InfillServer, _params: Any) -> dict[str, str]:
    """Answer ``getVersion``."""
    return {"version": __version__}


def _number(name: str, arguments: tuple[Any, ...]) -> str:
    if len(arguments) != 1 or not isinstance(arguments[0], str):
        raise JsonRpcInvalidParams(f"{name} takes the argument of the edit's command.")
    return arguments[0]
