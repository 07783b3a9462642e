"""Variables that loops and patterns assign, or declare anew."""

SHOWN = {
    "javascript": {
        "for of": "let «n⟶size» = 1;\nfor ([[n⟶size]] of g()) h([[n⟶size]]);\nuse([[n⟶size]]);\n",
        "for in": (
            "function f() {\n  let «key⟶name» = '';\n  for ([[key⟶name]] in g()) {\n    if (h([[key⟶name]])) break;\n  }\n"
            "  return [[key⟶name]];\n}\n"
        ),
        "pattern in a loop": "let «n⟶size» = 1;\nfor ({ a: [b, ...[[n⟶size]]] } of g()) h([[n⟶size]]);\nuse([[n⟶size]]);\n",
        "declared in a loop": "let «n⟶size» = 1;\nfor (const n of g()) h(n);\nuse([[n⟶size]]);\n",
        "the loop's own": "let n = 1;\nfor (const [a, «n⟶size»] of g()) {\n  h([[n⟶size]]);\n}\nuse(n);\n",
        "var of a loop": "for (var «n⟶size» of g()) {\n  h([[n⟶size]]);\n}\nuse([[n⟶size]]);\n",
        "var of a pattern": "{\n  var [a, ...«n⟶size»] = g();\n}\nuse([[n⟶size]]);\n",
        "shorthand": "let «n⟶size» = 1;\n({ [[n⟶n: size]] } = g());\nuse([[n⟶size]]);\n",
        "shorthand with a default": "let «n⟶size» = 1;\n({ [[n⟶n: size]] = 2 } = g());\nuse([[n⟶size]]);\n",
        "rest in a block": "let «n⟶size» = 1;\n{\n  [...[[n⟶size]]] = g();\n  h([[n⟶size]]);\n}\nuse([[n⟶size]]);\n",
        "default in a block": "let «n⟶size» = 1;\n{\n  [a, [[n⟶size]] = 2] = g();\n  h([[n⟶size]]);\n}\nuse([[n⟶size]]);\n",
        "rest of parameters": "function f({ a, b = 1, ...«n⟶size» }) {\n  use([[n⟶size]]);\n}\n",
        "rest in a catch": "try {\n} catch ({ a, ...«n⟶size» }) {\n  use([[n⟶size]]);\n}\n",
        "in a template": "let «n⟶size» = 1;\nuse(`${[[n⟶size]]}`);\n",
    },
    "typescript": {
        "for of": "let «n⟶size»: A;\nfor ([[n⟶size]] of g()) h([[n⟶size]]);\nuse([[n⟶size]]);\n",
        "declared in a loop": "let «n⟶size»: A;\nfor (let n of g()) h(n);\nuse([[n⟶size]]);\n",
        "rest of parameters": "function f(a: A, ...«n⟶size»: B[]) {\n  use([[n⟶size]]);\n}\n",
    },
    "go": {
        "range": (
            "package a\n\nfunc f() {\n\tvar «n⟶size» int\n\tfor [[n⟶size]] = range g() {\n\t\th([[n⟶size]])\n\t}\n\tuse([[n⟶size]])\n}\n"
        ),
        "declared by range": (
            "package a\n\nfunc f() {\n\tvar «n⟶size» int\n\tfor n := range g() {\n\t\th(n)\n\t}\n\tuse([[n⟶size]])\n}\n"
        ),
        "declared by select": (
            "package a\n\nfunc f(n int) {\n\tselect {\n\tcase «n⟶size» := <-c:\n\t\th([[n⟶size]])\n\t}\n\tuse(n)\n}\n"
        ),
        "assigned by select": (
            "package a\n\nfunc f() {\n\tvar «n⟶size» int\n\tselect {\n\tcase [[n⟶size]] = <-c:\n\t\th([[n⟶size]])\n\t}\n}\n"
        ),
    },
    "rust": {
        "tuple": (
            "fn f() {\n    let mut «n⟶size» = 1;\n    ([[n⟶size]], _) = g();\n    [_, [[n⟶size]]] = h();\n    use_it([[n⟶size]]);\n}\n"
        ),
    },
    "c": {
        "for": (
            "int f(void) {\n    int «i⟶row»;\n    for ([[i⟶row]] = 0; [[i⟶row]] < 9; [[i⟶row]]++) {\n        h([[i⟶row]]);\n"
            "    }\n    return [[i⟶row]];\n}\n"
        ),
    },
    "cpp": {
        "structured binding": "int f() {\n    auto [«n⟶size», m] = g();\n    return [[n⟶size]];\n}\n",
        "hidden by a structured binding": (
            "int f() {\n    int «n⟶size» = 1;\n    {\n        auto [n, m] = g();\n        use(n);\n    }\n    return [[n⟶size]];\n}\n"
        ),
    },
    "python": {
        "walrus of a comprehension": "def f():\n    [«n⟶size» := x for x in y]\n    return [[n⟶size]]\n",
        "in a format": "def f(«n⟶size»):\n    return f'{[[n⟶size]]!r:>{[[n⟶size]]}} {[[n⟶size]]=}'\n",
    },
}
SILENT = {
    "javascript": {
        "a use beside a loop": "let n = 1;\nfor (n of g()) h();\nuse(«n⟶size»);\n",
        "a use beside a pattern of a loop": "let n = 1;\nfor ([a, n] of g()) h();\nuse(«n⟶size»);\n",
        "the place in a loop": "let n = 1;\nfor («n⟶size» of g()) h();\nuse(n);\n",
        "a use beside a shorthand": "function f(n) {\n  ({ n } = g());\n  use(«n⟶size»);\n}\n",
        "a use beside a shorthand with a default": "function f(n) {\n  ({ n = 1 } = g());\n  use(«n⟶size»);\n}\n",
        "a use beside a pair": "function f(n) {\n  ({ a: n } = g());\n  use(«n⟶size»);\n}\n",
        "a use beside brackets": "function f(n) {\n  (n) = g();\n  use(«n⟶size»);\n}\n",
        "a use beside a rest": "function f(n) {\n  [a, ...n] = g();\n  use(«n⟶size»);\n}\n",
    },
    "typescript": {"a use beside an assertion": "function f(n: A) {\n  n! = g();\n  use(«n⟶size»);\n}\n"},
    "go": {
        "a use beside range": (
            "package a\n\nfunc f() {\n\tvar n int\n\tfor n = range g() {\n\t\th()\n\t}\n\tuse(«n⟶size»)\n}\n"
        ),
        "a use beside select": (
            "package a\n\nfunc f() {\n\tvar n int\n\tselect {\n\tcase n = <-c:\n\t\th()\n\t}\n\tuse(«n⟶size»)\n}\n"
        ),
    },
    "rust": {
        "a use beside a tuple": "fn f(mut n: u8) {\n    (n, _) = g();\n    use_it(«n⟶size»);\n}\n",
        "a use beside a struct": "fn f(mut n: u8) {\n    S { a: n } = g();\n    use_it(«n⟶size»);\n}\n",
        "a use beside a tuple struct": "fn f(mut n: u8) {\n    S(n) = g();\n    use_it(«n⟶size»);\n}\n",
    },
    "c": {"a use beside for": "int f(int i) {\n    for (i = 1;;) {\n    }\n    return «i⟶row»;\n}\n"},
    "java": {
        "a use beside for": "class A {\n  int f(int i) {\n    for (i = 1;;) {\n    }\n    return «i⟶row»;\n  }\n}\n",
    },
    "python": {
        "loop": "def f():\n    «n⟶size» = 1\n    for n in g():\n        h(n)\n    return n\n",
        "with": "def f():\n    «n⟶size» = 1\n    with g() as n:\n        h(n)\n    return n\n",
        "except": "def f():\n    «n⟶size» = 1\n    try:\n        g()\n    except E as n:\n        h(n)\n    return n\n",
        "walrus": "def f():\n    «n⟶size» = 1\n    if n := g():\n        h(n)\n    return n\n",
        "walrus of a comprehension": "def f():\n    «n⟶size» = 1\n    [n := x for x in y]\n    return n\n",
    },
}
FORMATS = {
    "rust": {
        "format string": 'fn f() {\n    let «n⟶size» = 1;\n    println!("{[[n⟶size]]}");\n    g([[n⟶size]]);\n}\n',
        "formats": (
            'fn f(«n⟶size»: u8) -> String {\n    format!("{[[n⟶size]]:?} {{n}} {[[n⟶size]]:>5} {m:>[[n⟶size]]$.[[n⟶size]]$} n", a)\n}\n'
        ),
        "raw and within another macro": (
            'fn f(«n⟶size»: u8) {\n    assert!(a, "{[[n⟶size]]}");\n    vec![format!(r"{[[n⟶size]]}")];\n}\n'
        ),
        "at a use": 'fn f() {\n    let [[n⟶size]] = 1;\n    println!("{}", «n⟶size»);\n    print!("{[[n⟶size]]}");\n}\n',
        "another variable": (
            'fn f(«n⟶size»: u8) {\n    for n in g() {\n        println!("{n}");\n    }\n    println!("{[[n⟶size]]}");\n}\n'
        ),
        "no format string": (
            'fn f(«n⟶size»: u8) {\n    g("{n}").h("{n}");\n    println!("n {{n}} {{{[[n⟶size]]}}} n: {m:5n}");\n}\n'
        ),
    },
}
