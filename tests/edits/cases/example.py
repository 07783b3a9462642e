"""A change that is repeated: of a call, an expression, a type, a literal."""

CALLS = {
    "python": {
        "added argument": "foo(a«⟶, 1»)\nfoo(b[[⟶, 1]])\nfoo(c, d)\nbar(b)\n",
        "added first argument": "foo(«⟶ctx, »a)\nfoo([[⟶ctx, ]]b.c[0])\n",
        "added keyword": "requests.get(u«⟶, timeout=5»)\nrequests.get(v[[⟶, timeout=5]])\ncache.get(v)\n",
        "removed argument": "foo(a«, True⟶»)\nfoo(b[[, True⟶]])\nfoo(c, False)\n",
        "swapped arguments": "foo(«a, b⟶b, a»)\nfoo([[c.d, e⟶e, c.d]])\n",
        "changed method": "log.«warn⟶warning»(a)\nlog.[[warn⟶warning]](b)\nother.warn(c)\n",
        "method of a base class": (
            "class A(B):\n    def f(self):\n        self.assertEqual«s⟶»(a, b)\n        self.[[assertEquals⟶assertEqual]](c, d)\n"
        ),
        "method of another class": (
            "class A:\n    def warn(self):\n        pass\n\nclass B(C):\n    def f(self, warn):\n"
            "        self.«warn⟶warning»(a)\n        self.[[warn⟶warning]](b)\n"
        ),
        "attribute assigned to its new name": ("title = s.«name⟶title»\nother = s.[[name⟶title]]\n"),
        "keyword renamed": "foo(«size⟶length»=1)\nfoo([[size⟶length]]=n)\n",
        "wrapped": "y = «foo(a)⟶bar(foo(a))»\nz = [[foo(b)⟶bar(foo(b))]]\nw = bar(foo(c))\n",
        "assertion": (
            "«self.assertEqual(a, b)⟶assert a == b»\n[[self.assertEqual(x.y, g(z))⟶assert x.y == g(z)]]\n"
            "self.assertEqual(p or q, 1)\n"
        ),
        "a factor of a name": "show(out, «⟶HEADS * »size)\nshow(end, [[⟶HEADS * ]]width)\n",
        "a factor of a number, as in the example": "show(out, «⟶HEADS * »1)\nshow(end, [[⟶HEADS * ]]2)\n",
        "a choice between two strings": "log.note(«⟶'new' if x else »'old')\nlog.note([[⟶'new' if x else ]]'odd')\n",
        "an operator beside the same operator": (
            "assert not «p.fits(a)⟶p.rest(a) == a»\nassert not [[p.fits(b)⟶p.rest(b) == b]]\n"
        ),
        "a string that is kept": "f(\n    «lazy('a')⟶'a'»,\n    [[lazy('b')⟶'b']],\n)\n",
        "a number between operators": "«same(a, 10)⟶assert a == 10»\n[[same(b, 20)⟶assert b == 20]]\n",
        "a name that becomes a member, twice": (
            "queue.wait(«rest⟶jobs.rest»)\nqueue.wait(«left⟶jobs.left»)\nqueue.wait([[most⟶jobs.most]])\n"
        ),
        "a name in quotes": "need(a«⟶, name='a'»)\nneed(bc[[⟶, name='bc']])\nneed(x.y)\n",
        "names in quotes, twice": "need(a«⟶, 'a'»)\nneed(b«⟶, 'b'»)\nneed(c[[⟶, 'c']])\n",
        "the same variable of another function": (
            "def f(path):\n    load(a«⟶, path»)\n\ndef g(path):\n    load(b[[⟶, path]])\n"
        ),
        "a name of the module": "LIMIT = 1\n\ndef f():\n    load(a«⟶, LIMIT»)\n\ndef g():\n    load(b[[⟶, LIMIT]])\n",
        "a label with the name of a local variable": (
            "def f(path):\n    load(a«⟶, path=1»)\n\ndef g():\n    load(b[[⟶, path=1]])\n"
        ),
        "within itself, as the example": (
            "def _walk(a):\n    x = «os.walk(a)⟶_walk(a)»\n    y = [[os.walk(b)⟶_walk(b)]]\n"
        ),
        "type of a parameter and a field": (
            "class A:\n    def f(self, size: «int⟶float»):\n        self.size: [[int⟶float]] = size\n"
        ),
        "call to attribute": "x = «os.path.join(a, b)⟶Path(a, b)»\ny = [[os.path.join(c, d)⟶Path(c, d)]]\n",
    },
    "javascript": {
        "a string that is kept": "f(«g('a')⟶'a'»);\nf([[g('b')⟶'b']]);\n",
        "added argument": "load(a«⟶, done»);\nload(b[[⟶, done]]);\nload(c, d);\n",
        "method": "x.«substr⟶slice»(1);\nx.[[substr⟶slice]](2);\ny.substr(3);\n",
    },
    "typescript": {"added argument": "this.load(a«⟶, true»);\nthis.load(b[[⟶, true]]);\nthat.load(c);\n"},
    "go": {
        "added argument": "package a\n\nfunc f() {\n\tload(«⟶ctx, »a)\n\tload([[⟶ctx, ]]b)\n}\n",
        "field of another object": ("package a\n\nfunc f() {\n\tuse(s.«name⟶title»)\n\tuse(s.[[name⟶title]])\n}\n"),
        "package function": "package a\n\nfunc f() {\n\tx := «ioutil.ReadFile(a)⟶os.ReadFile(a)»\n\ty := [[ioutil.ReadFile(b)⟶os.ReadFile(b)]]\n}\n",
    },
    "rust": {
        "module": "fn f() {\n    «util⟶tool»::load(1);\n    [[util⟶tool]]::load(2);\n}\n",
        "method": "fn f() {\n    a.load(x«⟶, true»);\n    a.load(y[[⟶, true]]);\n}\n",
    },
    "java": {
        "a name in quotes": 'class A {\n  void f() {\n    need(a«⟶, "a"»);\n    need(b[[⟶, "b"]]);\n    need(b.c());\n  }\n}\n',
        "added argument": "class A {\n  void f() {\n    load(a«⟶, 1»);\n    load(b[[⟶, 1]]);\n  }\n}\n",
    },
    "c": {
        "function": "int f(void) {\n    «strcpy(a, b)⟶strlcpy(a, b, sizeof(a))»;\n    [[strcpy(c, d)⟶strlcpy(c, d, sizeof(c))]];\n}\n"
    },
    "cpp": {"added argument": "int f() {\n    load(a«⟶, 1»);\n    load(b[[⟶, 1]]);\n}\n"},
    "ruby": {"added argument": "load(a«⟶, 1»)\nload(b[[⟶, 1]])\n"},
}
EXPRESSIONS = {
    "python": {
        "is None": "if x «==⟶is» None:\n    pass\nif y [[==⟶is]] None:\n    pass\nif z == 1:\n    pass\n",
        "two literals alike": "retry(«3⟶5»)\nretry(«3⟶5»)\nretry([[3⟶5]])\nother(3)\n",
        "two operators": "a = x «and⟶or» y\nb = z «and⟶or» w\n",
    },
    "javascript": {"two keywords": "«var⟶let» a = 1;\n«var⟶let» b = 2;\n[[var⟶let]] c = 3;\n"},
}
TYPES = {
    "python": {
        "annotation": "class A:\n    size: «int⟶float»\n\ndef f(size: [[int⟶float]], n: int):\n    pass\n",
    },
    "typescript": {
        "annotation": "interface A { size: «number⟶string» }\nfunction f(size: [[number⟶string]], n: number) {}\n"
    },
    "java": {"field": "class A {\n  «int⟶long» size;\n  A([[int⟶long]] size, int n) {}\n}\n"},
    "c": {"declaration": "«int⟶long» size;\nvoid f([[int⟶long]] size, int n);\n"},
    "rust": {"field": "struct A {\n    size: «u32⟶u64»,\n}\nfn f(size: [[u32⟶u64]], n: u32) {}\n"},
}
SILENT = {
    "python": {
        "a number": "retry(«3⟶5»)\nretry(3)\n",
        "a string": "x = 'a«⟶b»'\ny = 'a'\n",
        "inside a string": "x = 'load(a«⟶, 1»)'\nload(b)\n",
        "only in strings elsewhere": "load(a«⟶, 1»)\ny = 'load(b)'\n# load(c)\n",
        "comment only": "x = 1  # on«⟶e»\ny = 1  # on\n",
        "comment line": "# load«⟶er»\nload(a)\n",
        "formatting only": "foo(a,«⟶ »b)\nfoo(c,d)\n",
        "other arity": "foo(a«⟶, 1»)\nfoo()\nfoo(b, c)\n",
        "a factor of a number": "show(out, «⟶HEADS * »size)\nshow(end, 2)\n",
        "a choice between a string and itself": "log.note(«⟶'new' if x else »'old')\nlog.note('new')\n",
        "would bind otherwise": "«f(a, b)⟶a == b»\nf(p or q, 1)\n",
        "would bind otherwise than a word before it": "assert «p.fits(a)⟶p.rest(a) == a»\nassert not p.fits(b)\n",
        "would bind otherwise than a word before its object": (
            "assert «p.q(1).fits(a)⟶p.q(1).rest(a) == a»\nassert not p.q(1).fits(b)\n"
        ),
        "would bind otherwise than an operator after it": (
            "x = names[count].sizes[most].first.«fits(a)⟶rest(a) + a»\ny = names[count].sizes[most].first.fits(b) * 2\n"
        ),
        "half-written": "foo(a«⟶, 1»)\nfoo(b)\nx = (\n",
        "half-written at the change": "foo(a«⟶, »\nfoo(b)\n",
        "a local variable of another function": "def f(path):\n    load(a«⟶, path»)\n\ndef g():\n    load(b)\n",
        "within the function that it calls": (
            "def _walk(a):\n    return os.walk(a)\n\ndef f(b):\n    return «os.walk⟶_walk»(b)\n"
        ),
        "an argument that becomes a member": "queue.wait(«rest⟶self.jobs.rest()»)\nqueue.wait(left)\n",
        "an argument that becomes a member, twice": (
            "queue.wait(«rest⟶jobs.rest()»)\nqueue.wait(«left⟶jobs.left()»)\nqueue.wait(min(a, b))\n"
        ),
        "a member of that name": "x = «c.get(a)⟶c.find(a)»\ny = c.c.get(a)\n",
        "a test that is turned around": "check.«False⟶True»(a)\ncheck.False(b)\n",
        "a list that is sorted": "f(«['b', 'a']⟶['a', 'b']»)\nf(['d', 'c'])\n",
        "a definition": "«def load(a):⟶def read(a, b):»\n    pass\n\nclass A:\n    def load(a):\n        pass\n",
        "already so": "y = «foo(a)⟶bar(foo(a))»\nw = bar(foo(c))\n",
        "definition": "def foo(a«⟶, b=1»):\n    pass\n\ndef bar(a):\n    pass\n",
        "new code": "foo(a)\n«⟶foo(b, 1)\n»foo(c)\n",
        "code typed on": "foo(a)\nx = 1\n«⟶y = foo(a)»\n",
        "a keyword": "«if⟶while» a:\n    pass\nif b:\n    pass\n",
    },
    "javascript": {
        "what varies stands twice in the change": "a «-⟶+ a *» b;\nc «-⟶+ c *» b;\ne - b;\n",
        "a keyword once": "«var⟶let» a = 1;\nvar b = 2;\n",
        "a keyword of the same variable": "function f() {\n  «var⟶const» a = g(this);\n}\nfunction h() {\n  var a = g(this);\n}\n",
        "within the function that it calls": (
            "const walk = (a) => {\n  return os.walk(a);\n};\nfunction f(b) {\n  return «os.walk⟶walk»(b);\n}\n"
        ),
    },
    "go": {
        "a local variable of another function": (
            "package a\n\nfunc f(p string) {\n\tload(a«⟶, p»)\n}\n\nfunc g() {\n\tload(b)\n}\n"
        ),
        "broken": "package a\n\nfunc f() {\n\tload(a«⟶, »\n\tload(b)\n}\n",
    },
    "c": {"another declaration": "«int⟶long» size;\nvoid f(int n);\n"},
    "rust": {"another field": "struct A {\n    size: «u32⟶u64»,\n}\nfn f(n: u32) {}\n"},
    "typescript": {"a type elsewhere": "let a: «number⟶string»;\nlet b: number;\n"},
    "java": {
        "another test": "class A {\n  boolean f() {\n    g(a «==⟶!=» null);\n    return b == null;\n  }\n}\n",
        "a literal": "class A {\n  int a = «1⟶2»;\n  int b = 1;\n}\n",
    },
}
