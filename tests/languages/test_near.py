"""The text around the cursor that is parsed while a document has no tree."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from infill_completion.document.snapshot import Snapshot
from infill_completion.document.view import View
from infill_completion.languages.long_literals import open_literal
from infill_completion.languages.syntax.near import excerpt_of
from infill_completion.languages.syntax.parser import parse
from tests.languages.texts import STANDARD_MODULES


def cuts(path: Path) -> list[bool]:
    """Return for many places of a module whether the text around them, outside strings, has errors of its own."""
    text, found = path.read_text("utf-8"), []
    starts = [index + 1 for index, character in enumerate(text) if character == "\n"]
    for offset in random.Random(path.name).sample(starts, 100):
        window = View.of(Snapshot("file:///a", 1, "python", text, offset), 4000, 2000).window
        excerpt = excerpt_of(window, "python")
        if excerpt is not None and open_literal(excerpt.before, "python") is None:
            tree = parse((excerpt.before + excerpt.after).encode(), "python")
            assert tree is not None
            found.append(tree.root_node.has_error)
    return found


def test_few_cuts_of_modules_are_errors() -> None:
    found = [is_error for path in STANDARD_MODULES for is_error in cuts(path)]
    assert len(found) >= 300
    assert sum(found) <= len(found) // 20


@pytest.mark.parametrize(
    ("language", "below", "kept"),
    [
        ("python", '\n)\n\n\n@cache\ndef h():\n    """Words {}', "\n)\n\n\n"),
        ("python", '\n)\nx = """Words {}', "\n)\n"),
        ("python", '\n)\nx = """\ndef h(a):\n    class A:\n{}', "\n)\n"),
        ("python", "\n)\nx = [\n    {}", "\n)\n"),
        ("python", "\n)\nx = f(1, {}", "\n)\n"),
        ("typescript", "\n);\n/** Words {}", "\n);\n"),
        ("typescript", "\n);\nx = `words ${a({}", "\n);\n"),
        ("typescript", "\n);\nfunction g(a: number) {\n  /* {}", "\n);\n"),
        ("go", "\n)\nx := `words {}", "\n)\n"),
        ("rust", '\n);\nx = r#"words {}', "\n);\n"),
        ("java", "\n);\n/** Words {}", "\n);\n"),
        ("c", "\n);\n/* Words {}", "\n);\n"),
        ("c", "\n);\nint x[] = { 1, f({}", "\n);\n"),
    ],
)
def test_no_string_comment_or_list_of_arguments_is_cut(language: str, below: str, kept: str) -> None:
    before, rest = "f(\n  1", ", 2"
    document = before + rest + below.replace("{}", "it's one of (many,\n  " * 300)
    window = View.of(Snapshot("file:///a", 1, language, document, len(before)), 4000, 2000).window
    assert not window.ends_document
    excerpt = excerpt_of(window, language)
    assert excerpt is not None
    assert (excerpt.before, excerpt.after) == (before, rest + kept)


def test_a_whole_document_is_not_cut() -> None:
    text = "f(1, 2)\n\n\ndef g():\n    return '''a\n"
    window = View.of(Snapshot("file:///a", 1, "python", text, 3), 4000, 2000).window
    excerpt = excerpt_of(window, "python")
    assert excerpt is not None
    assert excerpt.before + excerpt.after == text
