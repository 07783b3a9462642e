"""Variables that are bound to what another one of their name holds."""

SHOWN = {
    "go": {
        "range": (
            "package a\n\nfunc f(«n⟶size» []int) {\n\tfor _, n := range [[n⟶size]] {\n\t\th(n)\n\t}\n\tuse([[n⟶size]])\n}\n"
        ),
        "if": (
            "package a\n\nfunc f(«n⟶size» int) {\n\tif n := g([[n⟶size]]); n > 1 {\n\t\th(n)\n\t}\n\tuse([[n⟶size]])\n}\n"
        ),
        "block": (
            "package a\n\nfunc f(«n⟶size» int) {\n\t{\n\t\tuse([[n⟶size]])\n\t\tn := [[n⟶size]] + 1\n\t\th(n)\n\t}\n}\n"
        ),
        "the inner one": (
            "package a\n\nfunc f(n int) {\n\t{\n\t\tuse(n)\n\t\t«n⟶size» := 1 +\n\t\t\tn\n\t\th([[n⟶size]])\n\t}\n}\n"
        ),
        "a use of the outer one": (
            "package a\n\nfunc f([[n⟶size]] int) {\n\t{\n\t\tn := 1 + «n⟶size»\n\t\th(n)\n\t}\n}\n"
        ),
        "of the package": "package a\n\nfunc f() {\n\tuse([[n⟶size]])\n}\n\nvar «n⟶size» = 1\n",
    },
    "rust": {
        "for": (
            "fn f(«n⟶size»: V) {\n    for n in [[n⟶size]].all() {\n        h(n);\n    }\n    use_it([[n⟶size]]);\n}\n"
        ),
        "if let": (
            "fn f(«n⟶size»: V) {\n    if let Some(n) = [[n⟶size]] {\n        h(n);\n    }\n    use_it([[n⟶size]]);\n}\n"
        ),
        "while let": ("fn f(«n⟶size»: V) {\n    while let Some(n) = [[n⟶size]].next() {\n        h(n);\n    }\n}\n"),
        "block": "fn f(«n⟶size»: V) {\n    {\n        let n = [[n⟶size]] + 1;\n        h(n);\n    }\n    use_it([[n⟶size]]);\n}\n",
        "same block": "fn f() {\n    let «n⟶size» = 1;\n    use_it([[n⟶size]]);\n    let n = [[n⟶size]] + 1;\n    use_it(n);\n}\n",
        "the later one": (
            "fn f() {\n    let n = 1;\n    use_it(n);\n    let «n⟶size» =\n        n + 1;\n    use_it([[n⟶size]]);\n}\n"
        ),
        "parameter": "fn f(«n⟶size»: V) {\n    let n = [[n⟶size]].trim();\n    use_it(n);\n}\n",
    },
    "python": {
        "default": "«n⟶size» = 1\n\ndef f(n=[[n⟶size]]):\n    return n\n",
        "default of a lambda": "def f(«n⟶size»):\n    return lambda a, n=[[n⟶size]]: n + a\n",
        "parameter": "n = 1\n\ndef f(\n    «n⟶size»=\n    n,\n):\n    return [[n⟶size]]\n",
        "type": "class «n⟶size»:\n    pass\n\ndef f(n: [[n⟶size]]):\n    return n\n",
        "comprehension": "def f(«n⟶size»):\n    return [n for n in [[n⟶size]] if n for a in n]\n",
        "generator": "def f(«n⟶size»):\n    return g(n + 1 for n in [[n⟶size]].all())\n",
    },
    "cpp": {"range": "int f(V «n⟶size») {\n    for (auto n : [[n⟶size]]) {\n        h(n);\n    }\n}\n"},
}
