"""A field, parameter, branch or entry that is added to one list is due in those that mirror it."""

FIELDS = {
    "python": {
        "keyword arguments from one object": (
            "class P:\n    x: int\n    y: int\n«⟶    z: int\n»\n\ndef f(row):\n    return P(x=row.x, y=row.y[[⟶, z=row.z]])\n"
        ),
        "parameter to attribute": (
            "class A:\n    def __init__(self, name, «⟶kind, »size):\n        self.name = name[[⟶\n        self.kind = kind]]\n        self.size = size\n"
        ),
        "parameter with a type to attribute": (
            "class A:\n    def __init__(self, a: int, b: str«⟶, c: bool») -> None:\n        self._a = a\n        self._b = b[[⟶\n        self._c = c]]\n"
        ),
        "two at once": (
            "class A:\n    def __init__(self, a: int, b: str«⟶, c: bool, d: int»):\n        self.a = a\n        self.b = b[[⟶\n        self.c = c\n        self.d = d]]\n"
        ),
        "entries of a dictionary": (
            'class A:\n    name: str\n    size: int\n«⟶    kind: int\n»\n    def to_dict(self):\n        return {\n            "name": self.name,\n            "size": self.size[[⟶,\n            "kind": self.kind]],\n        }\n'
        ),
        "comparison": (
            "class A:\n    a: int\n    b: str\n«⟶    c: bool\n»\n    def __eq__(self, other):\n        return self.a == other.a and self.b == other.b[[⟶ and self.c == other.c]]\n"
        ),
        "a call that hands on all parameters": (
            "def f(a: int, b: int, c: int«⟶, d: int»):\n    return g(a, b, c[[⟶, d]])\n"
        ),
        "a variable of that name comes later": (
            "class P:\n    a: int\n    b: int\n    c: int\n«1:⟶    d: int\n»\n\ndef f(a: int, b: int, c: int«2:⟶, d: int»):\n    return P(a=a, b=b, c=c[[⟶, d=d]])\n"
        ),
        "a variable beside other values": (
            "class P:\n    a: int\n    b: str\n«⟶    c: bool\n»\n\ndef f(row, c):\n    return P(a=1, b=row.name[[⟶, c=c]])\n"
        ),
        "the words of a name": (
            'class A:\n    first_name: str\n    last_name: str\n«⟶    home_town: str\n»\n    def to_json(self):\n        return {"firstName": self.first_name, "lastName": self.last_name[[⟶, "homeTown": self.home_town]]}\n'
        ),
    },
    "javascript": {
        "parameter to member": (
            "class A {\n  constructor(name, «⟶kind, »size) {\n    this.name = name;[[⟶\n    this.kind = kind;]]\n    this.size = size;\n  }\n}\n"
        ),
    },
    "typescript": {
        "object of an interface": (
            "interface P {\n  a: number;\n  b: number;\n«⟶  c: number;\n»}\n\nfunction f(row: Row): P {\n  return { a: row.a, b: row.b[[⟶, c: row.c]] };\n}\n"
        ),
        "a variable beside other values": (
            "interface P {\n  a: number;\n  b: string;\n«⟶  c: boolean;\n»}\n\nfunction f(c: boolean) {\n  const p: P = { a: 1, b: name()[[⟶, c]] };\n  return p;\n}\n"
        ),
    },
    "go": {
        "literal from one object": (
            "package a\n\ntype P struct {\n\tA int\n\tB int\n«⟶\tC int\n»}\n\nfunc f(o P) P {\n\treturn P{\n\t\tA: o.A,\n\t\tB: o.B,[[⟶\n\t\tC: o.C,]]\n\t}\n}\n"
        ),
        "a variable beside other values": (
            "package a\n\ntype P struct {\n\tA int\n\tB string\n«⟶\tC bool\n»}\n\nfunc f(c bool) *P {\n\treturn &P{\n\t\tA: 1,\n\t\tB: name(),[[⟶\n\t\tC: c,]]\n\t}\n}\n"
        ),
        "comparison": (
            "package a\n\ntype p struct {\n\ta int\n\tb int\n«⟶\tc int\n»}\n\nfunc eq(s, t p) bool {\n\treturn s.a == t.a && s.b == t.b[[⟶ && s.c == t.c]]\n}\n"
        ),
    },
    "rust": {
        "shorthand": (
            "struct P {\n    a: u32,\n    b: u32,\n    c: u32,\n«1:⟶    d: u32,\n»}\n\nfn new(a: u32, b: u32, c: u32«2:⟶, d: u32») -> P {\n    P { a, b, c[[⟶, d]] }\n}\n"
        ),
        "a variable beside other values": (
            "struct P {\n    a: u32,\n    b: String,\n«⟶    c: bool,\n»}\n\nfn f(c: bool) -> P {\n    P { a: 1, b: name()[[⟶, c]] }\n}\n"
        ),
        "copy": (
            "struct P {\n    a: u32,\n    b: String,\n«⟶    c: u32,\n»}\n\nfn f(o: &P) -> P {\n    P { a: o.a.clone(), b: o.b.clone()[[⟶, c: o.c.clone()]] }\n}\n"
        ),
        "builder": (
            'struct P {\n    a: u32,\n    b: u32,\n    c: u32,\n«⟶    d: u32,\n»}\n\nimpl P {\n    fn fmt(&self, f: &mut F) -> R {\n        f.debug_struct("P")\n            .field("a", &self.a)\n            .field("b", &self.b)\n            .field("c", &self.c)[[⟶\n            .field("d", &self.d)]]\n            .finish()\n    }\n}\n'
        ),
    },
    "java": {
        "parameter to field": (
            "class P {\n  P(int a, «⟶int c, »int b) {\n    this.a = a;[[⟶\n    this.c = c;]]\n    this.b = b;\n  }\n  int a, b, c;\n}\n"
        ),
    },
    "c": {
        "a variable beside other values": (
            "struct p {\n    int a;\n    int b;\n«⟶    int c;\n»};\n\nvoid f(int c) {\n    struct p n = { .a = 1, .b = g()[[⟶, .c = c]] };\n    use(&n);\n}\n"
        ),
        "designated": (
            "struct p {\n    int a;\n    int b;\n«⟶    int c;\n»};\n\nstruct p copy(struct p *o) {\n    struct p n = { .a = o->a, .b = o->b[[⟶, .c = o->c]] };\n    return n;\n}\n"
        ),
    },
    "cpp": {
        "comparison": (
            "struct P {\n  int a;\n  int b;\n«⟶  int c;\n»  bool operator==(const P& o) const {\n    return a == o.a && b == o.b[[⟶ && c == o.c]];\n  }\n};\n"
        ),
    },
}
BRANCHES = {
    "python": {
        "elif": (
            'def encode(kind):\n    if kind == RED:\n        return "red"\n    elif kind == BLUE:\n        return "blue"«⟶\n    elif kind == GREEN:\n        return "green"»\n\ndef decode(text):\n    if text == "red":\n        return RED\n    elif text == "blue":\n        return BLUE[[⟶\n    elif text == "green":\n        return GREEN]]\n\nRED = BLUE = GREEN = 1\n'
        ),
        "member of an enumeration to match": (
            'class C(Enum):\n    RED = 1\n    BLUE = 2\n«⟶    GREEN = 3\n»\n\ndef f(c):\n    match c:\n        case C.RED:\n            return "red"\n        case C.BLUE:\n            return "blue"[[⟶\n        case C.GREEN:\n            return "green"]]\n'
        ),
        "list of strings": 'A = ["a", "b", "c"«⟶, "d"»]\nB = ["a", "b", "c"[[⟶, "d"]]]\n',
        "entry of a table": (
            'A = {"red": RED, "blue": BLUE«⟶, "green": GREEN»}\nB = {RED: "red", BLUE: "blue"[[⟶, GREEN: "green"]]}\nRED = BLUE = GREEN = 1\n'
        ),
    },
    "javascript": {
        "else if": (
            "function f(k) {\n  switch (k) {\n    case 'a':\n      return A;\n    case 'b':\n      return B;«⟶\n    case 'c':\n      return C;»\n  }\n}\n\nfunction g(k) {\n  if (k === A) {\n    return 'a';\n  } else if (k === B) {\n    return 'b';\n  }[[⟶ else if (k === C) {\n    return 'c';\n  }]]\n}\nconst A = 1, B = 2, C = 3;\n"
        ),
    },
    "typescript": {
        "enumeration to switch": (
            "enum K {\n  Red,\n  Blue,\n«⟶  Green,\n»}\n\nfunction f(k: K) {\n  switch (k) {\n    case K.Red:\n      return 'red';\n    case K.Blue:\n      return 'blue';[[⟶\n    case K.Green:\n      return 'green';]]\n  }\n}\n"
        ),
    },
    "go": {
        "case": (
            'package a\n\nfunc f(k K) string {\n\tswitch k {\n\tcase Red:\n\t\treturn "red"\n\tcase Blue:\n\t\treturn "blue"«⟶\n\tcase Green:\n\t\treturn "green"»\n\t}\n\treturn ""\n}\n\nfunc g(s string) K {\n\tswitch s {\n\tcase "red":\n\t\treturn Red\n\tcase "blue":\n\t\treturn Blue[[⟶\n\tcase "green":\n\t\treturn Green]]\n\t}\n\treturn 0\n}\n\nconst (\n\tRed K = iota\n\tGreen\n\tBlue\n)\n'
        ),
    },
    "rust": {
        "match arm": (
            'enum K {\n    Red,\n    Blue,\n«⟶    Green,\n»}\n\nfn f(k: K) -> &str {\n    match k {\n        K::Red => "red",\n        K::Blue => "blue",[[⟶\n        K::Green => "green",]]\n    }\n}\n'
        ),
    },
    "java": {
        "case": (
            'class A {\n  enum K { RED, «⟶GREEN, »BLUE }\n  String f(K k) {\n    switch (k) {\n      case RED:\n        return "red";[[⟶\n      case GREEN:\n        return "green";]]\n      case BLUE:\n        return "blue";\n    }\n    return "";\n  }\n}\n'
        ),
    },
    "c": {
        "case": (
            'enum k { RED, BLUE,\n«⟶  GREEN,\n»};\n\nconst char *f(enum k k) {\n    switch (k) {\n    case RED:\n        return "red";\n    case BLUE:\n        return "blue";[[⟶\n    case GREEN:\n        return "green";]]\n    }\n    return 0;\n}\n'
        ),
    },
}
SILENT: dict[str, dict[str, str]] = {
    "python": {
        "a name that is being typed": (
            "class A:\n    def __init__(self, name, size«⟶, kind»):\n        self.name = name\n        self.size = size\n"
        ),
        "values that are not known": "class P:\n    x: int\n    y: int\n«⟶    z: int\n»\n\ndef f(row):\n    return P(x=1, y=row.y)\n",
        "a variable that is not there": "class P:\n    a: int\n    b: int\n    c: int\n«⟶    d: str\n»\n\ndef f(a, b, c):\n    return P(a=a, b=b, c=c)\n",
        "a field that may be left out": "class P:\n    a: int\n    b: str\n«⟶    c: bool = False\n»\n\ndef f(row, c):\n    return P(a=1, b=row.name)\n",
        "a variable of the whole document": "c = 1\n\nclass P:\n    a: int\n    b: str\n«⟶    c: bool\n»\n\ndef f(row):\n    return P(a=1, b=row.name)\n",
        "records by position": "class P:\n    a: int\n    b: str\n«⟶    c: bool\n»\n\ndef f(row, c):\n    return P(1, row.name)\n",
        "one side of an assignment": "class A:\n    def __init__(self, a: int, b: int, c: int«⟶, d: int»):\n        self.a, self.b, self.c = a, b, c\n",
        "a list of other things": "class A:\n    a: int\n    b: int\n    c: int\n«⟶    d: str\n»\n    def sum(self):\n        return add(self.a, self.b, self.c)\n",
        "more behind the last one": "class P:\n    x: int\n    y: int\n«⟶    z: int\n»\n\ndef f(row):\n    return P(x=row.x, y=row.y + 1)\n",
        "more before the first one": "class P:\n    def __init__(self, «⟶z: int, »x: int, y: int, w: int):\n        pass\n\ndef f(x, y, w, z):\n    return P(-x, y, w)\n",
        "some names alone": "def f(a, b, c, «⟶n, »d, e):\n    return g(b, c, d)\n",
        "a comment within": 'def f(k):\n    if k == A:\n        return "a"\n    elif k == B:\n        return "b"«⟶\n    elif k == C:\n        return "c"»\n\ndef g(k):\n    if k == "a":\n        return A\n    elif k == "b":\n        # not yet\n        return B\n\nA = B = C = 1\n',
        "arguments of a call like another one": 'x = pods("a", "b", "c"«⟶, "d"»)\ny = 1\nz = pods("a", "b", "c", 1)\nw = other("a", "b", "c")\n',
        "there already": "class P:\n    x: int\n    y: int\n«⟶    z: int\n»\n\ndef f(row):\n    return P(x=row.x, y=row.y, z=0)\n",
        "constants": "class P:\n    def __init__(self, a, b, «⟶c: int, »d):\n        pass\n\n    def reset(self):\n        self.a = None\n        self.b = None\n        self.d = None\n",
        "types that are not known": "class P:\n    def __init__(self, a, b, «⟶c, »d):\n        pass\n\n\nclass Q:\n    a: int\n    b: int\n    d: int\n",
        "body that the name does not tell": 'def f(k):\n    if k == "a":\n        return 1\n    elif k == "b":\n        return 2«⟶\n    elif k == "c":\n        return 3»\n\n\ndef g(k):\n    if k == "a":\n        return go(1)\n    elif k == "b":\n        return stop(2)\n',
        "function that is not there": 'def f(k):\n    if k == "a":\n        return 1\n    elif k == "b":\n        return 2«⟶\n    elif k == "c":\n        return 3»\n\n\ndef g(k):\n    if k == "a":\n        return g_a(k)\n    elif k == "b":\n        return g_b(k)\n\ndef g_a(k): pass\ndef g_b(k): pass\n',
        "another order": 'A = {"red": RED, "blue": BLUE«⟶, "green": GREEN», "grey": GREY}\nB = {RED: "red", GREY: "grey", BLUE: "blue"}\nRED = BLUE = GREEN = GREY = 1\n',
        "a comment behind it": "class A:\n    def __init__(self, name, size, «⟶kind: int, »):\n        self.name = name\n        self.size = size  # in bytes\n",
        "imports": "from m import a, b, c\n\nx = {'a': 1, 'b': 2«⟶, 'd': 3», 'c': 4}\n",
    },
    "javascript": {
        "spelling that one word does not tell": "const a = { RED: 1, BLUE: 2«⟶, DARK_GREEN: 3» };\nconst b = { RED: 'red', BLUE: 'blue' };\n",
        "locals": "const a = 1;\nconst b = 2;\n«⟶const c = 3;\n»f(a, b);\n",
    },
    "typescript": {
        "optional members that are given here and there": "interface P {\n  a: number;\n  b?: number;\n  d?: number;\n«⟶  c?: number;\n»}\n\nconst p: P = { a: row.a, b: row.b };\n",
    },
    "go": {
        "fields of another type": 'package a\n\ntype P struct {\n\tA string `json:"a"`\n\tB string `json:"b"`\n«⟶\tD int `json:"d"`\n»}\n\ntype Q struct {\n\tA string `json:"a"`\n\tB string `json:"b"`\n}\n',
        "names of functions elsewhere": "package a\n\nfunc f(k K) int {\n\tswitch k {\n\tcase Red:\n\t\treturn 1\n\tcase Blue:\n\t\treturn 2«⟶\n\tcase Green:\n\t\treturn 3»\n\t}\n\treturn 0\n}\n\nfunc g(k K) int {\n\tswitch k {\n\tcase Red:\n\t\treturn onRed()\n\tcase Blue:\n\t\treturn onBlue()\n\t}\n\treturn 0\n}\n",
    },
    "rust": {
        "arms of several lines": "enum K {\n    Red,\n    Blue,\n«⟶    Green,\n»}\n\nfn f(k: K) -> u32 {\n    match k {\n        K::Red => 1,\n        K::Blue => 2,\n    }\n}\n",
    },
    "java": {
        "types of fields": "class P {\n  final int a;\n  final int b;\n  final int d;\n  P(int a, int b«⟶, String c», int d) {}\n}\n",
    },
    "c": {
        "declarations of the same names": "struct p {\n    int a;\n    int b;\n«⟶    char *c;\n»};\n\nvoid f(void) {\n    int a;\n    int b;\n}\n",
    },
}

_PARAMETERS = "class A {\n  constructor(a: X, b: X, c: X«⟶, d: X») {\n"
_FIELDS_OF_TS = "interface P {\n  a: number;\n  b: string;\n«⟶  c: boolean;\n»}\n\nfunction f(c: boolean) {\n"
GOING_ON = {
    "python": {
        "records that something else builds": "class P:\n    a: int\n    b: str\n«⟶    c: bool\n»\n\ndef f(row, c):\n    return P.make(a=1, b=row.name)\n",
    },
    "javascript": {
        "a regular expression": "const A = ['aa', 'bb', 'ee'«⟶, 'cc'»];\nconst r = /^(aa|bb|ee)$/;\n",
    },
    "typescript": {
        "a statement that goes on with a call": f"{_PARAMETERS}    this.a = a\n    this.b = b\n    this.c = c\n      .trim()\n  }}\n}}\n",
        "a sum that goes on with a product": f"{_PARAMETERS}    this.x = this.a + this.b + this.c\n      * 2\n  }}\n}}\n",
        "a sum that is compared": f"{_PARAMETERS}    return this.a + this.b + this.c\n      === 3;\n  }}\n}}\n",
        "part of a record": f"{_FIELDS_OF_TS}  const p: Partial<P> = {{ a: 1, b: name() }};\n  return p;\n}}\n",
        "a table of records": f"{_FIELDS_OF_TS}  const p: Record<string, P> = {{ a: x, b: name() }};\n  return p;\n}}\n",
    },
    "rust": {
        "a sum that goes on with a call": "struct P {\n    a: u32,\n    b: u32,\n    e: u32,\n«⟶    d: u32,\n»}\n\nfn f(s: &P) -> u32 {\n    s.a + s.b + s.e\n        .max(2)\n}\n",
    },
}
_IN_RUST = "struct P {\n    a: u32,\n    b: u32,\n    e: u32,\n«⟶    kind: u32,\n»}\n\nfn f(s: &P) {\n"
_IN_GO = "package a\n\ntype P struct {\n\tA int\n\tB int\n\tE int\n«⟶\tKind int\n»}\n\nfunc f(o P) {\n"
COUNTED = {
    "python": {
        "values for a format": "class P:\n    a: int\n    b: int\n    e: int\n«⟶    kind: int\n»\n\ndef f(o):\n    return '%s %s %s' % (o.a, o.b, o.e)\n",
        "arguments of a format": "class P:\n    a: int\n    b: int\n    e: int\n«⟶    kind: int\n»\n\ndef f(o):\n    return '{} {} {}'.format(o.a, o.b, o.e)\n",
    },
    "typescript": {
        "one side of names": f"{_PARAMETERS}    const [x, y, z] = [this.a, this.b, this.c];\n  }}\n}}\n",
    },
    "rust": {
        "one side of names": f"{_IN_RUST}    let (x, y, z) = (s.a, s.b, s.e);\n}}\n",
        "arguments behind a format": f'{_IN_RUST}    println!("{{}} {{}} {{}}", s.a, s.b, s.e);\n}}\n',
    },
    "go": {
        "arguments behind a format": f'{_IN_GO}\tfmt.Printf("%d %d %d", o.A, o.B, o.E)\n}}\n',
        "arguments behind others": f'{_IN_GO}\tfmt.Printf("%d %d %d %d",\n\t\tg(1),\n\t\to.A,\n\t\to.B,\n\t\to.E,\n\t)\n}}\n',
    },
}
