"""The commands of ``workspace/executeCommand``, and the notifications of clients written for Copilot's protocol."""

from __future__ import annotations

import logging
from typing import Any

from lsprotocol import types
from pygls.exceptions import JsonRpcException, JsonRpcInvalidParams

from infill_completion.document.snapshot import Snapshot, Trigger
from infill_server.acceptance import ReportedItem
from infill_server.language_server import InfillServer
from infill_server.snooze import DEFAULT_MINUTES, MAX_MINUTES

log = logging.getLogger(__name__)


async def accepted(ls: InfillServer, *arguments: Any) -> None:
    """Record an accepted item; the arguments are those of the item's command: URI and text."""
    if len(arguments) != 2 or not all(isinstance(argument, str) for argument in arguments):
        raise JsonRpcInvalidParams("infill.accepted takes the URI and the text of the item.")
    if ls.session.acceptance.take(*arguments):
        ls.records.accepted(*arguments)
        ls.session.accepted(*arguments)


async def explain(ls: InfillServer, *arguments: Any) -> dict[str, Any] | None:
    """Return how a suggestion came about, or why there is none.

    The argument is ``{"textDocument": {"uri": …}, "position": {…}}``.  Without it the last request is explained; the
    result is None if there has been none.  A position other than that of the last request is explained as if a key had
    been typed there.
    """
    snapshot = _snapshot(ls, arguments[0]) if arguments else ls.session.last
    return None if snapshot is None else await ls.session.explain(snapshot)


async def explain_edits(ls: InfillServer, *arguments: Any) -> dict[str, Any]:
    """Return why there are or are not next edits: the example, what was learnt from it, and what came of each place.

    The argument is ``{"textDocument": {"uri": …}, "position": {…}}``; ``text`` of the result is a page to read.
    """
    try:
        params = ls.protocol.structure(arguments[0] if arguments else None, types.TextDocumentPositionParams)
    except JsonRpcInvalidParams as error:
        raise JsonRpcInvalidParams("infill.explainEdits takes a textDocument and a position.") from error
    explanation = await ls.edits.explain(ls.documents.get(params.text_document.uri), params.position)
    return explanation.to_json() | {"text": explanation.to_text()}


def _snapshot(ls: InfillServer, argument: Any) -> Snapshot:
    """Return the last request if it was made at the position in ``argument``, else a new snapshot."""
    try:
        params = ls.protocol.structure(argument, types.TextDocumentPositionParams)
    except JsonRpcInvalidParams as error:
        raise JsonRpcInvalidParams("infill.explain takes a textDocument and a position.") from error
    snapshot = ls.documents.get(params.text_document.uri).snapshot(params.position, Trigger.AUTOMATIC)
    last = ls.session.last
    if last is None or (last.uri, last.version, last.offset) != (snapshot.uri, snapshot.version, snapshot.offset):
        return snapshot
    return last


async def toggle(ls: InfillServer, *_arguments: Any) -> dict[str, bool]:
    """Switch automatic suggestions off or on again for this window."""
    return {"enabled": ls.session.toggle()}


async def snooze(ls: InfillServer, *arguments: Any) -> dict[str, float | None]:
    """Show nothing unasked in this window for a number of minutes, by default ten; 0 ends it.

    The result has ``until``, in seconds since 1970, or None.
    """
    minutes = arguments[0] if arguments and arguments[0] is not None else DEFAULT_MINUTES
    is_number = isinstance(minutes, int | float) and not isinstance(minutes, bool)
    if len(arguments) > 1 or not is_number or not 0 <= minutes <= MAX_MINUTES:
        raise JsonRpcInvalidParams(f"infill.snooze takes a number of minutes from 0 to {MAX_MINUTES}.")
    return {"until": ls.session.snooze.begin(minutes)}


async def statistics(ls: InfillServer, *_arguments: Any) -> dict[str, Any]:
    """Return what this window has counted; it stays on this machine.

    ``answers`` has the number of requests by the source of their answer, ``acceptance`` that of suggestions shown,
    taken whole and taken partly, and of the characters taken, ``edits`` that of next edits offered, shown, accepted
    and rejected.
    """
    acceptance = ls.session.acceptance.to_json()
    return {"answers": dict(ls.session.answers), "acceptance": acceptance, "edits": dict(ls.edits.counts)}


async def record(ls: InfillServer, *_arguments: Any) -> dict[str, Any]:
    """Begin to record this window into a trace for `infill-ls replay`, or end the recording.

    The result has ``recording``, the ``path`` of the trace, and a ``message`` for the user, which is also shown.
    """
    from infill_server.recording.trace_file import TraceError

    try:
        return await ls.session.record()
    except TraceError as error:
        raise JsonRpcException(str(error), types.LSPErrorCodes.RequestFailed.value) from error


async def restart(ls: InfillServer, *_arguments: Any) -> None:
    """End the engine and start it again."""
    ls.session.restart()


def partially_accepted(ls: InfillServer, params: Any) -> None:
    """Handle Copilot's ``textDocument/didPartiallyAcceptCompletion``: count the part; the last one is acceptance."""
    item = ReportedItem.of(params.get("item")) if isinstance(params, dict) else None
    if item is None or not isinstance(length := params.get("acceptedLength"), int):
        log.warning("ignored an ill-typed didPartiallyAcceptCompletion")
    else:
        is_whole = ls.session.acceptance.take_part(item, length)
        ls.records.accepted(item.uri, item.text, item.taken(length))
        if is_whole:
            ls.session.accepted(item.uri, item.text)


def focused(ls: InfillServer, params: Any) -> None:
    """Handle Copilot's ``textDocument/didFocus``, which clients send that ask for next edits."""
    ls.edits.expect()
    target = params.get("textDocument") if isinstance(params, dict) else None
    if isinstance(target, dict) and isinstance(uri := target.get("uri"), str):
        ls.documents.focus(uri)


def shown(ls: InfillServer, params: Any) -> None:
    """Handle Copilot's ``textDocument/didShowCompletion``: count the item."""
    item = ReportedItem.of(params.get("item")) if isinstance(params, dict) else None
    if item is None:
        log.warning("ignored an ill-typed didShowCompletion")
    else:
        ls.session.acceptance.show(item)
        ls.records.reported(item.uri, item.text)
