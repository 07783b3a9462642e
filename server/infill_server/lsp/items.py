"""Conversion of suggestions to LSP items, for popups and for ghost text.

Every item replaces a range within one line that begins at a stable column, so it still applies after the user has typed
on.  Its command reports acceptance, in any client.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from lsprotocol import types

from infill_completion.document.lines import line_start, to_lf
from infill_completion.document.snapshot import Answer, Snapshot, Suggestion
from infill_server.lsp.text import DocumentText

ACCEPTED = "infill.accepted"

_LAST_WORD = re.compile(r"\w+\Z")
_FIRST_LINE = re.compile(r"[^\r\n]*")
_BACKTICKS = re.compile(r"`{3,}")
_LABEL_CHARACTERS = 80
# Far into a minified line an item would repeat kilobytes of it, so there the range begins at the word.
_MAX_REPEATED = 400


@dataclass(frozen=True)
class _Widened:
    """A suggestion whose range begins at a stable column; ``typed`` is the text from there to the cursor."""

    text: str
    start: int
    end: int
    typed: str
    suggestion: Suggestion


def inline_items(
    answer: Answer, snapshot: Snapshot, document: DocumentText, *, only_line_feeds: bool = False
) -> types.InlineCompletionList:
    """Return the ghost texts of an answer.

    The range begins at the start of the line: it then survives typing and deleting back into the indentation, and
    clients that draw ghost text skip the text that is already there.

    Args:
        answer: The completer's answer.
        snapshot: The request.
        document: The text the items are for.
        only_line_feeds: The client splits ghost text at line feeds, whatever the document's line ends, as Neovim
            does; it would show and insert carriage returns as text.
    """
    return types.InlineCompletionList(
        items=[
            types.InlineCompletionItem(
                insert_text=(text := _with_line_feeds(item.text, snapshot.text) if only_line_feeds else item.text),
                filter_text=text,
                range=_range(item, document),
                command=_report(snapshot, item.suggestion),
            )
            for item in _widened(answer, snapshot, _range_start(snapshot))
        ]
    )


def popup_items(
    answer: Answer, snapshot: Snapshot, document: DocumentText, *, model: str = "", markdown: bool = True
) -> types.CompletionList:
    """Return the popup entries of an answer.

    The range begins at the word under the cursor, by which popups filter.

    Args:
        answer: The completer's answer.
        snapshot: The request.
        document: The text the items are for.
        model: The model name, shown beside each entry.
        markdown: Whether the client renders Markdown in documentation.
    """
    items = [
        _popup_item(item, index, snapshot, document, model=model, markdown=markdown)
        for index, item in enumerate(_widened(answer, snapshot, _word_start(snapshot)))
    ]
    return types.CompletionList(is_incomplete=True, items=items)


def nothing_yet() -> types.CompletionList:
    """Return an empty popup list; it is incomplete, so the client asks again at the next character."""
    return types.CompletionList(is_incomplete=True, items=[])


def _popup_item(
    item: _Widened, index: int, snapshot: Snapshot, document: DocumentText, *, model: str, markdown: bool
) -> types.CompletionItem:
    return types.CompletionItem(
        label=_label(item.text),
        kind=types.CompletionItemKind.Text,
        detail=_detail(model, item.suggestion.confidence),
        documentation=_documentation(item.text, snapshot.language_id, markdown=markdown),
        # Sorts after the entries of other servers for the same word.
        sort_text=f"~~{index:02d}",
        filter_text=_first_line(item.text) or item.typed or _label(item.text),
        # For clients that ignore text_edit, such as jupyterlab-lsp, which would otherwise insert the shortened label.
        insert_text=item.text,
        insert_text_format=types.InsertTextFormat.PlainText,
        insert_text_mode=types.InsertTextMode.AsIs,
        text_edit=types.TextEdit(range=_range(item, document), new_text=item.text),
        command=_report(snapshot, item.suggestion),
    )


def _widened(answer: Answer, snapshot: Snapshot, stable: int) -> list[_Widened]:
    """Return the suggestions that can be shown, extended back to the stable column."""
    widened = []
    for suggestion in answer.suggestions:
        if not _fits(suggestion, snapshot):
            continue
        start = suggestion.start if snapshot.selected else min(suggestion.start, stable)
        typed = snapshot.text[start : snapshot.offset]
        text = snapshot.text[start : suggestion.start] + suggestion.text
        if text != snapshot.text[start : suggestion.end]:
            widened.append(_Widened(text, start, suggestion.end, typed, suggestion))
    return widened


def _fits(suggestion: Suggestion, snapshot: Snapshot) -> bool:
    """Return whether a client can show it: around the cursor, on one line, and extending the selected popup entry."""
    replaced = snapshot.text[suggestion.start : suggestion.end]
    if not suggestion.start <= snapshot.offset <= suggestion.end or "\n" in replaced or "\r" in replaced:
        return False
    if snapshot.selected is None:
        return True
    start, end, chosen = snapshot.selected
    extends = suggestion.text.startswith(chosen) and suggestion.text != chosen
    return (suggestion.start, suggestion.end) == (start, end) and extends


def _range_start(snapshot: Snapshot) -> int:
    start = line_start(snapshot.text, snapshot.offset)
    return start if snapshot.offset - start <= _MAX_REPEATED else _word_start(snapshot)


def _word_start(snapshot: Snapshot) -> int:
    nearby = snapshot.text[max(0, snapshot.offset - _MAX_REPEATED) : snapshot.offset]
    word = _LAST_WORD.search(nearby)
    return snapshot.offset - (len(word.group()) if word else 0)


def _with_line_feeds(text: str, document: str) -> str:
    """Return ``text`` with LF line ends, unless carriage returns are part of the text of some lines of ``document``."""
    if "\r" not in text:
        return text
    of_each = document.count("\n"), document.count("\r"), document.count("\r\n")
    return to_lf(text) if len(set(of_each)) == 1 or of_each[0] == 0 else text


def _range(item: _Widened, document: DocumentText) -> types.Range:
    return types.Range(document.position(item.start), document.position(item.end))


def _report(snapshot: Snapshot, suggestion: Suggestion) -> types.Command:
    return types.Command(title="Report acceptance", command=ACCEPTED, arguments=[snapshot.uri, suggestion.text])


def _first_line(text: str) -> str:
    match = _FIRST_LINE.match(text)
    return match.group() if match else ""


def _label(text: str) -> str:
    """Return the first non-blank line, trimmed; an ellipsis marks omitted text."""
    lines = [line.strip() for line in re.split(r"[\r\n]+", text) if line.strip()]
    first = lines[0] if lines else "↵"
    if len(first) > _LABEL_CHARACTERS:
        return first[: _LABEL_CHARACTERS - 1] + "…"
    return f"{first} …" if len(lines) > 1 else first


def _detail(model: str, confidence: float | None) -> str:
    parts = [model or "infill-ls"]
    if confidence is not None:
        parts.append(f"{confidence:.0%}")
    return " · ".join(parts)


def _documentation(text: str, language_id: str, *, markdown: bool) -> types.MarkupContent:
    if not markdown:
        return types.MarkupContent(types.MarkupKind.PlainText, text)
    longest = max((len(run) for run in _BACKTICKS.findall(text)), default=2)
    fence = "`" * (longest + 1)
    return types.MarkupContent(types.MarkupKind.Markdown, f"{fence}{language_id}\n{text}\n{fence}")
