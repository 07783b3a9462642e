"""A name that was brought in is imported as other files import it; `--- path` begins a file, the last one is edited."""

# What the user goes on with, so that the line before is done.
_ON = "let y = 1;\nlet z = «2⟶y»;\n"
_PY = "y = 1\nz = «2⟶y»\n"
_GO = "\nvar y = 1\nvar z = «2⟶y»\n"
_RS = "\nfn g() {\n    let y = 1;\n    let z = «2⟶y»;\n}\n"
_JAVA = "  int y = 1;\n  int z = «2⟶y»;\n}\n"

SHOWN = {
    "python": {
        "a member": f"--- b.py\nfrom pathlib import Path\n--- a.py\nimport os\n[[⟶from pathlib import Path\n]]\nx = «1⟶Path(os.sep)»\n{_PY}",
        "in a sorted list": f"--- b.py\nfrom m import a, b, c\n--- a.py\nfrom m import a, [[⟶b, ]]c\n\nx = «a⟶b(a, c)»\n{_PY}",
        "by its place": (
            "--- p/q/b.py\nfrom ..m import f\n--- p/m.py\ndef f(): ...\n--- p/a.py\nfrom .n import g\n"
            f"[[⟶]]x = «g⟶f(g)»\n{_PY}"
        ).replace("import g\n[[⟶]]", "import g\nfrom .o import h\n").replace("from .n", "[[⟶from .m import f\n]]from .n"),
        "below those of the language": (
            "--- b.py\nimport numpy as np\n--- a.py\nimport os\n[[⟶\nimport numpy as np\n]]\n"
            f"x = «os.sep⟶np.zeros(os.sep)»\n{_PY}"
        ),
        "over several lines": (
            "--- b.py\nfrom m import aa, bb\n--- a.py\nfrom m import (\n    aa,\n    [[⟶bb,\n    ]]cc,\n)\n\n"
            f"x = «aa⟶bb(aa, cc)»\n{_PY}"
        ),
    },
    "javascript": {
        "from a file beside it": (
            "--- src/b/c.js\nimport { f } from '../lib/f.js';\n--- src/lib/f.js\nexport function f() {}\n"
            f"--- src/a.js\nimport {{ g }} from './g.js';\n[[⟶import {{ f }} from './lib/f.js';\n]]const x = «1⟶f(g)»;\n{_ON}"
        ),
        "the default": f"--- b.js\nimport fs from 'fs'\n--- a.js\nimport g from 'g'\n[[⟶import fs from 'fs'\n]]const x = «1⟶fs.read(g)»\n{_ON}".replace("[[⟶import fs from 'fs'\n]]", "").replace("import g", "[[⟶import fs from 'fs'\n]]import g"),
        "into a list": f"--- b.js\nimport {{ f, g }} from \"m\";\n--- a.js\nimport {{ [[⟶f, ]]g }} from \"m\";\nconst x = «1⟶f(g)»;\n{_ON}",
        "with the ending that it writes": (
            "--- b.js\nimport f from './f.js';\n--- c.js\nimport f from './f';\n--- d.js\nimport f from './f.js';\n"
            f"--- a.js\nimport g from './g';\n[[⟶import f from './f';\n]]const x = «1⟶f(g)»;\n{_ON}"
        ).replace("import g from './g';\n[[⟶import f from './f';\n]]", "[[⟶import f from './f';\n]]import g from './g';\n"),
        "the first one": f"--- b.js\nimport {{ f }} from 'm';\n--- a.js\n[[⟶import {{ f }} from 'm';\n]]const x = «1⟶f()»;\n{_ON}",
    },
    "typescript": {
        "a namespace": f"--- b.ts\nimport * as p from 'p';\n--- a.ts\nimport {{ g }} from 'g';\n[[⟶import * as p from 'p';\n]]const x = «1⟶p.f(g)»;\n{_ON}",
        "a type": (
            "--- b.ts\nimport type { T } from './t';\n--- a.ts\nimport { g } from 'g';\n"
            f"[[⟶import type {{ T }} from './t';\n]]const x: «U⟶T» = g;\n{_ON}"
        ),
        "a type among values": (
            "--- b.ts\nimport type { T } from 'm';\n--- a.ts\nimport { type S, [[⟶type T, ]]g } from 'm';\n"
            f"const x: «S⟶T<S>» = g;\n{_ON}"
        ),
        "a class in a type": (
            "--- lib/b.ts\nimport { T } from './t';\n--- lib/c/a.ts\nimport { g } from 'g';\n"
            f"[[⟶import {{ T }} from '../t';\n]]function f(x: «U⟶T[]») {{\n  return g(x);\n}}\n{_ON}"
        ),
    },
    "go": {
        "in a block": (
            "--- b/b.go\npackage b\n\nimport \"strings\"\n\nvar x = strings.ToLower(\"\")\n"
            f"--- a.go\npackage a\n\nimport (\n\t\"fmt\"\n[[⟶\t\"strings\"\n]])\n\nvar x = «1⟶strings.Repeat(fmt.Sprint(), 2)»\n{_GO}"
        ),
        "a package of the project": (
            "--- b/b.go\npackage b\n\nimport \"example.org/m/c\"\n\nvar x = c.F()\n"
            "--- a/a.go\npackage a\n\nimport (\n\t\"fmt\"\n[[⟶\n\t\"example.org/m/c\"\n]])\n\n"
            f"var x = «1⟶c.F(fmt.Sprint())»\n{_GO}"
        ),
        "a type": (
            "--- b/b.go\npackage b\n\nimport \"io\"\n\nvar x io.Reader\n"
            f"--- a.go\npackage a\n\nimport (\n\t\"fmt\"\n[[⟶\t\"io\"\n]]\t\"os\"\n)\n\nvar x «int⟶io.Writer» = f(fmt.Sprint, os.Args)\n{_GO}"
        ),
        "under another name": (
            "--- b/b.go\npackage b\n\nimport t \"example.org/t\"\n\nvar x = t.F()\n"
            f"--- a.go\npackage a\n[[⟶\nimport t \"example.org/t\"\n]]\nvar x = «1⟶t.F()»\n{_GO}"
        ).replace("package a\n[[⟶\nimport t \"example.org/t\"\n]]", "package a[[⟶\n\nimport t \"example.org/t\"]]\n"),
    },
    "rust": {
        "a type": (
            "--- src/b.rs\nuse std::path::Path;\n--- src/a.rs\nuse std::fs;\n[[⟶use std::path::Path;\n]]\n"
            f"fn f(x: «u8⟶&Path») {{\n    fs::read(x);\n}}\n{_RS}"
        ),
        "into a list": (
            "--- src/b.rs\nuse std::io::{Read, Write};\n--- src/a.rs\nuse std::io::{Read[[⟶, Write]]};\n\n"
            f"fn f<R: Read>(x: «u8⟶impl Write», r: R) {{}}\n{_RS}"
        ),
        "of the crate": (
            "--- src/b.rs\nuse super::m::T;\n--- src/c.rs\nuse crate::m::T;\n--- src/d/a.rs\nuse crate::k::K;\n"
            f"[[⟶use crate::m::T;\n]]\nfn f(x: «K⟶T», k: K) {{}}\n{_RS}"
        ),
        "to derive": (
            "--- src/b.rs\nuse clap::Parser;\n--- src/c.rs\nuse clap::Parser;\n--- src/a.rs\nuse clap::Args;\n"
            f"[[⟶use clap::Parser;\n]]\n#[derive(«Args⟶Parser»)]\nstruct S {{\n    a: Args,\n}}\n{_RS}"
        ).replace("[[⟶use clap::Parser;\n]]", "[[⟶use clap::Parser;\n]]"),
    },
    "java": {
        "a class": (
            "--- q/B.java\npackage q;\n\nimport java.util.List;\n--- p/A.java\npackage p;\n\nimport java.util.Set;\n\n"
            f"class A {{\n  Set s;\n  «int⟶List<Set>» x;\n{_JAVA}"
        ).replace("import java.util.Set;", "[[⟶import java.util.List;\n]]import java.util.Set;"),
        "a static method": (
            "--- q/B.java\npackage q;\n\nimport static org.junit.Assert.assertTrue;\n--- p/A.java\npackage p;\n\n"
            "import static org.junit.Assert.assertEquals;\n[[⟶import static org.junit.Assert.assertTrue;\n]]\n"
            f"class A {{\n  boolean b = assertEquals(1);\n  boolean x = «1⟶assertTrue(b)»;\n{_JAVA}"
        ),
        "the first one": (
            "--- q/B.java\npackage q;\n\nimport java.util.List;\n--- p/A.java\npackage p;[[⟶\n\nimport java.util.List;]]\n\n"
            f"class A {{\n  «int⟶List» x;\n{_JAVA}"
        ),
    },
}  # fmt: skip
# An import goes with its last use, when the user has gone on.
REMOVED = {
    "python": {
        "of a list of several lines": (
            f"from m import (\n    a,\n[[    b,\n⟶]]    c,\n)\n\nx = «b()⟶a(c)»\n{_PY}w = 1\nv = «3⟶w»\n"
        ),
    },
    "typescript": {
        "of a list of several lines": (
            f"import {{\n  a,\n[[  b,\n⟶]]}} from 'm';\nconst x = «b()⟶a()»;\n{_ON}let w;\nconst v = «3⟶w»;\n"
        ),
        "a namespace": f"import {{ a }} from 'a';\n[[import * as b from 'b';\n⟶]]const x = «b.c()⟶a()»;\n{_ON}",
    },
    "java": {
        "a static method": (
            "[[import static a.B.f;\n⟶]]import static a.B.g;\n\nclass A {\n  int x = «f()⟶g()»;\n" + _JAVA
        ),
    },
    "go": {
        "of a block": (
            'package a\n\nimport (\n\t"fmt"\n[[\t"os"\n⟶]])\n\n// The position of it.\n'
            f"var x = «os.Getenv(fmt.Sprint())⟶fmt.Sprint()»\n{_GO}"
        ),
        "alone": f'package a\n\n[[import "os"\n⟶]]\nvar x = «os.Args⟶1»\n{_GO}',
        "under another name": (
            f'package a\n\nimport (\n\t"fmt"\n[[\tb "os"\n⟶]])\n\nvar x = «b.Args⟶fmt.Sprint()»\n{_GO}'
        ),
    },
    "rust": {
        "a type": f"use std::fs;\n[[use std::path::PathBuf;\n⟶]]\nfn f(x: «PathBuf⟶u8») {{\n    fs::f(x);\n}}\n{_RS}",
        "of a list": (
            f"use m::{{A, [[B, ⟶]]C}};\n\nfn f(x: «B⟶A», c: C) {{}}\n{_RS}\nfn h() {{\n    let w = 1;\n    let v = «3⟶w»;\n}}\n"
        ),
    },
}
SILENT = {
    "python": {
        "everything is imported": f"--- b.py\nfrom m import f\n--- a.py\nfrom n import *\n\nx = «1⟶f()»\n{_PY}",
        "only for a type checker": (
            "--- b.py\nif TYPE_CHECKING:\n    from m import T\n--- a.py\nimport n\n\n"
            f"def g(a: «n⟶T»): ...\nw = n\n{_PY}"
        ),
        "of the tests": (
            "--- tests/m.py\ndef f(): ...\n"
            + "".join(f"--- tests/b{number}.py\nfrom tests.m import f\n" for number in range(5))
            + f"--- src/a.py\nimport n\n\nx = «n⟶f(n)»\n{_PY}"
        ),
        "used before": f"--- b.py\nfrom m import f\n--- a.py\nimport n\n\nw = f(n)\nx = «1⟶f()»\n{_PY}",
        "a type parameter": f"--- b.py\nfrom m import T\n--- a.py\nimport n\n\nw = n\n\ndef g[T](a: «n⟶T»): ...\n{_PY}",
        "captured by a match": (
            f"--- b.py\nfrom m import f\n--- a.py\nimport n\n\nmatch n:\n    case [f]:\n        x = «1⟶f()»\n{_PY}"
        ),
    },
    "javascript": {
        "a global": f"--- b.js\nimport {{ URL }} from 'node:url';\n--- a.js\nimport g from 'g';\nconst x = «1⟶new URL(g)»;\n{_ON}",
        "modules of CommonJS": f"--- b.js\nimport {{ f }} from 'm';\n--- a.js\nconst g = require('g');\nconst x = «1⟶f(g)»;\n{_ON}",
        "destructured": f"--- b.js\nimport {{ f }} from 'm';\n--- a.js\nimport g from 'g';\nfor (const {{ f }} of g) {{\n  x(«1⟶f()»);\n}}\n{_ON}",
        "in two ways": f"--- b.js\nimport {{ f }} from 'm';\n--- c.js\nimport {{ f }} from 'n';\n--- a.js\nimport g from 'g';\nconst x = «1⟶f(g)»;\n{_ON}",
    },
    "typescript": {
        "a type parameter": f"--- b.ts\nimport type {{ T }} from './t';\n--- a.ts\nimport g from 'g';\nfunction f<T>(x: «U⟶T») {{\n  g(x);\n}}\n{_ON}",
        "declared for all": (
            "--- env.d.ts\ndeclare const conf: string;\n--- b.ts\nimport { conf } from './conf';\n"
            f"--- a.ts\nimport g from 'g';\nconst x = «1⟶conf + g»;\n{_ON}"
        ),
        "not below what imports it": (
            "--- client/b.ts\nimport { f } from './f';\n--- client/c.ts\nimport { f } from './f';\n"
            f"--- server/a.ts\nimport g from 'g';\nconst x = «1⟶f(g)»;\n{_ON}"
        ),
    },
    "go": {
        "for what it does": f'package a\n\nimport _ "os"\n\nvar x = «os.Args⟶1»\n{_GO}',
        "a variable of the package": (
            "--- b/b.go\npackage b\n\nimport \"log\"\n\nfunc f() { log.Print() }\n"
            "--- a/b.go\npackage a\n\nvar log = newLog()\n"
            f"--- a/a.go\npackage a\n\nimport \"fmt\"\n\nvar x = «1⟶log.Get(fmt.Sprint())»\n{_GO}"
        ),
        "a parameter": (
            "--- b/b.go\npackage b\n\nimport \"log\"\n\nfunc f() { log.Print() }\n"
            f"--- a.go\npackage a\n\nimport \"fmt\"\n\nfunc f(log L) {{\n\tfmt.Print(«1⟶log.Get()»)\n}}\n{_GO}"
        ),
        "a circle": (
            "--- c/c.go\npackage c\n\nimport \"example.org/m/b\"\n\nvar x = b.F()\n"
            "--- b/b.go\npackage b\n\nimport \"example.org/m/a\"\n\nvar x = a.F()\n"
            f"--- a/a.go\npackage a\n\nimport \"fmt\"\n\nvar x = «1⟶b.F(fmt.Sprint())»\n{_GO}"
        ),
    },
    "rust": {
        "a trait whose methods are called": f"use std::io::Write;\n\nfn f(x: «impl Write⟶File») {{\n    x.flush();\n}}\n{_RS}",
        "for others": f"pub use m::A;\n\nfn f(x: «A⟶u8») {{}}\n{_RS}",
        "under an attribute": f"#[cfg(test)]\nuse m::A;\n\nfn f(x: «A⟶u8») {{}}\n{_RS}",
        "everything is used": (
            "--- src/b.rs\nuse std::path::Path;\n--- src/a.rs\nuse std::fs::*;\n\n"
            f"fn f(x: «u8⟶&Path») {{}}\n{_RS}"
        ),
        "a type parameter": (
            "--- src/b.rs\nuse std::path::Path;\n--- src/a.rs\nuse std::fs;\n\n"
            f"fn f<Path>(x: «u8⟶Path») {{}}\n{_RS}"
        ),
        "in a module of its own": (
            "--- src/b.rs\nuse std::path::Path;\n--- src/a.rs\nuse std::fs;\n\nmod tests {\n    use super::*;\n"
            f"    fn f(x: «u8⟶&Path») {{}}\n}}\n{_RS}"
        ),
        "of the prelude": (
            "--- src/b.rs\nuse m::Result;\n--- src/c.rs\nuse m::Result;\n--- src/a.rs\nuse std::fs;\n\n"
            f"fn f(x: «u8⟶Result») {{}}\n{_RS}"
        ),
    },
    "java": {
        "of the package": (
            "--- q/B.java\npackage q;\n\nimport p.Thing;\n--- p/Thing.java\npackage p;\n\npublic class Thing {}\n"
            f"--- p/A.java\npackage p;\n\nimport java.util.Set;\n\nclass A {{\n  Set s;\n  «int⟶Thing» x;\n{_JAVA}"
        ),
        "may be inherited": (
            "--- q/B.java\npackage q;\n\nimport static org.junit.Assert.assertTrue;\n--- p/A.java\npackage p;\n\n"
            f"import java.util.Set;\n\nclass A extends Set {{\n  boolean x = «1⟶assertTrue(2)»;\n{_JAVA}"
        ),
        "type of a type that is extended": (
            "--- q/B.java\npackage q;\n\nimport java.util.Map.Entry;\n--- p/A.java\npackage p;\n\nimport java.util.Map;\n\n"
            f"class A implements Map {{\n  «int⟶Entry» x;\n{_JAVA}"
        ),
        "of the language": (
            "--- q/B.java\npackage q;\n\nimport q.r.Record;\n--- p/A.java\npackage p;\n\nimport java.util.Set;\n\n"
            f"class A {{\n  Set s;\n  «int⟶Record» x;\n{_JAVA}"
        ),
    },
    "c": {
        "a header of what is gone": '#include "f.h"\nint x = «f()⟶1»;\nint y = 1;\nint z = «2⟶y»;\n',
        "a function of a header": (
            '--- b.c\n#include "f.h"\nint x(void) {\n    return f();\n}\n--- f.h\nint f(void);\n'
            '--- a.c\n#include "g.h"\nint y(void) {\n    int z = «1⟶f()»;\n    int a = 1;\n    return «2⟶a»;\n}\n'
        ),
    },
    "cpp": {
        "a header of what is gone": '#include "f.hpp"\n«Thing⟶int» x;\nint y = 1;\nint z = «2⟶y»;\n',
        "a class of a header": (
            '--- b.cpp\n#include "f.hpp"\nThing x;\n--- f.hpp\nclass Thing {};\n'
            '--- a.cpp\n#include "g.hpp"\n«int⟶Thing» y;\nint a = 1;\nint b = «2⟶a»;\n'
        ),
    },
}  # fmt: skip

_F = "--- b.js\nimport { f } from 'm';\n--- a.js\n"
_X = f"const x = «1⟶f()»;\n{_ON}"
_IN_RUST = "--- src/b.rs\nuse {0};\n--- src/c.rs\nuse {0};\n--- src/lib.rs\nmod m;\n--- "
_F_OF_RUST = f"\nconst X: u32 = «1⟶f()»;\n{_RS}"
_INTERNAL = (
    '--- a/internal/x/x.go\npackage x\n--- a/b.go\npackage a\n\nimport "h.com/m/a/internal/x"\n\nvar y = x.F\n--- '
)
_IN_JAVA = "--- b.java\nimport m.Foo;\nclass B {}\n--- a.java\npackage a;"
_FOO = f"\nclass A {{\n  «Bar⟶Foo» x;\n{_JAVA}"
PLACED = {
    "javascript": {
        "below a directive": f"{_F}'use client';[[⟶\n\nimport {{ f }} from 'm';]]\n\n{_X}",
        "below the name of the interpreter": f"{_F}#!/usr/bin/env node[[⟶\nimport {{ f }} from 'm';]]\n\n{_X}",
        "below what is said of the file": f"{_F}// Licence\n\n[[⟶import {{ f }} from 'm';\n]]{_X}",
        "above a string over several lines": (
            f"{_F}[[⟶import {{ f }} from 'm';\n]]const s = 'a \\\nimport q from \"q\"\\\n';\n{_X}"
        ),
    },
    "go": {
        "an internal package of a folder around": (
            f'{_INTERNAL}a/d/c.go\npackage c\n\nimport "fmt"\n[[⟶\nimport "h.com/m/a/internal/x"\n]]\nvar q = «1⟶x.F(fmt.A)»\n{_GO}'
        ),
    },
    "rust": {
        "beside a list that an attribute is about": (
            _IN_RUST.format("m::{f, g}")
            + f"src/a.rs\n#[cfg(test)]\nuse l::{{g, h}};\n[[⟶use m::f;\n]]use n::q;\n{_F_OF_RUST}"
        ),
    },
}
MISPLACED = {
    "python": {
        "switches": f"--- b.py\nfrom __future__ import annotations\n--- a.py\nimport os\n\nx = «1⟶annotations[os]»\n{_PY}",
        "below a comment about what follows": f"--- b.py\nfrom m import f\n--- a.py\n# What x is.\nx = «1⟶f()»\n{_PY}",
    },
    "javascript": {
        "below a comment about what follows": f"{_F}/** About x. */\n{_X}",
        "what tags are compiled to": (
            "import React from 'react';\nimport b from 'b';\n\nconst x = () => { «1:React.go()⟶go()»; return <div>{b}</div>; };\n"
            "let y = «2:1⟶2»;\nlet z = «3:1⟶2»;\n"
        ),
        "below a comment about the next line": f"{_F}// @ts-ignore\nimport z from 'z';\n{_X}",
        "in a comment": f"{_F}import {{ g }} from 'a'; /* that\n goes on */\n{_X}",
        "from itself": f"--- b.js\nimport {{ f }} from './c';\n--- c/index.js\nimport g from 'g';\n\n{_X}",
        "with a password": (
            f"--- b.js\nimport {{ f }} from 'https://u:ghp_16C7e42F292c6912E7710c838347Ae178B4a@x.y/z.js';\n--- a.js\nimport g from 'g';\n\n{_X}"
        ),
    },
    "go": {
        "an internal package of another folder": (
            f'{_INTERNAL}c/c.go\npackage c\n\nimport "fmt"\n\nvar q = «1⟶x.F(fmt.A)»\n{_GO}'
        ),
        "in a comment": (
            f'--- b/b.go\npackage b\n\nimport "fmt"\n\nvar y = fmt.F\n--- c/c.go\npackage c /* a\nb */\n\nvar q = «1⟶fmt.F()»\n{_GO}'
        ),
    },
    "java": {"in a comment": f"{_IN_JAVA}\n\nimport java.util.List; /* a\n b */\n{_FOO}"},
    "rust": {
        "into a list that an attribute is about": (
            _IN_RUST.format("m::{f, g}") + f"src/a.rs\n#[cfg(test)]\nuse m::{{g, h}};\nuse n::q;\n{_F_OF_RUST}"
        ),
        "from the library's modules into a program": (
            _IN_RUST.format("crate::m::f") + f"src/main.rs\nuse n::q;\n{_F_OF_RUST}"
        ),
        "from the library's modules into one of the programs": (
            _IN_RUST.format("crate::m::f") + f"src/bin/t.rs\nuse n::q;\n{_F_OF_RUST}"
        ),
    },
}
