"""Modules that are named by their place."""

from __future__ import annotations

import pytest

from infill_completion.edits.imports.modules import resolved, written

ROWS = [
    ("script", "./y", "/src/a/x.ts", "/src/a/y", "/src/b/c/z.ts", "../../a/y"),
    ("script", "../y.js", "/src/a/x.ts", "/src/y.js", "/src/z.ts", "./y.js"),
    ("script", "lodash", "/src/a/x.ts", "lodash", "/z.ts", "lodash"),
    ("script", "./y", "/src/a/x.ts", "/src/a/y", "/src/a/y.ts", None),
    ("python", ".y", "/p/a/x.py", "/p/a/y", "/p/b/z.py", "..a.y"),
    ("python", "..", "/p/a/x.py", "/p", "/p/z.py", "."),
    ("python", "m.n", "/p/a/x.py", "m.n", "/p/z.py", "m.n"),
    ("python", ".y", "/p/x.py", "/p/y", "/p/y.py", None),
    ("rust", "super::y", "/c/src/a/x.rs", "/c/src|a::y", "/c/src/z.rs", "crate::a::y"),
    ("rust", "crate::y", "/c/src/a/x.rs", "/c/src|y", "/d/src/z.rs", None),
    ("rust", "self::y", "/c/src/a/mod.rs", "/c/src|a::y", "/c/src/z.rs", "crate::a::y"),
    ("rust", "super::super::y", "/c/src/a/b/x.rs", "/c/src|a::y", "/c/src/a/y.rs", None),
    ("rust", "std::fs", "/c/src/a.rs", "std::fs", "/d/src/z.rs", "std::fs"),
]


@pytest.mark.parametrize(("family", "module", "path", "absolute", "other", "there"), ROWS)
def test_a_module_is_told_by_its_place_and_written_as_another_file_has_to(
    family: str, module: str, path: str, absolute: str, other: str, there: str | None
) -> None:
    assert resolved(module, path, family) == absolute
    assert written(absolute, other, family) == there
