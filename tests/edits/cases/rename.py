"""A name that changes at its definition or at one use."""

PYTHON = {
    "parameter": "def f(«count⟶total»):\n    x = [[count⟶total]] + 1\n    return [[count⟶total]]\n\ndef g(count):\n    return count\n",
    "local at its definition": "def f():\n    «count⟶total» = 1\n    return [[count⟶total]] + 1\n",
    "local at a use": "def f():\n    [[count⟶total]] = 1\n    return «count⟶total» + 1\n",
    "function": "def «load⟶read»(path):\n    return path\n\n[[load⟶read]]('a')\nx = [[load⟶read]]\n",
    "class": "class «Loader⟶Reader»:\n    pass\n\nx = [[Loader⟶Reader]]()\ny: [[Loader⟶Reader]] = x\n",
    "method by self": (
        "class A:\n    def «load⟶read»(self):\n        pass\n\n    def go(self):\n        self.[[load⟶read]]()\n"
        "        other.load()\n"
    ),
    "attribute by self": (
        "class A:\n    def __init__(self):\n        self.«n⟶count» = 0\n\n    def go(self):\n        return self.[[n⟶count]] + other.n\n"
    ),
    "in an f-string": "def f(«count⟶total»):\n    return f'{[[count⟶total]]} count'\n",
    "hidden by an inner function": (
        "def f(«count⟶total»):\n    def g(count):\n        return count\n    return g([[count⟶total]])\n"
    ),
    "a closure": "def f(«count⟶total»):\n    def g():\n        return [[count⟶total]]\n    return g\n",
    "keyword argument of another": "def f(«count⟶total»):\n    return g(count=[[count⟶total]])\n",
    "word of other languages": "def f(«loop⟶new»):\n    return [[loop⟶new]].run([[loop⟶new]])\n",
    "not in strings and comments": "def f(«count⟶total»):\n    # the count\n    return 'count' + [[count⟶total]]\n",
    "emoji before it": "s = '😀'\ndef f(«count⟶total»):\n    return '😀', [[count⟶total]]\n",
    "loop variable": "for «row⟶line» in rows:\n    print([[row⟶line]])\n",
    "with statement": "with open(p) as «f⟶file»:\n    [[f⟶file]].read()\n",
    "comprehension": "x = [\n    «a⟶item»\n    for [[a⟶item]] in items\n]\n",
}
OTHERS = {
    "javascript": {
        "word of other languages": "const «template⟶ref» = 1;\nfunction f() {\n  return [[template⟶ref]] + 1;\n}\n",
        "constant": "const «count⟶total» = 1;\nfunction f() {\n  return [[count⟶total]];\n}\n",
        "shorthand": "function f(«count⟶total») {\n  return {\n    [[count⟶count: total]],\n  };\n}\n",
        "block": "function f() {\n  let «a⟶first» = 1;\n  {\n    let a = 2;\n    use(a);\n  }\n  use([[a⟶first]]);\n}\n",
        "method": "class A {\n  «load⟶read»() {}\n  go() {\n    this.[[load⟶read]]();\n    that.load();\n  }\n}\n",
        "destructured": "function f(o) {\n  const { a, «b⟶rest» } = o;\n  return a;\n}\n",
        "arrow": "const f = («x⟶value») => {\n  return [[x⟶value]] + 1;\n};\n",
    },
    "typescript": {
        "parameter": "function f(«count⟶total»: number): number {\n  return [[count⟶total]] + 1;\n}\n",
        "interface": "interface «Point⟶Place» { x: number }\nfunction f(p: [[Point⟶Place]]): [[Point⟶Place]] {\n  return p;\n}\n",
    },
    "typescriptreact": {
        "component": "function f(«name⟶title»: string) {\n  return <b id={[[name⟶title]]}>name</b>;\n}\n",
    },
    "go": {
        "word of other languages": "package a\n\nfunc f(«in⟶from» int) int {\n\treturn [[in⟶from]] + 1\n}\n",
        "parameter": "package a\n\nfunc f(«count⟶total» int) int {\n\treturn [[count⟶total]] + 1\n}\n",
        "short declaration": "package a\n\nfunc f() int {\n\t«n⟶size» := 1\n\tuse(s.n)\n\treturn [[n⟶size]]\n}\n",
        "function": "package a\n\nfunc «load⟶read»() {}\n\nfunc g() {\n\t[[load⟶read]]()\n}\n",
        "type": "package a\n\ntype «Point⟶Place» struct{}\n\nfunc g(p [[Point⟶Place]]) {}\n",
    },
    "rust": {
        "word of other languages": "fn f() -> u32 {\n    let «from⟶delete» = 1;\n    [[from⟶delete]] + 1\n}\n",
        "let": "fn f() -> u32 {\n    let «count⟶total» = 1;\n    [[count⟶total]] + 1\n}\n",
        "let again": "fn f() -> u32 {\n    let «a⟶first» = 1;\n    use_it([[a⟶first]]);\n    let a = 2;\n    a\n}\n",
        "in a macro": 'fn f(«count⟶total»: u32) {\n    println!("{}", [[count⟶total]]);\n}\n',
        "struct": "struct «Point⟶Place» {\n    x: u32,\n}\n\nfn f(p: [[Point⟶Place]]) {}\n",
    },
    "java": {
        "word of other languages": "class A {\n  int f(int «in⟶from») {\n    return [[in⟶from]] + 1;\n  }\n}\n",
        "parameter": "class A {\n  int f(int «count⟶total») {\n    return [[count⟶total]] + 1;\n  }\n}\n",
        "field": "class A {\n  int «count⟶total»;\n  int f() {\n    return [[count⟶total]] + this.[[count⟶total]];\n  }\n}\n",
        "method": "class A {\n  void «load⟶read»() {}\n  void go() {\n    [[load⟶read]]();\n  }\n}\n",
    },
    "c": {
        "word of other languages": "int f(int «new⟶template») {\n    return [[new⟶template]] + p->new;\n}\n",
        "parameter": "int f(int «count⟶total») {\n    return [[count⟶total]] + p->count;\n}\n",
        "pointer": "int f(int *«p⟶place») {\n    return *[[p⟶place]];\n}\n",
        "function": "static int «load⟶read_all»(void) {\n    return 0;\n}\n\nint main(void) {\n    return [[load⟶read_all]]();\n}\n",
        "macro": "#define «LIMIT⟶MAXIMUM» 10\nint a = [[LIMIT⟶MAXIMUM]];\n",
    },
    "cpp": {
        "parameter": "int f(const std::string &«name⟶title») {\n    return [[name⟶title]].size();\n}\n",
        "auto": "int f() {\n    auto «a⟶first» = 1;\n    return [[a⟶first]];\n}\n",
    },
}
SILENT = {
    "python": {
        "the new name exists": "def f(total):\n    «count⟶total» = 1\n    return count\n",
        "a use becomes another variable": "def f(a, b):\n    print(a)\n    return «a⟶b»\n",
        "an imported name": "from m import load\n\n«load⟶read»()\nload()\n",
        "a builtin": "x = «len⟶size»(a)\ny = len(b)\n",
        "an attribute of another object": "a.«name⟶title» = 1\nb.name = 2\n",
        "no other use": "def f(«count⟶total»):\n    return 1\n",
        "on the line that is typed": "def f(«count⟶total», other=lambda: count): pass\n",
    },
    "javascript": {
        "another scope": "function f(«count⟶total») {}\nfunction g(count) {\n  return count;\n}\n",
        "key of an object": "let «a⟶first» = 1;\nuse({ a: 1 });\n",
    },
    "go": {"a field": "package a\n\nfunc f(«n⟶size» int) {\n\tx.n = 1\n}\n"},
    "rust": {"a field": "fn f(«n⟶size»: u32) {\n    x.n = 1;\n}\n"},
    "java": {"shadowed": "class A {\n  int count;\n  int f(int «count⟶total») {\n    return this.count;\n  }\n}\n"},
    "c": {"another function": "int f(int «n⟶size») {\n    return 0;\n}\nint g(int n) {\n    return n;\n}\n"},
}
