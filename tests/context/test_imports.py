"""Imported definitions: a small workspace for each language, what is found in it and what is left out."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from infill_completion.context.imports import Files, ImportSite, OutlineCache, definitions, imports_of
from infill_completion.context.imports import files as reading
from infill_completion.context.signatures import Outline
from infill_completion.context.signatures import outline as outlines
from infill_completion.document.files import read_source
from infill_completion.document.workspace import OpenDocument
from infill_completion.languages.registry import language_id_of
from tests.properties import tries


def write(root: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def found(
    root: Path, name: str, text: str, *, language: str = "", is_private: Callable[[Path], bool] = lambda _: False
) -> dict[str, str]:
    """Return the text shown of each file while ``text`` is written in the file ``name``."""
    path = root / name
    site = ImportSite(text, text, language or language_id_of(name), path, [root])
    snippets = definitions(site, Files([root], OutlineCache(), is_private), 10_000)
    return {Path(item.uri.removeprefix("file://")).relative_to(root).as_posix(): item.text for item in snippets}


def test_python_shows_imported_names_and_used_members_of_modules(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "shop/__init__.py": "from .prices import price_of as price\nfrom .shapes import *\n",
            "shop/prices.py": "RATE: float = 0.2\n\n\ndef price_of(\n    basket: Basket,\n) -> float:\n    return 1\n\n"
            "def unused():\n    pass\n",
            "shop/shapes.py": "@dataclass\nclass Circle(Shape):\n    '''Round.'''\n    radius: float\n    cache = {}\n"
            "\n    @property\n    def area(self) -> float:\n        return 3\n",
            "shop/deep/tax.py": "try:\n    import fast\nexcept ImportError:\n    def tax_of(x): return x\n",
        },
    )
    text = "import shop.deep.tax\nimport shop.prices as p\nfrom shop import Circle, price\nimport os.path\n"
    uses = "shop.deep.tax.tax_of(p.RATE)\nself.p.unused()\n"
    assert found(tmp_path, "main.py", text + uses) == {
        "shop/deep/tax.py": "def tax_of(x):",
        "shop/prices.py": "RATE: float = 0.2\ndef price_of(\n    basket: Basket,\n) -> float:",
        "shop/shapes.py": "@dataclass\nclass Circle(Shape):\n    radius: float\n    @property\n"
        "    def area(self) -> float:",
    }


def test_python_reads_lists_of_names_in_any_layout(tmp_path: Path) -> None:
    write(tmp_path, {"a.py": "X = 1\nY = 2\nZ = [\n    3,\n]\n", "b/c.py": "def f(): ...\n"})
    laid_out = (
        "from a import (\n    X,  # the first\n    Y as Why,\n)\nfrom a import X, \\\n    Z\nfrom b import c\nc.f()\n"
    )
    assert found(tmp_path, "m.py", laid_out) == {"b/c.py": "def f():", "a.py": "X = 1\nY = 2\nZ = ["}
    assert found(tmp_path, "m.py", "from a import (X,\nfrom b.c import f\n") == {"a.py": "X = 1", "b/c.py": "def f():"}
    assert found(tmp_path, "b/m.py", "from ..a import *\nfrom . import c\nX\nc.") == {"a.py": "X = 1"}


def test_imports_used_near_the_cursor_come_first(tmp_path: Path) -> None:
    write(tmp_path, {"a.py": "def a(): ...\n", "b.py": "def b(): ...\n", "c.py": "def c(): ...\n"})
    text = "from a import a\nfrom b import b\nfrom c import c\n"
    assert list(found(tmp_path, "main.py", text)) == ["a.py", "b.py", "c.py"]
    assert list(found(tmp_path, "main.py", text + "\nb()\n")) == ["b.py", "a.py", "c.py"]


SHAPES_TS = """import {Base} from './base';
// A remark.
export default class Circle<T> extends Base {
  private secret = 1;
  #hidden = 2;
  static readonly ORIGIN: Point = {
    x: 0,
  };
  radius: number;
  constructor(radius: number) { super(); }
  get area(): number { return 3; }
}
export interface Point {
  /** Across. */
  x: number;
  move(by: number): Point;
}
export type Size = 'small' | 'large';
export enum Kind { Round, Flat }
export const scale = async (by: number): Promise<void> => { await by; };
export function unused() {}
"""


def test_typescript_shows_default_imports_names_and_used_members_of_modules(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "shapes.ts": SHAPES_TS,
            "base.ts": "export abstract class Base { abstract draw(on: Canvas): void; }\n",
            "lib/index.ts": "export { Base as Root } from '../base';\nexport * from './more';\n",
            "lib/more.tsx": "export function Button(props: {label: string}) { return <b/>; }\n",
        },
    )
    text = "import Round, { type Point, Kind as K } from './shapes.js';\nimport * as shapes from './shapes';\n"
    text += "import { Root, Button } from './lib';\nimport fs from 'fs';\nshapes.scale(2);\n"
    shown = found(tmp_path, "main.ts", text)
    assert shown["base.ts"] == "export abstract class Base {\n    abstract draw(on: Canvas): void;\n}"
    assert shown["lib/more.tsx"] == "export function Button(props: {label: string});"
    circle, point, kind, scale = (
        "export default class Circle<T> extends Base {\n    static readonly ORIGIN: Point;\n    radius: number;\n"
        "    constructor(radius: number);\n    get area(): number;\n}",
        "export interface Point {\n    x: number;\n    move(by: number): Point;\n}",
        "export enum Kind {\n    Round,\n    Flat,\n}",
        "export const scale = async (by: number): Promise<void> =>",
    )
    assert shown["shapes.ts"] == "\n".join((scale, circle, point, kind))


def test_javascript_shows_required_definitions(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "prices.js": "function priceOf(basket) { return 1 }\nconst RATE = 0.2;\n"
            "module.exports = { priceOf, RATE };\n",
            "old.js": "exports.tax = function (x) { return x };\nexports.left = 1;\n",
            "cart.js": "class Cart { add(item) { return item } }\nmodule.exports = Cart;\n",
        },
    )
    text = "const { priceOf, RATE: rate } = require('./prices')\nconst old = require('./old')\nold.tax(1)\n"
    text += "const Cart = require('./cart')\n"
    assert found(tmp_path, "main.js", text) == {
        "old.js": "exports.tax = function (x);",
        "prices.js": "function priceOf(basket);\nconst RATE = 0.2;",
        "cart.js": "class Cart {\n    add(item);\n}",
    }


def test_module_names_are_mapped_by_the_nearest_tsconfig(tmp_path: Path) -> None:
    config = '{\n  // where it lies\n  "compilerOptions": {"paths": {"@/*": ["./src/*"],}, /* a, */ },\n}\n'
    write(
        tmp_path, {"web/tsconfig.json": config, "web/src/a.ts": "export const A = '//';\n", "src/a.ts": "const B = 1"}
    )
    text = "import { A } from '@/a';\nimport { B } from '@/../../../outside';\nimport { A } from '@other/a';\n"
    assert found(tmp_path, "web/src/pages/main.ts", text) == {"web/src/a.ts": "export const A = '//';"}
    for broken in ("{", "[]", '{"compilerOptions": 1}', '{"compilerOptions": {"paths": [], "baseUrl": 2}}', "[" * 9999):
        write(tmp_path, {"web/tsconfig.json": broken})
        assert found(tmp_path, "web/src/pages/main.ts", text) == {}


def test_go_shows_used_definitions_of_the_modules_packages_and_of_its_own(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "go.mod": "module example.com/shop\n\ngo 1.22\n",
            "prices/prices.go": "package prices\n\ntype Basket struct {\n\titems []Item // all\n}\n\n"
            "func (b *Basket) Total() (int, error) {\n\treturn 0, nil\n}\n\nfunc Of(b Basket) int { return 1 }\n"
            "func Unused() {}\n",
            "prices/prices_test.go": "package prices\n\nfunc Of() {}\n",
            "v2/tax/v2/tax.go": "package tax\n\nconst (\n\tRate = 2\n\tOther = 3\n)\n",
            "cmd/own.go": "package main\n\ntype Options interface {\n\tName() string\n}\n\nfunc helper() {}\n",
        },
    )
    text = 'package main\n\nimport (\n\t"fmt"\n\tp "example.com/shop/prices"\n\t"example.com/shop/v2/tax/v2"\n'
    text += '\t"example.com/shopping/prices"\n)\n\nfunc run(o Options, b p.Basket) { fmt.Println(p.Of(b), tax.Rate) }\n'
    assert found(tmp_path, "cmd/main.go", text) == {
        "prices/prices.go": "type Basket struct {\n    items []Item\n}\nfunc (b *Basket) Total() (int, error)\n"
        "func Of(b Basket) int",
        "v2/tax/v2/tax.go": "const Rate = 2",
        "cmd/own.go": "type Options interface {\n\tName() string\n}",
    }


def test_rust_follows_crate_self_super_and_child_modules(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "Cargo.toml": '[package]\nversion = "1"\nname = "my-shop"\n',
            "src/lib.rs": "pub mod shapes;\npub use shapes::round::Circle as Ring;\n",
            "src/shapes/mod.rs": "pub mod round;\npub trait Shape {\n    fn area(&self) -> f64;\n"
            "    fn name(&self) -> String { String::new() }\n}\npub enum Kind { Flat, Deep(u8) }\n",
            "src/shapes/round.rs": "#[derive(Debug)]\npub struct Circle { pub radius: f64 }\nimpl Circle {\n"
            "    pub fn new(radius: f64) -> Self { Circle { radius } }\n}\nimpl Shape for Circle {}\n",
            "src/shapes/flat.rs": "",
            "src/shapes/flat/edge.rs": "pub fn edge_of(x: &str) -> u8 { 1 }\n",
            "src/prices.rs": "pub const RATE: f64 = 0.2;\nmacro_rules! price { () => {} }\npub fn unused() {}\n",
        },
    )
    circle = "pub struct Circle {\n    pub radius: f64,\n}\nimpl Circle {\n    pub fn new(radius: f64) -> Self;\n}\n"
    circle += "impl Shape for Circle {}"
    trait = "pub trait Shape {\n    fn area(&self) -> f64;\n    fn name(&self) -> String;\n}"
    kind = "pub enum Kind {\n    Flat,\n    Deep(u8),\n}"
    text = "use std::io;\nuse crate::{prices, shapes::{self, round::Circle, Kind::Deep}};\nuse super::Shape as S;\n"
    text += "mod edge;\nedge::edge_of(prices::RATE);\n"
    assert found(tmp_path, "src/shapes/flat.rs", text) == {
        "src/shapes/flat/edge.rs": "pub fn edge_of(x: &str) -> u8;",
        "src/prices.rs": "pub const RATE: f64 = 0.2;",
        "src/shapes/round.rs": circle,
        "src/shapes/mod.rs": f"{kind}\n{trait}",
    }
    assert found(tmp_path, "tests/story.rs", "use my_shop::Ring;\n") == {"src/shapes/round.rs": circle}
    assert found(tmp_path, "src/shapes/mod.rs", "let x = crate::prices::RATE;") == {
        "src/prices.rs": "pub const RATE: f64 = 0.2;"
    }
    assert found(tmp_path, "src/shapes/mod.rs", "use self::round::*;\nCircle") == {"src/shapes/round.rs": circle}


def test_java_shows_imported_types_and_those_of_the_package(tmp_path: Path) -> None:
    main = "app/src/main/java/com/acme"
    write(
        tmp_path,
        {
            f"{main}/Shape.java": "package com.acme;\n/** Any. */\npublic interface Shape extends Base {\n"
            '  double area();\n  default String name() { return ""; }\n}\n',
            f"{main}/util/Prices.java": "package com.acme.util;\npublic final class Prices<T> {\n"
            "  private int secret;\n  public static final int RATE = 2;\n  public Prices(int a) { }\n"
            "  @Override public int of(Basket b) throws IOException { return 1; }\n  private void hidden() { }\n}\n",
            f"{main}/util/Kind.java": "package com.acme.util;\nenum Kind { ROUND, FLAT(2); int f() { return 1; } }\n",
            f"{main}/Unused.java": "package com.acme;\nclass Unused { }\n",
        },
    )
    text = "package com.acme;\n\nimport com.acme.util.Prices;\nimport static com.acme.util.Kind.ROUND;\n"
    text += "import java.util.List;\n\nclass Main { Shape shape; }\n"
    expected = {
        f"{main}/util/Prices.java": "public final class Prices<T> {\n    public static final int RATE = 2;\n"
        "    public Prices(int a);\n    @Override public int of(Basket b) throws IOException;\n}",
        f"{main}/util/Kind.java": "enum Kind {\n    ROUND,\n    FLAT(2),\n}",
        f"{main}/Shape.java": "public interface Shape extends Base {\n    double area();\n"
        "    default String name();\n}",
    }
    assert found(tmp_path, f"{main}/Main.java", text) == expected
    assert found(tmp_path, "app/src/test/java/com/acme/MainTest.java", text) == expected
    every = "package com.acme;\nimport com.acme.util.*;\nclass A { Kind kind; }\n"
    assert list(found(tmp_path, f"{main}/A.java", every)) == [f"{main}/util/Kind.java"]


HEADER = """#ifndef SHAPES_H
#define SHAPES_H
#define SIDE(x) ((x) * 2)
#ifdef __cplusplus
extern "C" {
#endif
typedef struct shape { int side; } shape_t;
enum kind { KIND_ROUND, KIND_FLAT };
int area_of(const shape_t *shape);
static inline int unused(void) { return 1; }
#ifdef __cplusplus
}
#endif
#endif
"""


def test_c_shows_used_definitions_of_included_headers(tmp_path: Path) -> None:
    write(tmp_path, {"include/shop/shapes.h": HEADER, "lib/near.h": "extern int near_by;\nvoid other(void);\n"})
    text = '#include <stdio.h>\n#include <shop/shapes.h>\n#include "near.h"\n\nint main(void) {\n  shape_t s;\n'
    text += "  return area_of(&s) + SIDE(near_by) + KIND_FLAT;\n}\n"
    assert found(tmp_path, "lib/main.c", text) == {
        "include/shop/shapes.h": "#define SIDE(x) ((x) * 2)\ntypedef struct shape {\n    int side;\n} shape_t;\n"
        "enum kind {\n    KIND_ROUND,\n    KIND_FLAT,\n};\nint area_of(const shape_t *shape);",
        "lib/near.h": "extern int near_by;",
    }


def test_cpp_shows_all_of_a_files_own_header(tmp_path: Path) -> None:
    header = "#pragma once\nnamespace shop::round {\ntemplate <typename T>\nclass Circle : public Shape {\n public:\n"
    header += "  explicit Circle(T radius) : radius_(radius) {}\n  ~Circle();\n  T area() const { return radius_; }\n"
    header += " private:\n  T radius_;\n};\nusing Ring = Circle<int>;\nclass Later;\n}\n"
    write(tmp_path, {"src/circle.hpp": header, "src/other.h": "int other();\n"})
    shown = "template <typename T>\nclass Circle : public Shape {\n    public:\n    explicit Circle(T radius);\n"
    shown += "    ~Circle();\n    T area() const;\n    private:\n    T radius_;\n};\nusing Ring = Circle<int>;"
    text = '#include "circle.hpp"\n#include "other.h"\n'
    assert found(tmp_path, "src/circle.cpp", text) == {"src/circle.hpp": shown}
    assert found(tmp_path, "src/circle.cpp", "") == {"src/circle.hpp": shown}
    assert found(tmp_path, "src/kernel.cu", text + "Ring", language="cuda-cpp") == {
        "src/circle.hpp": "using Ring = Circle<int>;"
    }


@pytest.mark.parametrize("language", ["ruby", "plaintext", "markdown"])
def test_without_a_grammar_there_is_nothing(tmp_path: Path, language: str) -> None:
    write(tmp_path, {"a.py": "def f(): ...\n"})
    assert found(tmp_path, "main.txt", "from a import f\n", language=language) == {}


def test_nothing_outside_the_workspace_is_read(tmp_path: Path) -> None:
    root = tmp_path / "work"
    write(tmp_path, {"outside.py": "def f(): ...\n", "outside.ts": "export const f = 1\n", "outside.h": "int f();\n"})
    write(root, {"inside.py": "def f(): ...\n", "deep/x.py": ""})
    (root / "link.py").symlink_to(tmp_path / "outside.py")
    (root / "good.py").symlink_to(root / "inside.py")
    (root / "folder").symlink_to(tmp_path)
    assert found(root, "main.py", "from ..outside import f\nfrom ......outside import f\n") == {}
    assert found(root, "main.py", "from link import f\nfrom folder.outside import f\n") == {}
    assert found(root, "main.py", "from good import f\n") == {"good.py": "def f():"}
    assert found(root, "main.ts", "import { f } from '../../../../../outside'\nimport {f} from '/outside'\n") == {}
    write(tmp_path / "workshop", {"near.ts": "export const f = 1\n"})
    assert found(root, "main.ts", "import { f } from '../workshop/near'\n") == {}
    assert found(root, "main.c", f'#include "../outside.h"\n#include "{tmp_path}/outside.h"\nf') == {}


def test_private_files_are_not_read_through_a_link_or_a_reexport(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "secret.py": "def f(): ...\n",
            "hands.py": "from secret import f\n",
            "go.mod": "module m\n",
            "s.go": "func F()",
        },
    )
    (tmp_path / "link.py").symlink_to(tmp_path / "secret.py")
    for text in ("from secret import f\n", "from link import f\n", "from hands import f\n"):
        assert found(tmp_path, "main.py", text, is_private=lambda path: path.name == "secret.py") == {}
    assert found(tmp_path, "main.go", "package m\nF()", is_private=lambda path: path.name == "s.go") == {}


def test_circular_imports_end(tmp_path: Path) -> None:
    write(tmp_path, {"a.py": "from b import *\n", "b.py": "from c import x\n", "c.py": "from a import x\n"})
    assert found(tmp_path, "main.py", "from a import x, y\n") == {}
    write(tmp_path, {"index.ts": "export * from './other'\n", "other.ts": "export * from '.'\nexport const z = 1\n"})
    assert found(tmp_path, "main.ts", "import { z, y } from '.'\n") == {"other.ts": "export const z = 1"}


def test_files_that_are_not_text_or_too_large_are_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "binary.py").write_bytes(b"def f(): ...\n\0\1")
    (tmp_path / "latin.py").write_bytes(b"def f(): ...  # \xe9\n")
    (tmp_path / "folder.py").mkdir()
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.py")  # Reading it would block forever.
    write(tmp_path, {"huge.py": "def f(): ...\n" + "x = 1\n" * 100})
    names = ("binary", "latin", "folder", "pipe", "missing")
    assert found(tmp_path, "main.py", "".join(f"from {name} import f\n" for name in names)) == {}
    assert found(tmp_path, "main.py", "from huge import f\n") == {"huge.py": "def f():"}
    monkeypatch.setattr(reading, "MAX_BYTES", 100)
    assert found(tmp_path, "main.py", "from huge import f\n") == {}


def test_carriage_returns_and_broken_definitions_are_accepted(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_bytes(
        b"def f(\r\n    x,\r\n):\r\n    pass\r\n\r\ndef broken(x\r\nclass C:\r\n    y: int\r\n"
    )
    assert found(tmp_path, "main.py", "from a import f\n") == {"a.py": "def f(\n    x,\n):"}
    write(tmp_path, {"b.js": "export function $f$(x) { if (\nexport const g = 1\n"})
    assert found(tmp_path, "main.js", "import { $f$, g } from './b'\n")["b.js"].startswith("export function $f$(x)")


def test_a_file_takes_no_more_than_its_share_in_whole_lines(tmp_path: Path) -> None:
    methods = "".join(f"    def method_{number}(self): ...\n" for number in range(100))
    write(tmp_path, {"a.py": f"class A:\n{methods}", "b.py": "def f(): ...\n"})
    shown = found(tmp_path, "main.py", "from a import A\nfrom b import f\n")
    assert len(shown["a.py"]) <= 800
    assert shown["a.py"].endswith("(self):")
    site = ImportSite("from a import A\nfrom b import f\n", "", "python", tmp_path / "main.py", [tmp_path])
    assert len(definitions(site, Files([tmp_path], OutlineCache(), lambda _: False), 100)) == 1


def test_the_text_in_the_editor_replaces_the_text_on_disk(tmp_path: Path) -> None:
    write(tmp_path, {"a.py": "def f(old): ...\n"})
    opened = OpenDocument("file:///as%20the%20editor%20writes%20it", "python", 7, "def f(new): ...\r\n")
    site = ImportSite("from a import f\n", "", "python", tmp_path / "main.py", [tmp_path])
    files = Files([tmp_path], OutlineCache(), lambda _: False, opened={tmp_path / "a.py": opened})
    assert [(item.uri, item.text) for item in definitions(site, files, 900)] == [(opened.uri, "def f(new):")]


def test_a_file_is_read_once_for_each_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, {"a.py": "def f(): ...\n"})
    reads: list[Path] = []
    read = read_source

    def noted(path: Path, most_bytes: int) -> str | None:
        reads.append(path)
        return read(path, most_bytes)

    monkeypatch.setattr(reading, "read_source", noted)
    outlines = OutlineCache()
    site = ImportSite("from a import f\n", "", "python", tmp_path / "main.py", [tmp_path])
    for text in ("def f(): ...\n", "def f(): ...\n", "def f(x): ...\n"):
        write(tmp_path, {"a.py": text})
        os.utime(tmp_path / "a.py", ns=(len(text), len(text)))
        shown = definitions(site, Files([tmp_path], outlines, lambda _: False), 900)
    assert [item.text for item in shown] == ["def f(x):"]
    assert len(reads) == 2


def test_a_long_file_is_parsed_only_around_the_wanted_name(monkeypatch: pytest.MonkeyPatch) -> None:
    pieces: list[str] = []
    parse = outlines._signatures_of

    def noted(piece: str, language: str) -> outlines.Signatures:
        pieces.append(piece)
        return parse(piece, language)

    monkeypatch.setattr(outlines, "_signatures_of", noted)
    text = "def one(x):\n    return [\n1, 2]\n" * 3000 + "class Last:\n    y: int\n" + "def two(x):\n    pass\n" * 1000
    outline = Outline(text, "python")
    assert outline.find("Last", lambda: True) == ("class Last:\n    y: int",)
    assert len(pieces) == 1
    assert outline.find("Missing", lambda: True) == ()
    assert outline.find("two", lambda: False) == ("def two(x):",)
    assert outline.find_all(["class", "Last", "one"], lambda: False) == ["def one(x):", "class Last:\n    y: int"]
    assert len(pieces) == 1
    assert Outline(text, "python").find("one", lambda: False) == ()


PIECES = st.sampled_from(
    ["import ", "from ", "use ", "mod ", "#include ", "package ", "require(", "export ", "type ", "as ", "a", "b.c",
     "*", ".", "..", "../../..", "/", "\\", "::", "crate", "self", "super", "{", "}", "(", ")", "<", ">", '"', "'",
     ",", ";", "\n", "\r\n", "\0", " ", "=", "const ", "class ", "struct ", "fn ", "def ", "func ", "[", "]", "é",
     "\ud800",
     "$", "+"]
)  # fmt: skip
TEXTS = st.lists(PIECES, max_size=40).map("".join) | st.text(max_size=60)
NAMES = {
    "python": "py", "javascript": "js", "typescriptreact": "tsx", "typescript": "ts", "go": "go", "rust": "rs",
    "java": "java", "c": "c", "cpp": "cpp", "cuda-cpp": "cu",
}  # fmt: skip


@tries(300)
@given(TEXTS, TEXTS, st.sampled_from(sorted(NAMES)))
@example("from " + "." * 500 + "a import b", "", "python")
@example("import {a} from './" + "a" * 5000 + "'", "", "typescript")
@example("use crate::" + "{a::" * 200 + "b", "", "rust")
@example('#include "a\0b.h"', "", "c")
@example("from " + "." * 90_000, "", "python")
@example("import (\n" * 9_000, "", "python")
@example("import" + " " * 90_000 + "x", "", "javascript")
@example("import {a,\n" * 9_000, "", "javascript")
@example("const {" + "a, " * 30_000, "", "javascript")
@example("use a::{" * 9_000, "", "rust")
@example("a.b::" * 20_000, "", "rust")
@example("import (" * 9_000 + '"' * 9_000, "", "go")
def test_any_text_is_accepted_and_only_the_workspace_is_read(
    tmp_path_factory: pytest.TempPathFactory, text: str, other: str, language: str
) -> None:
    root = tmp_path_factory.getbasetemp() / "any"
    suffix = NAMES[language]
    write(root, {"go.mod": "module a\n", "Cargo.toml": '[package]\nname = "a"\n', "src/lib.rs": ""})
    other_file = root / f"a.{suffix}"
    other_file.write_bytes(other.encode("utf-8", "surrogatepass"))
    outlines = OutlineCache()
    sites = [
        ImportSite(text, text, language, root / name, [root]) for name in (f"main.{suffix}", f"src/b/main.{suffix}")
    ]
    for site in sites:
        first = definitions(site, Files([root], outlines, lambda _: False), 2000)
        assert first == definitions(site, Files([root], outlines, lambda _: False), 2000)
        assert all(item.uri.startswith(root.as_uri()) for item in first)
        assert definitions(site, Files([root], outlines, lambda _: True), 2000) == []
    for item in imports_of(sites[0], Files([root], outlines, lambda _: False)):
        assert item.files
    Outline(other, language).find_all(None, lambda: True)
