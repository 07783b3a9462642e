"""What ``workspace/executeCommand`` can do, and the notifications of clients written for Copilot's protocol."""

from __future__ import annotations

import logging
from typing import Any

from lsprotocol import types
from pygls.exceptions import JsonRpcInvalidParams

from infill_completion.document.snapshot import Snapshot, Trigger
from infill_server.language_server import InfillServer

log = logging.getLogger(__name__)


async def accepted(ls: InfillServer, *arguments: Any) -> None:
    """Take note of an accepted item; the arguments are those of the item's own command: URI and text."""
    if len(arguments) != 2 or not all(isinstance(argument, str) for argument in arguments):
        raise JsonRpcInvalidParams("infill.accepted takes the URI and the text of the item.")
    ls.session.accepted(*arguments)


async def explain(ls: InfillServer, *arguments: Any) -> dict[str, Any] | None:
    """Return everything behind a suggestion, or behind its absence.

    Takes ``{"textDocument": {"uri": …}, "position": {…}}``, or nothing for the place of the last request; returns None
    before the first one.  A place where nobody has asked last is explained as one where a key was typed.
    """
    snapshot = _place(ls, arguments[0]) if arguments else ls.session.last
    return None if snapshot is None else await ls.session.explain(snapshot)


def _place(ls: InfillServer, argument: Any) -> Snapshot:
    converter = ls.protocol._converter
    try:
        place = converter.structure(argument, types.TextDocumentPositionParams)
    except Exception as error:  # whatever the converter raises, it is about the argument
        raise JsonRpcInvalidParams("infill.explain takes a textDocument and a position.") from error
    snapshot = ls.documents.get(place.text_document.uri).snapshot(place.position, Trigger.AUTOMATIC)
    last = ls.session.last
    is_last = last is not None and (last.uri, last.version, last.offset) == (
        snapshot.uri,
        snapshot.version,
        snapshot.offset,
    )
    return last if is_last and last is not None else snapshot


async def toggle(ls: InfillServer, *_arguments: Any) -> dict[str, bool]:
    """Switch automatic suggestions off or on again for this window."""
    return {"enabled": ls.session.toggle()}


async def statistics(ls: InfillServer, *_arguments: Any) -> dict[str, Any]:
    """Return how many requests of this window were answered from what; nothing of it leaves the machine."""
    return {"answers": dict(ls.session.answers)}


async def restart(ls: InfillServer, *_arguments: Any) -> None:
    """End the engine and start it anew."""
    ls.session.restart()


def partially_accepted(ls: InfillServer, params: Any) -> None:
    """Take Copilot's ``textDocument/didPartiallyAcceptCompletion``; the last part makes it an acceptance."""
    item = params.get("item") if isinstance(params, dict) else None
    if not isinstance(item, dict) or not isinstance(length := params.get("acceptedLength"), int):
        log.warning("ignored an ill-typed didPartiallyAcceptCompletion")
        return
    text, command = item.get("insertText"), item.get("command")
    arguments = command.get("arguments") if isinstance(command, dict) else None
    is_ours = isinstance(arguments, list) and len(arguments) == 2 and all(isinstance(part, str) for part in arguments)
    if isinstance(text, str) and is_ours and length >= len(text.encode("utf-16-le", "surrogatepass")) // 2:
        assert isinstance(arguments, list)
        ls.session.accepted(*arguments)


def focused(ls: InfillServer, params: Any) -> None:
    """Take Copilot's ``textDocument/didFocus``."""
    target = params.get("textDocument") if isinstance(params, dict) else None
    if isinstance(target, dict) and isinstance(uri := target.get("uri"), str):
        ls.documents.focus(uri)


def shown(ls: InfillServer, params: Any) -> None:
    """Take Copilot's ``textDocument/didShowCompletion``; nothing depends on it."""
    del ls, params
