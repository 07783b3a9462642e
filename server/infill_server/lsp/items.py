"""Suggestions as LSP items, for popups and for ghost text.

Every item replaces a range of one line that begins at a stable column, so what the client computed it for and what the
user has typed since still fit together, and carries a command that reports acceptance in any client.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from lsprotocol import types

from infill_completion.document.lines import to_lf
from infill_completion.document.snapshot import Answer, Snapshot, Suggestion
from infill_server.lsp.text import Text

ACCEPTED = "infill.accepted"

_LAST_WORD = re.compile(r"\w+\Z")
_FIRST_LINE = re.compile(r"[^\r\n]*")
_BACKTICKS = re.compile(r"`{3,}")
_LABEL_CHARACTERS = 80
# Far into a minified line an item would repeat kilobytes of it, so the range begins at the word there.
_MOST_REPEATED = 400


@dataclass(frozen=True)
class _Widened:
    """A suggestion whose range begins at a stable column; ``typed`` is what stands between there and the cursor."""

    text: str
    start: int
    end: int
    typed: str
    suggestion: Suggestion


def inline_items(
    answer: Answer, snapshot: Snapshot, document: Text, *, only_line_feeds: bool = False
) -> types.InlineCompletionList:
    """Return the ghost texts of an answer.

    The range begins where the line does: that survives typing and deleting back into the indentation, and clients
    that draw ghost text skip what already stands there.

    Args:
        answer: What the completer found.
        snapshot: What it was asked.
        document: The text the items are for.
        only_line_feeds: The client splits ghost text at line feeds, whatever ends the document's lines, as Neovim
            does: it would show and insert carriage returns as text.
    """
    return types.InlineCompletionList(
        items=[
            types.InlineCompletionItem(
                insert_text=(text := _unix(item.text, snapshot.text) if only_line_feeds else item.text),
                filter_text=text,
                range=_range(item, document),
                command=_report(snapshot, item.suggestion),
            )
            for item in _widened(answer, snapshot, _line_start(snapshot))
        ]
    )


def popup_items(
    answer: Answer, snapshot: Snapshot, document: Text, *, model: str = "", markdown: bool = True
) -> types.CompletionList:
    """Return the popup's entries of an answer.

    The range begins at the word under the cursor, which is what popups filter by.

    Args:
        answer: What the completer found.
        snapshot: What it was asked.
        document: The text the items are for.
        model: Shown beside each entry.
        markdown: Whether the client renders Markdown in documentation.
    """
    items = [
        _popup_item(item, index, snapshot, document, model=model, markdown=markdown)
        for index, item in enumerate(_widened(answer, snapshot, _word_start(snapshot)))
    ]
    return types.CompletionList(is_incomplete=True, items=items)


def nothing_yet() -> types.CompletionList:
    """Return the popup's list where there is no entry; incomplete, so the next letter asks again."""
    return types.CompletionList(is_incomplete=True, items=[])


def _popup_item(
    item: _Widened, index: int, snapshot: Snapshot, document: Text, *, model: str, markdown: bool
) -> types.CompletionItem:
    return types.CompletionItem(
        label=_label(item.text),
        kind=types.CompletionItemKind.Text,
        detail=_detail(model, item.suggestion.confidence),
        documentation=_documentation(item.text, snapshot.language_id, markdown=markdown),
        # Behind everything that another server offers for the same word.
        sort_text=f"~~{index:02d}",
        filter_text=_first_line(item.text) or item.typed or _label(item.text),
        # Counts only where a client does not know edits: jupyterlab-lsp, which would else put in the shortened label.
        insert_text=item.text,
        insert_text_format=types.InsertTextFormat.PlainText,
        insert_text_mode=types.InsertTextMode.AsIs,
        text_edit=types.TextEdit(range=_range(item, document), new_text=item.text),
        command=_report(snapshot, item.suggestion),
    )


def _widened(answer: Answer, snapshot: Snapshot, stable: int) -> list[_Widened]:
    """Return the suggestions that can be shown, from the stable column on."""
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
    r"""Tell whether a client can show it: around the cursor, on one line, and extending what its popup has selected."""
    replaced = snapshot.text[suggestion.start : suggestion.end]
    if not suggestion.start <= snapshot.offset <= suggestion.end or "\n" in replaced or "\r" in replaced:
        return False
    if snapshot.selected is None:
        return True
    start, end, chosen = snapshot.selected
    extends = suggestion.text.startswith(chosen) and suggestion.text != chosen
    return (suggestion.start, suggestion.end) == (start, end) and extends


def _line_start(snapshot: Snapshot) -> int:
    text, offset = snapshot.text, snapshot.offset
    start = max(text.rfind("\n", 0, offset), text.rfind("\r", 0, offset)) + 1
    return start if offset - start <= _MOST_REPEATED else _word_start(snapshot)


def _word_start(snapshot: Snapshot) -> int:
    nearby = snapshot.text[max(0, snapshot.offset - _MOST_REPEATED) : snapshot.offset]
    word = _LAST_WORD.search(nearby)
    return snapshot.offset - (len(word.group()) if word else 0)


def _unix(text: str, document: str) -> str:
    """Return ``text`` with line feeds, unless carriage returns are mere text of some lines of the document."""
    if "\r" not in text:
        return text
    of_each = document.count("\n"), document.count("\r"), document.count("\r\n")
    return to_lf(text) if len(set(of_each)) == 1 or of_each[0] == 0 else text


def _range(item: _Widened, document: Text) -> types.Range:
    return types.Range(document.position(item.start), document.position(item.end))


def _report(snapshot: Snapshot, suggestion: Suggestion) -> types.Command:
    return types.Command(title="Report acceptance", command=ACCEPTED, arguments=[snapshot.uri, suggestion.text])


def _first_line(text: str) -> str:
    match = _FIRST_LINE.match(text)
    return match.group() if match else ""


def _label(text: str) -> str:
    """Return the first line that shows something, trimmed; an ellipsis stands for what is left out."""
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
