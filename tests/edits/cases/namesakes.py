"""Names that look like the changed one and are something else."""

SHOWN = {
    "javascriptreact": {
        "attribute": "function Field({ «name⟶title» }) {\n  return <input name={[[name⟶title]]} />;\n}\n",
        "tag": "const «title⟶heading» = 'a';\nconst x = <title>{[[title⟶heading]]}</title>;\n",
        "component": "const «Title⟶Heading» = () => 1;\nconst x = <[[Title⟶Heading]] a={1}></[[Title⟶Heading]]>;\n",
    },
    "javascript": {
        "method": "function «load⟶read»() {}\nclass A {\n  load() {}\n}\n[[load⟶read]]();\n",
        "exported": "let «a⟶first» = 1;\nexport { [[a⟶first as a]] };\n",
        "exported under another name": "let «a⟶first» = 1;\nexport { [[a⟶first]] as b };\n",
        "alias of an export": "let «a⟶first» = 1;\nuse([[a⟶first]]);\nexport { b as a };\n",
    },
    "typescript": {
        "interface": "let «name⟶title» = 1;\ninterface A {\n  name: string;\n}\nuse([[name⟶title]]);\n",
        "object type": "let «name⟶title» = 1;\ntype A = {\n  name: string;\n};\nuse([[name⟶title]]);\n",
        "field": "let «name⟶title» = 1;\nclass A {\n  name = 1;\n}\nuse([[name⟶title]]);\n",
        "overloads": (
            "function «load⟶read»(a: string): void;\nfunction [[load⟶read]](a: number): void;\n"
            "function [[load⟶read]](a: any) {}\n"
        ),
        "enum": "let «name⟶title» = 1;\nenum A {\n  name,\n  b = 1,\n}\nuse([[name⟶title]]);\n",
        "parameter of a signature": (
            "const «name⟶title» = 1;\ninterface A {\n  m(name: string): void;\n}\nuse([[name⟶title]]);\n"
        ),
        "type of a namespace": "let «name⟶title» = 1;\nlet y: A.name;\nuse([[name⟶title]]);\n",
        "parameter beside a private field": (
            "class A {\n  private «name⟶title» = 1;\n  go(name: string) {\n    return this.[[name⟶title]] + name;\n  }\n}\n"
        ),
    },
    "go": {
        "type of a package": (
            "package a\n\ntype «Point⟶Place» struct{}\n\nfunc f(p geo.Point, q [[Point⟶Place]]) {}\n"
        ),
        "variable beside a field": (
            "package a\n\nvar «name⟶title» string\n\ntype S struct {\n\tname string\n}\n\nvar x = [[name⟶title]]\n"
        ),
        "key of a struct": "package a\n\nfunc f(«name⟶title» string) *S {\n\treturn &S{name: [[name⟶title]]}\n}\n",
        "key of a map": "package a\n\nfunc f(«name⟶title» string) {\n\tx := map[string]int{[[name⟶title]]: 1}\n}\n",
        "method": "package a\n\nfunc «load⟶read»() {}\n\nfunc (s *S) load() {\n\t[[load⟶read]]()\n\ts.load()\n}\n",
    },
    "rust": {
        "function of a type": (
            'fn «parse⟶read»() {}\n\nfn g() {\n    Url::parse("x");\n    a::b::parse(1);\n    [[parse⟶read]]();\n}\n'
        ),
        "shorthand": "fn f(«name⟶title»: u8) -> S {\n    S { [[name⟶name: title]] }\n}\n",
        "type of a module": ("struct «Name⟶Title»;\nfn f() {\n    [[Name⟶Title]]::new();\n    let a: m::Name;\n}\n"),
        "in a macro": (
            'fn f(«name⟶title»: u8) {\n    println!("{}", s.name);\n    println!("{}", [[name⟶title]]);\n'
            "    assert!(m::name(1));\n    let a = vec![S { name: [[name⟶title]] }];\n}\n"
        ),
        "method": (
            "fn «load⟶read»() {}\nimpl A {\n    fn load(&self) {}\n    fn go(&self) {\n        [[load⟶read]]();\n"
            "        self.load();\n    }\n}\n"
        ),
        "type that a module has too": (
            "struct «Name⟶Title»;\nfn f() {\n    let a = [[Name⟶Title]]::new();\n    let b = m::Name::new();\n}\n"
        ),
        "by Self": (
            "impl A {\n    fn «load⟶read»() {}\n    fn go() {\n        Self::[[load⟶read]]();\n        B::load();\n    }\n}\n"
        ),
    },
    "java": {
        "field beside a method": "class A {\n  int «size⟶count»;\n  int size() {\n    return [[size⟶count]];\n  }\n}\n",
        "method beside a field": (
            "class A {\n  int size;\n  int «size⟶count»() {\n    return size;\n  }\n  void g(int size) {\n"
            "    [[size⟶count]]();\n  }\n}\n"
        ),
        "labels": (
            "class A {\n  int «size⟶count»;\n  @N(size = 1)\n  void g() {\n    f(A::size);\n    h([[size⟶count]]);\n  }\n}\n"
        ),
        "component of a record": (
            "record R(int «a⟶b») {\n  int f() {\n    return [[a⟶b]];\n  }\n}\nclass X {\n  int f() {\n    return a;\n  }\n}\n"
        ),
        "record": "record «R⟶S»(int a) {}\nclass X {\n  [[R⟶S]] f() {\n    return new [[R⟶S]](1);\n  }\n}\n",
        "type of a package": "class «Point⟶Place» {\n  a.b.Point x;\n  [[Point⟶Place]] y;\n}\n",
    },
    "c": {
        "struct": (
            "struct «node⟶item» {\n    struct [[node⟶item]] *next;\n};\nint f(struct [[node⟶item]] *node) {\n"
            "    return node->a;\n}\n"
        ),
        "field of a struct": (
            "static int «count⟶total»;\nstruct s {\n    int count;\n};\nint f(void) {\n    return [[count⟶total]];\n}\n"
        ),
    },
    "cpp": {
        "class with constructors": (
            "class «Foo⟶Bar» {\n    [[Foo⟶Bar]](int a);\n    explicit [[Foo⟶Bar]]([[Foo⟶Bar]]&& o) : x(o.x) {}\n"
            "    ~[[Foo⟶Bar]]();\n    static [[Foo⟶Bar]] make();\n};\n[[Foo⟶Bar]]::[[Foo⟶Bar]](int a) {}\n"
            "[[Foo⟶Bar]]::~[[Foo⟶Bar]]() {}\n[[Foo⟶Bar]] [[Foo⟶Bar]]::make() {\n    return [[Foo⟶Bar]](1);\n}\n"
        ),
        "class that a namespace has too": (
            "class «Foo⟶Bar» {\n    [[Foo⟶Bar]]();\n};\nns::Foo x;\nns::Foo::Foo() {}\nns::Foo::~Foo() {}\n"
            "int y = ns::Foo::z + [[Foo⟶Bar]]::z;\n"
        ),
        "function of a namespace": (
            "int f(int «max⟶most») {\n    return std::max([[max⟶most]], std::max<int>(1, 2));\n}\n"
        ),
        "call of a namespace": (
            "int «load⟶read»(int a) {\n    return a;\n}\nint b = ns::load(1) + [[load⟶read]](2) + ns::sub::load(1);\n"
        ),
        "field by its bare name": (
            "struct s {\n    int «count⟶total»;\n    s(int count) : [[count⟶total]](count) {}\n"
            "    int get() { return [[count⟶total]] + this->[[count⟶total]]; }\n};\n"
        ),
        "field of a class": (
            "static int «count⟶total»;\nstruct s {\n    int count;\n    int g() { return count; }\n};\n"
            "int h = [[count⟶total]];\n"
        ),
    },
    "python": {
        "property": (
            "class A:\n    @property\n    def «x⟶y»(self):\n        return 1\n\n    @[[x⟶y]].setter\n"
            "    def [[x⟶y]](self, v):\n        pass\n\n    def go(self):\n        return self.[[x⟶y]]\n"
        ),
        "method": "class A:\n    def load(self):\n        return [[load⟶read]]()\n\ndef «load⟶read»():\n    pass\n",
    },
}
SILENT = {
    "javascript": {
        "use of a field": (
            "class A {\n  name = 1;\n  f() {\n    use(this.«name⟶title»);\n    use(this.name);\n  }\n}\n"
        ),
        "only a method": "function «load⟶read»() {}\nclass A {\n  load() {}\n}\n",
        "a use becomes a global": "function f(path) {\n  use(path);\n  open(«path⟶window»);\n}\n",
        "a use of a constant": "const a = 1;\ng(«a⟶first»);\nuse(a);\n",
        "another property": "function f() {\n  const a = 1;\n  g({ «a⟶first» });\n  return a;\n}\n",
        "exported from elsewhere": "export { a } from './b';\nconst «a⟶first» = 1;\nuse(a);\n",
    },
    "typescript": {
        "property of a parameter": (
            "class A {\n  constructor(private «name⟶title»: string) {\n    use(name);\n  }\n"
            "  go() {\n    return this.name;\n  }\n}\n"
        ),
        "use of the property of a parameter": (
            "class A {\n  constructor(private name: string) {}\n  f() {\n    use(this.«name⟶title»);\n    use(this.name);\n  }\n}\n"
        ),
        "use of an abstract method": (
            "abstract class A {\n  abstract load(a: B): void;\n  f() {\n    this.«load⟶read»(1);\n    this.load(2);\n  }\n}\n"
        ),
        "member of an enum": "enum A {\n  «name⟶title»,\n  b = 1,\n}\nconst name = 1;\nuse(name);\n",
        "member of an interface": "interface A {\n  «name⟶title»: string;\n}\nconst name = 1;\n",
        "key in a class": (
            "class A {\n  name = 1;\n  go() {\n    return { «name⟶title»: 1 };\n  }\n  b() {\n    return this.name;\n  }\n}\n"
        ),
    },
    "go": {
        "a use becomes a package": 'package a\n\nimport "fmt"\n\nfunc f(x int) {\n\tuse(x)\n\tg(«x⟶fmt»)\n}\n',
        "field beside a variable": ("package a\n\nvar «name⟶title» string\n\ntype S struct {\n\tname string\n}\n"),
        "field of another type": (
            "package a\n\ntype S struct {\n\t«name⟶title» string\n}\n\ntype T struct {\n\tname string\n}\n"
        ),
        "parameter beside a variable": ("package a\n\nfunc f(«name⟶title» string) {}\n\nfunc g(name string) {}\n"),
        "a method": "package a\n\nfunc (s *S) «load⟶read»() {}\n\nfunc load() {}\n\nfunc g() {\n\tload()\n}\n",
    },
    "rust": {
        "use of a field": (
            "struct S<T> {\n    name: T,\n}\nimpl<T> S<T> {\n    fn f(&self) {\n        use_it(self.«name⟶title»);\n"
            "        use_it(self.name);\n    }\n}\n"
        ),
        "use of a method by Self": (
            "impl S {\n    fn load(a: u8) {}\n    fn f() {\n        Self::«load⟶read»(1);\n        Self::load(2);\n    }\n}\n"
        ),
        "variant of an enum": "static «Name⟶Title»: u8 = 1;\nenum E {\n    Name,\n}\n",
        "another field": "fn f() {\n    let name = 1;\n    let s = S { «name⟶title» };\n    use_it(name);\n}\n",
    },
    "java": {
        "use of a field by this": (
            "class A {\n  int name;\n  void f() {\n    use(this.«name⟶title»);\n    use(this.name);\n  }\n}\n"
        ),
        "use of a method by this": (
            "class A {\n  void load(int a) {}\n  void f() {\n    this.«load⟶read»(1);\n    this.load(2);\n  }\n}\n"
        ),
        "use of a component": (
            "record R(int name) {\n  void f() {\n    use(this.«name⟶title»);\n    use(this.name);\n  }\n}\n"
        ),
        "a use of a field": "class A {\n  int size;\n  int f() {\n    return «size⟶count» + size;\n  }\n}\n",
    },
    "c": {
        "type of the same name": "typedef struct «node⟶item» {\n    int a;\n} node;\nnode x;\n",
        "a field of a struct": "static int «count⟶total»;\nstruct s {\n    int count;\n};\n",
        "parameter of a prototype": "static int «n⟶total»;\nint g(int n, int *n);\n",
    },
    "cpp": {
        "use of a field": (
            "struct s {\n    int name;\n    void f() {\n        use(this->«name⟶title»);\n        use(this->name);\n    }\n};\n"
        ),
        "use of a field where a method stands apart": (
            "struct s {\n    int name;\n    int *f();\n};\nint *n::s::f() {\n    use(this->«name⟶title»);\n    use(this->name);\n}\n"
        ),
        "enumerator of a class": "enum class E { «count⟶total», other };\nint count;\n",
        "function of a namespace by its bare name": "using ns::load;\nint «load⟶read»(int a);\nint b = load(1);\n",
    },
    "python": {
        "use of an attribute": (
            "class A:\n    def __init__(self):\n        self.name = 1\n\n    def f(self):\n        use(self.«name⟶title»)\n"
            "        use(self.name)\n"
        ),
        "use of a declared attribute": (
            "class A:\n    name: str\n\n    def f(self):\n        use(self.«name⟶title»)\n        use(self.name)\n"
        ),
        "a use becomes a builtin": "def size(a):\n    return 1\n\nc = «size⟶len»(b)\n",
        "a use of a function": "def size(a):\n    return 1\n\nc = «size⟶length»(b)\n",
        "a use of a class": "class Cat:\n    pass\n\nx: «Cat⟶object» = 1\n",
        "a use becomes a module": "import os\n\ndef f(path):\n    use(path)\n    open(«path⟶os»)\n",
        "a local becomes a builtin": "def f(path):\n    use(path)\n    open(«path⟶len»)\n",
        "the new name is imported": "import os\n\ndef f(«path⟶os»):\n    use(path)\n",
        "a use of a method": "class A:\n    def load(self):\n        pass\n\n    def go(self):\n        self.«load⟶read»()\n",
        "a global": "def f():\n    global count\n    «count⟶total» = 1\n    return count\n",
        "a field of a class": "class A:\n    load = 1\n    x = load\n\ndef «load⟶read»():\n    pass\n",
    },
}
