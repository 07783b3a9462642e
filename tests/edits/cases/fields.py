"""A field of a struct that gets a new name where it is declared, in languages whose methods stand apart."""

SHOWN = {
    "go": {
        "by the receiver": (
            "package a\n\ntype T struct {\n\t«Name⟶Title» string\n\tAge  int\n}\n\nfunc (t *T) A() string {\n\treturn t.[[Name⟶Title]]\n}\n\n"
            "func (t T) B(u *U) {\n\tgo func() { use(t.[[Name⟶Title]], u.Name, t.u.Name) }()\n}\n\n"
            "func (t *U) C() string {\n\treturn t.Name\n}\n"
        ),
        "of a generic struct": (
            "package a\n\ntype T[K any] struct {\n\t«Name⟶Title», B string\n}\n\nfunc (t *T[K]) A() string {\n\treturn t.[[Name⟶Title]]\n}\n"
        ),
        "by a parameter": (
            "package a\n\ntype T struct {\n\t«Name⟶Title» string\n}\n\nfunc f(t *T, u b.T) {\n\tuse(t.[[Name⟶Title]], u.Name)\n}\n\n"
            "func g() {\n\tvar t T\n\tuse(t.[[Name⟶Title]])\n}\n"
        ),
        "in a literal": (
            'package a\n\ntype T struct {\n\t«Name⟶Title» string\n}\n\nvar t = &T{[[Name⟶Title]]: "a"}\nvar u = U{Name: "a"}\n'
            "var v = map[T]int{Name: 1}\n"
        ),
    },
    "rust": {
        "by self": (
            "struct P {\n    «x⟶left»: i32,\n}\nstruct Q {\n    x: i32,\n}\nimpl P {\n    fn f(&self, q: &Q, p: &P) -> i32 {\n"
            "        self.[[x⟶left]] + q.x + p.[[x⟶left]]\n    }\n}\nimpl Q {\n    fn f(&self) -> i32 {\n        self.x\n    }\n}\n"
            'impl A for P {\n    fn g(&self) {\n        println!("{} {}", self.[[x⟶left]], x);\n    }\n}\n'
        ),
        "in literals and patterns": (
            "struct P {\n    «x⟶left»: i32,\n    y: i32,\n}\nimpl P {\n    fn new(x: i32, y: i32) -> Self {\n        P { [[x⟶left: x]], y }\n    }\n"
            "    fn two(x: i32) -> Self {\n        Self { [[x⟶left]]: x + 1, y: x }\n    }\n    fn f(&self) -> i32 {\n"
            "        let P { [[x⟶left: x]], y } = self;\n        let P { [[x⟶left]]: z, .. } = self;\n        x + y + z\n    }\n}\n"
            "fn g() -> Q {\n    Q { x: 1 }\n}\n"
        ),
    },
}
SILENT = {
    "go": {
        "the new name is a field": (
            "package a\n\ntype T struct {\n\t«Name⟶Title» string\n\tTitle int\n}\n\nfunc (t *T) A() string {\n\treturn t.Name\n}\n"
        ),
        "variable that is bound again": (
            "package a\n\ntype T struct {\n\t«Name⟶Title» string\n}\n\nfunc (t *T) A() {\n\tfor _, t := range x {\n\t\tuse(t.Name)\n\t}\n}\n"
        ),
        "struct in a struct": (
            "package a\n\ntype T struct {\n\tA struct {\n\t\t«Name⟶Title» string\n\t}\n}\n\nfunc (t *T) A() {\n\tuse(t.Name)\n}\n"
        ),
    },
    "rust": {
        "field of a variant": (
            "enum P {\n    A { «x⟶left»: i32 },\n}\nimpl P {\n    fn f(&self) -> i32 {\n        self.x\n    }\n}\n"
        ),
        "variable that is bound again": (
            "struct P {\n    «x⟶left»: i32,\n}\nfn f(p: P) -> i32 {\n    let p = g(p);\n    p.x\n}\n"
        ),
    },
}
