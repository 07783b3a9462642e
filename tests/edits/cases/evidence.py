"""A change that is due elsewhere by what the user did at other places like it, and where that speaks against it."""

SHOWN = {
    "python": {
        "attribute after a second example": "p = s.«name⟶title»\nq = s.«name⟶title»\nr = s.[[name⟶title]]\n",
        "variable in another spelling": (
            "def f([[colour⟶color]]):\n    a([[colour⟶color]])\n    b([[colour⟶color]])\n    return c(«colour⟶color»)\n"
        ),
        "variable that is bound again, at a second change": (
            "def f([[hooks⟶found]]):\n    «hooks⟶found» = [[hooks⟶found]] or {}\n    a([[hooks⟶found]])\n    return «hooks⟶found»\n"
        ),
        "variable at a second use": (
            "def f([[ty⟶guess]]):\n    a(«ty⟶guess»)\n    b([[ty⟶guess]])\n    return c(«ty⟶guess»)\n"
        ),
    },
    "go": {
        "blanks as in the example": "x = append(l, «fmt.Sprintf(p, ⟶With(»n.A(), n.B()))\ny = append(l, [[fmt.Sprintf(p, ⟶With(]]m.A(), m.B()))\n"
    },
    "typescript": {
        "method in many places": "log.«warn⟶error»(a);\nlog.[[warn⟶error]](b);\nlog.[[warn⟶error]](c);\nlog.[[warn⟶error]](d);\n"
    },
}

SILENT = {
    "python": {
        "different strings dropped": "assert out == «'a'⟶''»\nassert out == «'b'⟶''»\nassert out == 'c'\n",
        "changed in another way before": "f(1, styles.«C⟶GO»)\nf(2, styles.«C⟶CPP»)\nf(3, styles.C)\n",
        "passed over": "log.«warn⟶error»(a)\nlog.warn(b)\nlog.«warn⟶error»(c)\nlog.warn(d)\n",
        "attribute in many places": "p = s.«name⟶title»\nq = s.name\nr = s.name\n",
        "string that becomes a name": "f(a, «'x'⟶path»)\nf(b, 'x')\n",
        "another statement": "«file = read(a)⟶state = a.stat()»\n\n\ndef g(b):\n    file = read(b)\n",
        "a return that becomes an assignment": "def f():\n    «return self.make(⟶kwargs = dict(»a)\n\n\ndef g():\n    return self.make(a)\n",
        "variable that is bound again": "def f(«hooks⟶given»):\n    hooks = hooks or {}\n    return hooks\n",
        "brackets alone": "x = «[a]⟶(a)»\ny = [b]\n",
        "variable at one of many uses": "def f(ty):\n    a(ty)\n    b(ty)\n    return c(«ty⟶guess»)\n",
        "argument in many places": "echo(a«⟶, nl»)\necho(b)\necho(c)\n",
        "several lines, once": "def f():\n    «a = make(x)\n    check(a)⟶use(x)»\n\n\ndef g():\n    a = make(x)\n    check(a)\n",
    },
    "javascript": {
        "changed in another way before": "f(1, styles.«C⟶GO»);\nf(2, styles.«C⟶CPP»);\nf(3, styles.C);\n",
        "variable at one of many uses": "function f(ty) {\n  a(ty);\n  b(ty);\n  return c(«ty⟶guess»);\n}\n",
    },
    "go": {
        "passed over": "func f() {\n\tlog.«Warn⟶Error»(a)\n\tlog.Warn(b)\n\tlog.«Warn⟶Error»(c)\n\tlog.Warn(d)\n}\n"
    },
    "rust": {"string that becomes a name": 'fn f() {\n    g(a, «"x"⟶path»);\n    g(b, "x");\n}\n'},
}
