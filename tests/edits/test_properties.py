"""Whatever is typed, a proposal fits the document, and nothing is raised."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infill_completion.edits.parsed import applied
from tests.edits.marked import Buffer
from tests.properties import tries

LANGUAGES = ("python", "javascript", "typescript", "go", "rust", "java", "c", "cpp", "ruby", "plaintext")
PIECES = (
    "def f(a, b):\n", "    return a\n", "f(1, 2)\n", "x = f(a, b)\n", "class A:\n", "if (a == None) {\n", "}\n",
    "import os\n", "async ", "fn f(a: u32) {\n", "func f(a int) {\n", "int f(int a) {\n", "self.a", "a", "b", "😀",
    "\r\n", "\r", "\t", *"()[]{}\"'`#,=. ", "self.a = a\n", "self.b = b\n", "P(a=x.a, b=x.b)\n",
    "struct P {\n  int a;\n  int b;\n", "  int c;\n", "case a: return 'a';\n", "case b: return 'b';\n", "a, b, ",
    "/*", "*/", "//", "==", "'a", '"""', "\x0c", "\u2028",
)  # fmt: skip
TEXTS = st.lists(st.sampled_from(PIECES), max_size=30).map("".join)
EDITS = st.lists(st.tuples(st.floats(0, 1), st.integers(0, 12), st.sampled_from(("", *PIECES))), min_size=1, max_size=6)


@tries(150)
@given(st.sampled_from(LANGUAGES), TEXTS, EDITS)
def test_proposals_fit_the_document(language_id: str, text: str, edits: list[tuple[float, int, str]]) -> None:
    buffer = Buffer(text, language_id)
    for where, length, new in edits:
        start = int(where * len(buffer.text))
        buffer.replace(start, min(start + length, len(buffer.text)), new)
        answer = buffer.ask()
        assert (answer.silence is None) == bool(answer.proposals)
        ends = [0]
        for proposal in sorted(answer.proposals, key=lambda proposal: proposal.start):
            assert ends[-1] <= proposal.start <= proposal.end <= len(buffer.text)
            ends.append(proposal.end)
        assert not answer.proposals or applied(buffer.text, answer.proposals) != buffer.text


@pytest.mark.parametrize("piece", ["(", ")", "/*", '"""', "`", "f(", "f(a, ", "a.", "x = 1\n", "'", "{[(", "😀", "\r"])
def test_hostile_documents_are_answered(piece: str) -> None:
    buffer = Buffer(f"foo(a)\n{piece * (60_000 // len(piece))}\nfoo(b)\n", "javascript")
    buffer.replace(5, 5, ", 1")
    answer = buffer.ask()
    assert (answer.silence is None) == bool(answer.proposals)
