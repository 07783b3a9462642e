"""An operator that comes in: beside one that binds tighter it would mean something else."""

_PLACE = "«f(x)⟶f(x) + 1»"
# What is around two examples and the place that is searched.
_AROUND = {
    "python": ("", "use(one, two, three, here, there, @)\n", ""),
    "c": ("int g(int x) {\n", "    use(one, two, three, here, there, @);\n", "}\n"),
    "cpp": ("int g(int x) {\n", "    use(one, two, three, here, there, @);\n", "}\n"),
    "go": ("package a\n\nfunc g(x int) {\n", "\tuse(one, two, three, here, there, @)\n", "}\n"),
    "java": ("class A {\n  void g(int x) {\n", "    use(one, two, three, here, there, @);\n", "  }\n}\n"),
    "rust": ("fn g(x: i32) {\n", "    let a = @;\n", "}\n"),
    "javascript": ("async function g(x) {\n", "  use(one, two, three, here, there, @);\n", "}\n"),
    "typescript": ("async function g(x: any) {\n", "  use(one, two, three, here, there, @);\n", "}\n"),
}


def _text(language_id: str, place: str, example: str = _PLACE) -> str:
    before, line, after = _AROUND[language_id]
    return before + 2 * line.replace("@", example) + line.replace("@", place) + after


def _rows(language_id: str, *places: str, example: str = _PLACE) -> dict[str, str]:
    """Return a row for each place below two examples."""
    return {f"operator of {example} at {place}": _text(language_id, place, example) for place in places}


_READY = "def f(x, force):\n" + 2 * "    while «ready(x)⟶ready(x) or force»: use(one, two, three)\n"
_BESIDE_BASE = "base + «f(x)⟶f(x) + 1»"
_OTHER = "«fits(x)⟶rest(x) + 1»"
_OTHER_FIRST = "«f⟶1 + g»(x)"
_FACTOR = "base + «f(x)⟶y * f(x)»"

SILENT = {
    "python": {
        "operator after a word": _READY + "    while not ready(x): use(one, two, three)\n",
        **_rows("python", "-f(x)", "~f(x)", "2 * f(x)", "2 @ f(x)", "2 - f(x)", "2 >> f(x)", "await f(x)", "*f(x)"),
        **_rows("python", "fits(x)(1)", example=_OTHER),
        **_rows("python", "f(x) * 2", "f(x) ** 2", example=_OTHER_FIRST),
        **_rows("python", "base + f(x) ** 2", example=_FACTOR),
    },
    "c": _rows("c", "-f(x)", "2 - f(x)", "2 * f(x)", "2 & f(x)", "2 >> f(x)", "2 == -f(x)", "(char) f(x)", "sizeof f(x)"),
    "cpp": _rows("cpp", "2 - f(x)", "*f(x)", "new f(x)", "++f(x)", "2 - a::f(x)"),
    "go": _rows("go", "2*f(x)", "-f(x)", "2&^f(x)", "<-f(x)", "!f(x)"),
    "java": {
        **_rows("java", "2 - f(x)", "2 * f(x)", "2 >>> f(x)", "(int) f(x)"),
        **_rows("java", "base - f(x)", "base * f(x)", example=_BESIDE_BASE),
    },
    "rust": {
        **_rows("rust", "-f(x)", "!f(x)"),
        **_rows("rust", "base - f(x)", "base * f(x)", example=_BESIDE_BASE),
    },
    "javascript": _rows("javascript", "-f(x)", "await f(x)", "2 ** f(x)"),
    "typescript": {
        **_rows("typescript", "-f(x)", "!f(x)", "~f(x)", "typeof f(x)", "void f(x)", "delete f(x)", "new f(x)", "2 >>> f(x)"),
        **_rows("typescript", "base + f(x) ** 2", "base + f(x) as T", example=_FACTOR),
    },
}  # fmt: skip
SHOWN = {
    "python": {
        "operator before a line that begins with a star": 2 * f"value = {_OTHER}\n"
        + "value = [[fits(x)⟶rest(x) + 1]]\n*a, b = c\n",
        "operator before a line that begins with a bracket": (
            2 * f"value = {_OTHER}\n" + "value = [[fits(x)⟶rest(x) + 1]]\n[a, b] = c\n"
        ),
        "operator after a word that does not bind": _READY + "    if ready(x)[[⟶ or force]]: use(one, two, three)\n",
        **_rows("python", "2 == f(x)[[⟶ + 1]]", "2 and f(x)[[⟶ + 1]]", "k=f(x)[[⟶ + 1]]"),
        **_rows("python", "base + [[⟶y * ]]f(x) + 2", example=_FACTOR),
    },
    "c": _rows("c", "base + f(x)[[⟶ + 1]]", example=_BESIDE_BASE),
    "cpp": _rows("cpp", "base + f(x)[[⟶ + 1]]", example=_BESIDE_BASE),
    "go": _rows("go", "f(x)[[⟶ + 1]]"),
    "java": _rows("java", "base + f(x)[[⟶ + 1]]", example=_BESIDE_BASE),
    "rust": _rows("rust", "base + f(x)[[⟶ + 1]]", example=_BESIDE_BASE),
    "typescript": _rows("typescript", "2 && f(x)[[⟶ + 1]]", "2 || f(x)[[⟶ + 1]]"),
}
