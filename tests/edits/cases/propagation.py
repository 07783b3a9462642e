"""A changed signature reaches the calls, and an import goes with its last use."""

PARAMETERS = {
    "python": {
        "on a line of its own": (
            "def f(\n    a: int,\n«    b: dict[str, int],\n⟶»    c: int = 3,\n):\n    return a\n\nf(1[[, 2⟶]], 3)\n"
            "f(1[[, b=2⟶]], c=3)\n"
        ),
        "of the objects of a class": (
            "class A:\n    def __init__(self, a«, b⟶»):\n        self.a = a\n\nx = A(1[[, 2⟶]])\ny = m.A(1, 2)\n"
        ),
        "removed": "def f(a«, b⟶»):\n    return a\n\nf(1[[, 2⟶]])\nf(1[[, b=2⟶]])\nf(1)\n",
        "removed first": "def f(«a, ⟶»b):\n    return b\n\nf([[1, ⟶]]2)\nf(b=2)\n",
        "swapped": "def f(«a, b⟶b, a»):\n    return a\n\nf([[x.y⟶2]], [[2⟶x.y]])\nf(a=1, b=2)\n",
        "swapped in an argument": "def f(«a, b⟶b, a»):\n    return a\n\nf(1, f([[2⟶3]], [[3⟶2]]))\n",
        "renamed keyword": "def f(«count⟶total»=1):\n    return [[count⟶total]]\n\nf([[count⟶total]]=2)\ng(count=3)\n",
        "last is a call": "def f(a«, b⟶»):\n    return a\n\nf(1, pop())\nf(1[[, 2⟶]])\nf(1, b=pop())\nf(1, (c := 2))\n",
        "method": "class A:\n    def f(self, a«, b⟶»):\n        return a\n\n    def g(self):\n        self.f(1[[, 2⟶]])\n        f(1, 2)\n",
    },
    "javascript": {"removed": "function f(a«, b⟶») {\n  return a;\n}\nf(1[[, 2⟶]]);\nx.f(1, 2);\n"},
    "typescript": {
        "swapped": "function f(«a: A, b: B⟶b: B, a: A») {\n  return a;\n}\nf([[1⟶2]], [[2⟶1]]);\n",
        "method": "class A {\n  f(a: A«, b: B⟶»): void {}\n  g() {\n    this.f(1[[, 2⟶]]);\n    that.f(1, 2);\n  }\n}\n",
        "arrow": "const f = (a: A«, b: B⟶») => {\n  use(a);\n};\nf(1[[, 2⟶]]);\ng.f(1, 2);\n",
        "constructor": (
            "class A {\n  constructor(a: A«, b: B⟶») {}\n}\nconst x = new A(1[[, 2⟶]]);\nconst y = new m.A(1, 2);\n"
        ),
    },
    "go": {"removed": "package a\n\nfunc f(a int«, b int⟶») int {\n\treturn a\n}\n\nvar x = f(1[[, 2⟶]])\n"},
    "rust": {
        "removed": "fn f(a: u32«, b: u32⟶») -> u32 {\n    a\n}\n\nfn g() {\n    f(1[[, 2⟶]]);\n}\n",
        "of a generic function": ("fn f<T: A<B>>(a: T«, b: &mut Map<K, V>⟶») {}\n\nfn g() {\n    f(1[[, 2⟶]]);\n}\n"),
    },
    "java": {
        "removed": "class A {\n  int f(int a«, int b⟶») {\n    return a;\n  }\n  int g() {\n    return f(1[[, 2⟶]]);\n  }\n}\n",
        "of nothing": (
            "class A {\n  void f(int a«, int b⟶») {}\n  void g() {\n    f(1[[, 2⟶]]);\n    this.f(1[[, 2⟶]]);\n    o.f(1, 2);\n  }\n}\n"
        ),
    },
    "c": {
        "removed": "int f(int a«, int b⟶») {\n    return a;\n}\n\nint g(void) {\n    return f(1[[, 2⟶]]);\n}\n",
        "brace on a line of its own": (
            "int f(int a[[, int b⟶]]);\n\nvoid *f(int a«, int b⟶»)\n{\n    return a;\n}\n\nint g(void)\n{\n    return f(1[[, 2⟶]]);\n}\n"
        ),
        "of nothing": "static void f(int a«, int b⟶») {}\n\nvoid g(void) {\n    f(1[[, 2⟶]]);\n}\n",
        "of nothing, swapped": (
            "static void f(«int a, int b⟶int b, int a») {}\n\nvoid g(void) {\n    f([[1⟶2]], [[2⟶1]]);\n}\n"
        ),
    },
    "cpp": {
        "method that is defined apart": (
            "void A::f(int a«, int b⟶») {}\n\nvoid A::g() {\n    f(1[[, 2⟶]]);\n    this->f(1[[, 2⟶]]);\n    o.f(1, 2);\n}\n"
        ),
        "swapped": "int f(«int a, int b⟶int b, int a») {\n    return a;\n}\n\nint g() {\n    return f([[1⟶2]], [[2⟶1]]);\n}\n",
    },
}
IMPORTS = {
    "python": {
        "a module": "[[import os\n⟶]]import sys\n\nx = «os.getcwd()⟶sys.argv[0]»\ny = 1\nz = «2⟶y»\n",
        "beside a private name that is defined": (
            "[[import os\n⟶]]\ndef _here():\n    return 1\n\nx = «os.getcwd()⟶_here()»\ny = 1\nz = «2⟶y»\n"
        ),
        "a line beside a name without an import": "[[import os\n⟶]]import sys\n\nx = «os.getcwd()⟶here()»\ny = sys\nz = «2⟶y»\n",
        "one of several": "from m import [[a, ⟶]]b\n\nx = «a()⟶b()»\ny = 1\nz = «2⟶y»\nw = 1\nv = «3⟶w»\n",
        "the last of several": "from m import b[[, a⟶]]\n\nx = «a()⟶b()»\ny = 1\nz = «2⟶y»\nw = 1\nv = «3⟶w»\n",
    },
    "javascript": {
        "one of several": "import { [[a, ⟶]]b } from 'm';\n\nconst x = «a()⟶b()»;\nlet y;\nconst z = «2⟶y»;\nlet w;\nconst v = «3⟶w»;\n"
    },
    "typescript": {"a line": "[[import { a } from 'm';\n⟶]]\nconst x = «a()⟶1 + 2»;\nlet y;\nconst z = «2⟶y»;\n"},
    "java": {"a class": "[[import a.b.List;\n⟶]]\nclass A {\n  «List⟶int[]» x;\n  int y;\n  int z = «2⟶y»;\n}\n"},
}
AWAITS = {
    "python": {
        "function": "«⟶async »def load(a):\n    return a\n\nasync def g():\n    x = [[⟶await ]]load(1)\n    y = await load(2)\n\ndef h():\n    return load(3)\n",
        "handed on": "«⟶async »def load(a):\n    return a\n\nasync def g(d=load(0)):\n    a = load(1).name\n    load(3).then(go)\n    gather(load(3))\n    asyncio.run(load(5))\n    b = [load(6)]\n    c = load(7)[0]\n    with load(8):\n        pass\n    [[⟶await ]]load(9)\n    return not [[⟶await ]]load(10)\n",
        "method": "class A:\n    «⟶async »def load(self):\n        pass\n\n    async def g(self):\n        [[⟶await ]]self.load()\n",
    },
    "javascript": {
        "function": "«⟶async »function load() {}\nasync function g() {\n  const x = [[⟶await ]]load();\n}\nfunction h() {\n  load();\n}\n"
    },
    "typescript": {"arrow": "«⟶async »function load() {}\nconst g = async () => {\n  [[⟶await ]]load();\n};\n"},
    "rust": {
        "function": "«⟶async »fn load() -> u32 {\n    1\n}\n\nasync fn g() {\n    let x = load()[[⟶.await]];\n}\n\nfn h() {\n    load();\n}\n"
    },
}
SILENT = {
    "java": {
        "method of another class, of nothing": (
            "class A {\n  void f(int a«, int b⟶») {}\n}\nclass B {\n  void f(A c, A d) {}\n  void g() {\n    f(1, 2);\n  }\n}\n"
        ),
    },
    "python": {
        "objects of a class that is bound again": (
            "class A:\n    def __init__(self, a«, b⟶»):\n        pass\n\nA = wrap(A)\nx = A(1, 2)\n"
        ),
        "parameter that others collect": "def f(a, «b=1⟶**more»):\n    return a\n\nf(1, b=2)\n",
        "parameter that others collected before": "def f(a«, b=1⟶», **more):\n    return a\n\nf(1, b=2)\n",
        "parameter of a lambda": "f = g(lambda a«, b⟶»: a)\n\nf(1, 2)\ng(1, 2)\n",
        "method of another object": "class Cache:\n    def get(self, key«, default⟶»):\n        return key\n\nd = {}\nx = d.get('x', 0)\n",
        "static method": "class A:\n    @staticmethod\n    def f(a«, b⟶»):\n        return a\n\nf(1, 2)\n",
        "self of another class": "class A:\n    def f(self, a«, b⟶»):\n        return a\n\nclass B:\n    def g(self):\n        self.f(1, 2)\n",
        "parameter of that name": "def f(a«, b⟶»):\n    return a\n\ndef g(f):\n    return f(1, 2)\n",
        "async method of another object": "class A:\n    «⟶async »def get(self, a):\n        return a\n\nasync def g(d):\n    d.get(2)\n",
        "async function, method called": "«⟶async »def get(a):\n    return a\n\nasync def g(d):\n    d.get(2)\n",
        "async generator": "«⟶async »def load():\n    yield 1\n\nasync def g():\n    for x in load():\n        pass\n",
        "async decorator": "«⟶async »def load(a):\n    return a\n\nasync def g():\n    @load(1)\n    def h():\n        pass\n",
        "added parameter": "def f(a«, b⟶, b, c»):\n    return a\n\nf(1, 2)\n",
        "parameter with a default": "def f(a«⟶, b=1»):\n    return a\n\nf(1)\n",
        "removed, but never given": "def f(a«, b=1⟶»):\n    return a\n\nf(1)\n",
        "defined twice": "class A:\n    def f(self, a«, b⟶»):\n        pass\n\nclass B:\n    def f(self, a, b):\n        pass\n\nx.f(1, 2)\n",
        "starred arguments": "def f(a«, b⟶»):\n    return a\n\nf(*x)\n",
        "import whose last use was moved just now": "import os\n\nx = 1\ny = «os.getcwd()⟶x»\n",
        "name in a list that another one may replace": "from m import a, b\n\nx = «a()⟶b()»\ny = 1\nz = «2⟶y»\n",
        "import for a private function that is not yet written": (
            "import os\n\nx = «os.getcwd()⟶_here()»\ny = 1\nz = «2⟶y»\n"
        ),
        "import for two uses of a private function that is not yet written": (
            "import os\n\nx = «os.getcwd()⟶_here()»\ny = 1\nz = «2⟶_here()»\nw = «2⟶y»\n"
        ),
        "import for a private function of an earlier change": (
            "import os\n\ny = «2⟶_here()»\nx = «os.getcwd()⟶1»\nz = «2⟶y»\n"
        ),
        "name in a list that a name without an import may replace": (
            "from m import a, b\n\nx = «a()⟶c()»\ny = b\nz = «2⟶y»\nw = 1\nv = «3⟶w»\n"
        ),
        "import that was added by a change": ("import sys\n«⟶import os\n»\nx = «os⟶sys»\ny = 1\nz = «2⟶y»\n"),
        "import whose neighbour goes": "import hashlib\n«from hashlib import sha1\n⟶»import a\n\ny = a.b\nz = «2⟶y»\n",
        "import still used": "import os\n\nx = «os.getcwd()⟶1»\ny = os.sep\ny = 1\nz = «2⟶y»\n",
        "import used in a string": "import os\n\nx = «os.getcwd()⟶1»\ny: 'os.PathLike'\ny = 1\nz = «2⟶y»\n",
        "import under another name": "from m import a as b, c\n\nx = «b()⟶c()»\ny = 1\nz = «2⟶y»\n",
        "the last import under another name": "from m import c, a as b\n\nx = «b()⟶c()»\ny = 1\nz = «2⟶y»\n",
        "two imports on a line": "import os; import sys\n\nx = «os.getcwd()⟶sys.path»\ny = 1\nz = «2⟶y»\n",
        "the second import on a line": "import os; import sys\n\nx = «sys.path⟶os.getcwd()»\ny = 1\nz = «2⟶y»\n",
        "import that goes on": "import os, \\\n    sys\n\nx = «os.getcwd()⟶sys.path»\ny = 1\nz = «2⟶y»\n",
        "import that is kept": "import os  # noqa: F401\n\nx = «os.getcwd()⟶1»\ny = 1\nz = «2⟶y»\n",
    },
    "javascript": {
        "handed to all": "«⟶async »function load(a) {}\nasync function g() {\n  await Promise.all([load(1)]);\n}\n",
        "this of a function": "class A {\n  «⟶async »load() {}\n  async g() {\n    return async function () {\n      this.load();\n    };\n  }\n}\n",
        "default export": "import * as a from 'm';\n\nconst x = «a()⟶1»;\n",
    },
    "typescript": {"imported type": "import { type A, B } from 'm';\n\nconst x: «A⟶B» = 1;\n"},
    "go": {"method of that name": "package a\n\nfunc f(a int«, b int⟶») int {\n\treturn a\n}\n\nvar x = y.f(1, 2)\n"},
}
