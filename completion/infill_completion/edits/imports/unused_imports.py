"""Imports that have lost their last use with changes of the user."""

from __future__ import annotations

import re
from collections.abc import Sequence

from infill_completion.edits.edited_document import EditedDocument
from infill_completion.edits.history import Hunk
from infill_completion.edits.proposal import Place
from infill_completion.edits.tokens import Lexeme, LexemeKind, tokens_of

_PYTHON = re.compile(r"^(?:import|from)[ \t][^\n\r]*", re.MULTILINE)
_SCRIPT = re.compile(r"^import[ \t][^\n\r]*", re.MULTILINE)
_LINES = {
    "python": _PYTHON,
    "javascript": _SCRIPT,
    "javascriptreact": _SCRIPT,
    "typescript": _SCRIPT,
    "typescriptreact": _SCRIPT,
    "java": re.compile(r"^import[ \t](?!static)[\w.]+;[^\n\r]*", re.MULTILINE),
}
# Words of import lines that are no names.
_WORDS = frozenset({"import", "from", "as", "type"})
_KEPT = re.compile(r"noqa|__all__|eslint-disable")


def unused_imports(hunks: Sequence[Hunk], document: EditedDocument) -> list[Place]:
    """Return the removal of imports whose last use was in what the user has replaced.

    Only lines that import a single name are removed, or the name from a list on one line.

    Args:
        hunks: The changes.
        document: The document.
    """
    text, language_id = document.request.text, document.request.language_id
    pattern = _LINES.get(language_id)
    if pattern is None or "__all__" in text or any(hunk.uri.endswith("__init__.py") for hunk in hunks):
        return []
    lost = set[str]()
    for hunk in hunks:
        before, after = (pattern.sub("", "".join(lines)) for lines in (hunk.before, hunk.after))
        dropped = _names(before, language_id) - _names(after, language_id)
        if dropped and not _awaits_definition(before, after, document):
            lost |= dropped
    if not lost:
        return []
    counts: dict[str, int] = {}
    tokens = document.tokens
    for token in tokens:
        if token.kind is LexemeKind.NAME and token.text in lost:
            counts[token.text] = counts.get(token.text, 0) + 1
    strings = [token.text for token in tokens if token.kind in {LexemeKind.STRING, LexemeKind.COMMENT}]
    found: list[Place] = []
    written = {line.rstrip() for hunk in hunks for line in hunk.after}
    for match in pattern.finditer(text):
        if match.group().rstrip() in written:
            continue  # What the user has just imported will be used.
        line = tokens_of(match.group(), language_id)
        names = _imported(line, language_id)
        gone = [name for name in names if counts.get(name) == 1 and name in lost]
        if not gone or _KEPT.search(match.group()) or any(name in string for name in gone for string in strings):
            continue
        if gone == names:
            end = match.end()
            end += (
                len(text[end : end + 2]) - len(text[end : end + 2].lstrip("\r\n")) if text[end : end + 1] == "\r" else 1
            )
            found.append((match.start(), min(end, len(text)), ""))
        elif len(gone) == 1:
            found += _from_list(line, gone[0], match.start())
    return found


def _awaits_definition(before: str, after: str, document: EditedDocument) -> bool:
    """Return whether a change brings in a private name that stands nowhere else: what defines it may use the import."""
    language_id = document.request.language_id
    fresh = {name for name in _names(after, language_id) - _names(before, language_id) if name.startswith("_")}
    uses = [token.text for token in tokens_of(after, language_id) if token.text in fresh]
    return any(sum(token.text == name for token in document.tokens) == uses.count(name) for name in fresh)


def _names(text: str, language_id: str) -> set[str]:
    return {token.text for token in tokens_of(text, language_id) if token.kind is LexemeKind.NAME}


def _imported(line: list[Lexeme], language_id: str) -> list[str]:
    """Return the names that an import line binds; empty if that cannot be told."""
    texts = [token.text for token in line if token.kind is not LexemeKind.COMMENT]
    if ";" in texts[:-1] or (language_id == "python" and not {";", "\\"}.isdisjoint(texts)):
        return []  # More than one statement, or less.
    if language_id == "java":
        return [texts[-2]] if len(texts) > 2 else []
    if "*" in texts or "(" in texts or texts[:1] not in (["import"], ["from"]):
        return []
    if language_id == "python":
        part = texts[texts.index("import") + 1 :] if "import" in texts else []
    elif "from" in texts:
        part = [text for text in texts[1 : texts.index("from")] if text not in {"{", "}", "type"}]
    else:
        return []
    groups = " ".join(part).split(" , ")
    return [group.split(" ")[-1] if " as " in group else group.split(" ")[0] for group in groups if group]


def _from_list(line: list[Lexeme], name: str, offset: int) -> list[Place]:
    """Return the removal of a name from the list of an import line."""
    index = next((index for index, token in enumerate(line) if token.text == name), -1)
    if index < 1:
        return []
    before, after = line[index - 1].text, line[index + 1].text if index + 1 < len(line) else ""
    if before not in {",", "{", "import"}:
        return []  # `type` or `as` belongs to the name.
    if after == ",":
        following = line[index + 2].start if index + 2 < len(line) else line[index + 1].end
        return [(offset + line[index].start, offset + following, "")]
    if before == "," and after in {"", "}", ";"}:
        return [(offset + line[index - 2].end, offset + line[index].end, "")]
    return []
