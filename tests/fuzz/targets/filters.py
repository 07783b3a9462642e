"""The rules between the model's raw text and the suggestion, on any text in any language."""

from __future__ import annotations

import json
from collections.abc import Sequence

from infill_completion.api import FinishReason
from infill_completion.document.snapshot import Snapshot
from infill_completion.document.view import View
from infill_completion.languages.registry import BY_ID
from infill_completion.suggest.choice import Choice
from infill_completion.suggest.ending import finished
from infill_completion.suggest.extent import extent_at
from infill_completion.suggest.ranking import rank

_CASES = (
    ("python", "def area(w, h):\n    ", "\n\nprint(area(1, 2))\n", "return w * h\n"),
    ("python", "x = foo(", ")\n", "a, b)"),
    ("python", 'def f():\n    """', "\n", 'Return one."""\n    return 1\n'),
    ("typescript", "function f() {", "}\n", "\n  return 1;\n}"),
    ("typescript", "const sizes = [\n  ", "\n];\n", "1,\n  2,\n]"),
    ("go", "func Area(", ") int {\n}\n", "w, h int) int {\n\treturn w * h\n}"),
    ("html", "<ul>\n  <li>", "</li>\n</ul>\n", "<b>x</b></li>"),
    ("yaml", "steps:\n  - ", "\n", "- run: make\n  - run: test\n"),
    ("c", "/**", " */\nint f(void);\n", "\n * Does it.\n */"),
    ("ruby", "def f\n  ", "\nend\n", "x = 1\nend"),
    ("markdown", "# Title\n\n", "", "```python\nx = 1\n```\n"),
    ("shellscript", "if true; then\n  ", "\nfi\n", "echo <EOT>yes\nfi"),
)


class FilterPipeline:
    """From raw text to suggestions: nothing is raised, and what comes out can be inserted."""

    name = "filters"

    def seeds(self) -> Sequence[bytes]:
        """Return cases as JSON objects."""
        return [
            json.dumps(
                {
                    "language": language,
                    "prefix": prefix,
                    "suffix": suffix,
                    "raw": raw,
                    "reason": "stop",
                    "invoked": True,
                }
            ).encode()
            for language, prefix, suffix, raw in _CASES
        ]

    def run(self, data: bytes) -> None:
        """Rank the raw text at the cursor."""
        try:
            case = json.loads(data)
        except (ValueError, RecursionError):
            return
        if not isinstance(case, dict):
            return
        language, prefix, suffix, raw = (_text(case.get(key)) for key in ("language", "prefix", "suffix", "raw"))
        language = language if language in BY_ID else sorted(BY_ID)[len(language) % len(BY_ID)]
        reason = FinishReason.STOP if case.get("reason") == "stop" else FinishReason.LENGTH
        text, invoked = prefix + suffix, bool(case.get("invoked"))
        view = View.of(Snapshot("file:///a", 1, language, text, len(prefix)), 4000, 2000)
        extent = extent_at(view.window, language, multiline="auto", is_invoked=invoked)
        choice = Choice(raw, finished(extent, raw, is_whole=reason is FinishReason.STOP), reason, None)
        for offer in rank(view, (choice,), 0.0).offers:
            assert offer.text.strip(), "a blank suggestion"
            assert "\r" not in offer.text
            assert "\n" not in view.window.rest[: offer.replaced]
            assert 0 <= offer.replaced <= len(view.window.rest)
            suggestion = view.suggestion(offer.text, None, offer.replaced)
            assert 0 <= suggestion.start <= view.offset <= suggestion.end <= len(text)


def _text(value: object) -> str:
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else ""
