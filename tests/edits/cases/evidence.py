"""A change that is due elsewhere by what the user did at other places like it, and where that speaks against it."""

SHOWN = {
    "python": {
        "a literal of a call that changes too": (
            "f(a, «g('x')⟶h('y')»)\nf(b, «g('x')⟶h('y')»)\nf(c, [[g('x')⟶h('y')]])\n"
        ),
        "method in nine places": "log.«warn⟶error»(a)\n" + 9 * "log.[[warn⟶error]](b)\n",
        "method in ten places, after a second example": (
            "log.«warn⟶error»(a)\nlog.«warn⟶error»(b)\n" + 10 * "log.[[warn⟶error]](c)\n"
        ),
        "attribute after a second example": "p = s.«name⟶title»\nq = s.«name⟶title»\nr = s.[[name⟶title]]\n",
        "variable in another spelling": (
            "def f([[colour⟶color]]):\n    a([[colour⟶color]])\n    b([[colour⟶color]])\n    return c(«colour⟶color»)\n"
        ),
        "function in another spelling": (
            "def f():\n    def [[load_it⟶loadIt]]():\n        pass\n    a([[load_it⟶loadIt]])\n    b(«load_it⟶loadIt»)\n"
        ),
        "variable whose bindings have all changed": (
            "def f(«hooks⟶found»):\n    «hooks⟶found» = {}\n    a([[hooks⟶found]])\n    return [[hooks⟶found]]\n"
        ),
        "variable that is bound once, at a use": "def f(a):\n    [[n⟶size]] = len(a)\n    return «n⟶size»\n",
        "variable with a word more, at a second change": (
            "def f():\n    «context⟶ssl_context» = g()\n    use(«context⟶ssl_context»)\n    return [[context⟶ssl_context]]\n"
        ),
        "function with a word more": "def «load⟶load_all»():\n    pass\n\n[[load⟶load_all]]()\n",
        "parameter with a word more": "def f(«context⟶ssl_context»):\n    return [[context⟶ssl_context]]\n",
        "a number beside the same number": (
            "assert a is None or b or «len(b)⟶at(b, 0)» != 1\nassert a is None or b or [[len(b)⟶at(b, 0)]] != 1\n"
        ),
        "variable at a second use": (
            "def f([[ty⟶guess]]):\n    a(«ty⟶guess»)\n    b([[ty⟶guess]])\n    return c(«ty⟶guess»)\n"
        ),
    },
    "go": {
        "argument for a new parameter": (
            "package a\n\nfunc load(«⟶ctx Context, »p string) {}\n\nfunc g(ctx Context) {\n"
            '\tload(«⟶ctx, »"a")\n\tx()\n\tload([[⟶ctx, ]]"b")\n}\n'
        ),
        "blanks as in the example": "x = append(l, «fmt.Sprintf(p, ⟶With(»n.A(), n.B()))\ny = append(l, [[fmt.Sprintf(p, ⟶With(]]m.A(), m.B()))\n",
    },
    "cpp": {
        "function with a prototype": (
            "int «load⟶read»(int a);\n\nint [[load⟶read]](int a) {\n    return a;\n}\n\nint g() {\n    return [[load⟶read]](1);\n}\n"
        ),
    },
    "java": {
        "argument for a new parameter": (
            "class A {\n  void load(String p«⟶, Mode mode») {}\n\n  void g(Mode mode) {\n    load(a«⟶, mode»);\n    x();\n"
            "    load(b[[⟶, mode]]);\n  }\n}\n"
        ),
        "overloaded method": (
            "class A {\n  void «load⟶read»() {}\n\n  void [[load⟶read]](int a) {}\n\n  void go() {\n    [[load⟶read]]();\n  }\n}\n"
        ),
    },
    "c": {
        "function with a prototype": (
            "static int [[load⟶read_all]](int a);\n\nstatic int «load⟶read_all»(int a) {\n    return a;\n}\n\n"
            "int g(void) {\n    return [[load⟶read_all]](1);\n}\n"
        ),
        "constant in an initializer": "enum { «LIMIT⟶MAXIMUM» = 10 };\nint a = [[LIMIT⟶MAXIMUM]], b[ [[LIMIT⟶MAXIMUM]]];\n",
    },
    "javascript": {
        "declaration of a variable that is assigned again": (
            "function f() {\n  let «a⟶first» = 1;\n  [[a⟶first]] = 2;\n  use([[a⟶first]]);\n}\n"
        ),
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
        "method in ten places": "log.«warn⟶error»(a)\n" + 10 * "log.warn(b)\n",
        "attribute in many places": "p = s.«name⟶title»\nq = s.name\nr = s.name\n",
        "string that becomes a name": "f(a, «'x'⟶path»)\nf(b, 'x')\n",
        "a literal of a call that changes too": "f(a, «g('x')⟶h('y')»)\nf(b, g('x'))\n",
        "a number beside another number": (
            "assert a is None or b or «len(b)⟶at(b, 0)» != 1\nassert a is None or b or len(b) != 2\n"
        ),
        "a number of a call that changes too": "f(a, «g(1)⟶h(2)»)\nf(b, g(1))\n",
        "a sum of strings": "f(a, b, c, «'x' + end⟶''»)\nf(a, b, c, 'x' + end)\n",
        "another statement": "«file = read(a)⟶state = a.stat()»\n\n\ndef g(b):\n    file = read(b)\n",
        "a return that becomes an assignment": "def f():\n    «return self.make(⟶kwargs = dict(»a)\n\n\ndef g():\n    return self.make(a)\n",
        "variable that gets a word more where it is assigned": (
            "def f():\n    «context⟶ssl_context» = g()\n    use(context)\n    return context\n"
        ),
        "field that gets a word more where it is assigned": (
            "class A:\n    def __init__(self, a):\n        self.«_settings⟶_own_settings» = a\n\n"
            "    def f(self):\n        return self._settings()\n"
        ),
        "variable that is bound again": "def f(«hooks⟶given»):\n    hooks = hooks or {}\n    return hooks\n",
        "variable that is bound again, at a second change": (
            "def f(hooks):\n    «hooks⟶found» = hooks or {}\n    a(hooks)\n    return «hooks⟶found»\n"
        ),
        "variable that becomes two with like names": (
            "def f(mw, req):\n    mw.open(req)\n    «req⟶req2» = mw.process(req)\n    use(req)\n    req = mw.process(req)\n"
        ),
        "another function as an argument": (
            "def one():\n    pass\n\ndef f():\n    def two():\n        pass\n    a(call=two)\n    b(fail=«two⟶three»)\n"
        ),
        "another function as an argument, twice": (
            "def f():\n    def two():\n        pass\n    a(call=two)\n    b(fail=«two⟶three»)\n    c(call=two)\n    d(fail=«two⟶three»)\n"
        ),
        "another class": "class One:\n    pass\n\ndef f():\n    class Two:\n        pass\n    a(Two)\n    b(«Two⟶Three»)\n",
        "brackets alone": "x = «[a]⟶(a)»\ny = [b]\n",
        "variable at one of many uses": "def f(ty):\n    a(ty)\n    b(ty)\n    return c(«ty⟶guess»)\n",
        "argument in many places": "echo(a«⟶, nl»)\necho(b)\necho(c)\n",
        "several lines, once": "def f():\n    «a = make(x)\n    check(a)⟶use(x)»\n\n\ndef g():\n    a = make(x)\n    check(a)\n",
    },
    "javascript": {
        "variable that is assigned again, at a use": (
            "function f(b) {\n  let name = '';\n  if (b) name = b;\n  use(«name⟶title»);\n}\n"
        ),
        "variable where it is assigned again": "function f(b) {\n  let name = '';\n  «name⟶title» = b;\n  use(name);\n}\n",
        "changed in another way before": "f(1, styles.«C⟶GO»);\nf(2, styles.«C⟶CPP»);\nf(3, styles.C);\n",
        "variable at one of many uses": "function f(ty) {\n  a(ty);\n  b(ty);\n  return c(«ty⟶guess»);\n}\n",
    },
    "go": {
        "variable that is assigned again, at a use": (
            'package a\n\nfunc f(b string) {\n\tname := ""\n\tif b != "" {\n\t\tname = b\n\t}\n\tuse(«name⟶title»)\n}\n'
        ),
        "one of two variables that are assigned again": (
            "package a\n\nfunc f() {\n\tn, m := 1, 2\n\t«n⟶size», m = 3, 4\n\tuse(n, m)\n}\n"
        ),
        "variable that gets a word more where it is made": (
            "package a\n\nfunc f() {\n\t«err⟶tmpErr», ok := g()\n\tuse(err, ok)\n}\n"
        ),
        "a function that is moved": "package a\n\nfunc «load⟶read»() {}\n\nfunc load() {}\n",
        "passed over": "func f() {\n\tlog.«Warn⟶Error»(a)\n\tlog.Warn(b)\n\tlog.«Warn⟶Error»(c)\n\tlog.Warn(d)\n}\n",
    },
    "java": {
        "variable that is assigned again, at a use": (
            "class A {\n  void f(int b) {\n    int n = 1;\n    if (b > 1) n = b;\n    use(«n⟶size»);\n  }\n}\n"
        ),
        "one of two fields of the same name, while code is moved": (
            "class A {\n  int «FLOAT⟶LONG» = 1;\n\n  int FLOAT = 2;\n}\n"
        ),
    },
    "c": {
        "variable that is assigned again, at a use": (
            "void f(int b) {\n    int n = 1;\n    if (b) n = b;\n    use(«n⟶size»);\n}\n"
        ),
    },
    "rust": {"string that becomes a name": 'fn f() {\n    g(a, «"x"⟶path»);\n    g(b, "x");\n}\n'},
}
