"""Rows of strings and comments of several lines: to their end if invoked, else a line unless they begin below.

`Row.text` has the cursor at its ``█``; what follows are documents after the suggestion was accepted.
"""

from __future__ import annotations

from tests.suggest.cases.row import WHOLE, Row

OPENED = [
    Row(
        "python",
        'def f(a):\n    """█\n',
        'Add one.\n\n    Args:\n        a: A number.\n    """\n    return a + 1\n',
        'def f(a):\n    """Add one.\n',
        'def f(a):\n    """Add one.\n\n    Args:\n        a: A number.\n    """\n',
    ),
    Row(
        "python",
        'def f(a):\n    """█"""\n    return a\n',
        'Add one.\n\n    Args:\n        a: A number.\n    """\n    return a + 1\n',
        'def f(a):\n    """Add one."""\n    return a\n',
        'def f(a):\n    """Add one.\n\n    Args:\n        a: A number.\n    """\n    return a\n',
    ),
    Row(
        "python",
        'def f(a):\n    """█\n    return a\n',
        'Add one.\n\n    Args:\n        a: A number.\n    """',
        'def f(a):\n    """Add one.\n    return a\n',
        WHOLE,
    ),
    Row("python", "q = '''█\n", "\n    SELECT 1\n'''\nrun(q)\n", "q = '''\n    SELECT 1\n'''\n"),
    Row("python", 'q = """█"""\n', "\n    SELECT 1\n    FROM t\n", WHOLE),
    Row("python", 'q = f"""█\n', 'a {x}\nb\n"""\n\nfoo()\n', 'q = f"""a {x}\n', 'q = f"""a {x}\nb\n"""\n'),
    Row(
        "javascript",
        "const s = `█\n",
        "a ${b}\n  c\n`;\nfoo();\n",
        "const s = `a ${b}\n",
        "const s = `a ${b}\n  c\n`;\n",
    ),
    Row(
        "javascript",
        "const s = `█`;\n",
        "a ${b}\n  c\n`;\nfoo();\n",
        "const s = `a ${b}`;\n",
        "const s = `a ${b}\n  c\n`;\n",
    ),
    Row("javascript", "const s = `█`;\n", "a ${b}\n  c\n", "const s = `a ${b}`;\n", WHOLE),
    Row("go", "s := `█\n", "SELECT 1\nFROM t\n`\nrun(s)\n", "s := `SELECT 1\n", "s := `SELECT 1\nFROM t\n`\n"),
    Row("rust", 'let s = r#"█\n', 'a\nb\n"#;\nrun(s);\n', 'let s = r#"a\n', 'let s = r#"a\nb\n"#;\n'),
    Row("rust", 'let s = "█\n', 'a\nb";\nrun(s);\n', 'let s = "a\n', 'let s = "a\nb";\n'),
    Row("shellscript", "cat <<EOF█\n", "\nhello\nworld\nEOF\nls\n", "cat <<EOF\nhello\nworld\nEOF\n"),
    Row(
        "shellscript",
        "cat <<EOF\n█\n",
        "hello\nworld\nEOF\nls\n",
        "cat <<EOF\nhello\n",
        "cat <<EOF\nhello\nworld\nEOF\n",
    ),
    Row(
        "shellscript",
        "cat <<'EOF' > x█\n",
        "\nhello\n  world\n\nagain\nEOF\nls\n",
        "cat <<'EOF' > x\nhello\n  world\n\nagain\nEOF\n",
    ),
    Row("ruby", "s = <<~SQL█\n", "\n  SELECT 1\n  FROM t\nSQL\nrun(s)\n", "s = <<~SQL\n  SELECT 1\n  FROM t\nSQL\n"),
    Row(
        "php",
        "<?php\n$s = <<<EOT█\n",
        "\n  SELECT 1\nFROM t\nEOT;\nrun($s);\n",
        "<?php\n$s = <<<EOT\n  SELECT 1\nFROM t\nEOT;\n",
    ),
    Row(
        "javascript",
        "/*█\n",
        " A comment.\n   Two lines.\n */\nfoo();\n",
        "/* A comment.\n",
        "/* A comment.\n   Two lines.\n */\n",
    ),
    Row(
        "javascript",
        "/**█\nfunction f() {}\n",
        "\n * Adds.\n * @param a b\n */\n",
        "/**\n * Adds.\n * @param a b\n */\nfunction f() {}\n",
    ),
    Row(
        "javascript",
        "/**█ */\nfunction f() {}\n",
        "\n * Adds.\n * @param a b\n */\n",
        "/**\n * Adds.\n * @param a b\n */\nfunction f() {}\n",
    ),
    Row(
        "java",
        "class A {\n    /**█\n    void f() {}\n}\n",
        "\n     * Adds.\n     *\n     * @param a b\n     */\n    void f() {}\n",
        "class A {\n    /**\n     * Adds.\n     *\n     * @param a b\n     */\n    void f() {}\n}\n",
    ),
    Row("c", "/*█\n", "\n * A\n * B\n */\nint x;\n", "/*\n * A\n * B\n */\n"),
    Row("css", "/*█\n", " A\n   B */\n.a { }\n", "/* A\n", "/* A\n   B */\n"),
    Row("html", "<!--█\n", " A\n  B\n-->\n<p></p>\n", "<!-- A\n", "<!-- A\n  B\n-->\n"),
    Row("html", "<!--█-->\n", "\n  A\n  B\n-->\n<p></p>\n", "<!--\n  A\n  B\n-->\n"),
    Row("lua", "--[[█\n", "\nA\nB\n]]\nf()\n", "--[[\nA\nB\n]]\n"),
    Row("lua", "s = [[█\n", "\nA\nB\n]]\nf()\n", "s = [[\nA\nB\n]]\n"),
    Row("sql", "/*█\n", "\n  A\n  B\n*/\nSELECT 1;\n", "/*\n  A\n  B\n*/\n"),
    Row("yaml", "run: |█\n", "\n  a\n  b\n\n  c\nname: x\n", "run: |\n  a\n  b\n\n  c\n"),
    Row("yaml", "run: |\n  █\n", "a\n  b\n\n  c\nname: x\n", "run: |\n  a\n  b\n\n  c\n"),
    Row("yaml", "run: >-█\n", "\n  a\n  b\nname: x\n", "run: >-\n  a\n  b\n"),
    Row("markdown", "```python█\n", "\nx = 1\n\ny = 2\n```\n\nText.\n", "```python\nx = 1\n\ny = 2\n```\n"),
    Row(
        "markdown",
        "```python\n█\n",
        "x = 1\n\ny = 2\n```\n\nText.\n",
        "```python\nx = 1\n",
        "```python\nx = 1\n\ny = 2\n```\n",
    ),
    Row(
        "markdown",
        "```python\n█\n```\n",
        "x = 1\n\ny = 2\n```\n\nText.\n",
        "```python\nx = 1\n```\n",
        "```python\nx = 1\n\ny = 2\n```\n",
    ),
    Row("csharp", 'var s = """█\n', '\n  a\n  b\n  """;\nrun(s);\n', 'var s = """\n  a\n  b\n  """;\n'),
    Row("csharp", 'var s = @"█\n', 'a\nb";\nrun(s);\n', 'var s = @"a\n', 'var s = @"a\nb";\n'),
    Row("java", 'String s = """█\n', '\n  a\n  b\n  """;\nrun(s);\n', 'String s = """\n  a\n  b\n  """;\n'),
    Row(
        "kotlin",
        'val s = """█\n',
        '\n  a\n  b\n""".trimIndent()\nrun(s)\n',
        'val s = """\n  a\n  b\n""".trimIndent()\n',
    ),
]

CLOSED_BELOW = [
    # Not closed twice.
    Row(
        "python",
        'def f(a):\n    """Add one.\n\n    █\n    """\n    return a\n',
        'Args:\n        a: A number.\n    """\n    return a\n',
        'def f(a):\n    """Add one.\n\n    Args:\n    """\n    return a\n',
        'def f(a):\n    """Add one.\n\n    Args:\n        a: A number.\n    """\n    return a\n',
    ),
    Row(
        "c",
        "/*\n * a\n * █\n */\nint x;\n",
        "b\n * c\n */\nint x;\n",
        "/*\n * a\n * b\n */\nint x;\n",
        "/*\n * a\n * b\n * c\n */\nint x;\n",
    ),
    Row(
        "shellscript",
        "cat <<EOF\n█\nEOF\nls\n",
        "a\nb\nEOF\nls\n",
        "cat <<EOF\na\nEOF\nls\n",
        "cat <<EOF\na\nb\nEOF\nls\n",
    ),
    Row("lua", "--[[\n█\n]]\nf()\n", "a\nb\n]]\nf()\n", "--[[\na\n]]\nf()\n", "--[[\na\nb\n]]\nf()\n"),
    Row("html", "<!--\n█\n-->\n<p>\n", "a\nb\n-->\n<p>\n", "<!--\na\n-->\n<p>\n", "<!--\na\nb\n-->\n<p>\n"),
    Row(
        "javascript",
        "const s = `\n  █\n`;\n",
        "a\n  b\n`;\nf();\n",
        "const s = `\n  a\n`;\n",
        "const s = `\n  a\n  b\n`;\n",
    ),
]

OTHER = [
    # Not in a string of several lines, or no longer.
    Row("python", 'def f(a):\n    """Add one.█"""\n', " And two.", WHOLE),
    Row("python", 'x = "█"\n', "a", WHOLE),
    Row("python", 'x = "█"\n', 'a"\ny = 2\n', 'x = "a"\n'),
    Row("python", 'x = """a"""█\n', " + b", WHOLE),
    Row("python", 'def f():\n    """Add."""\n    █\n', "return 1", WHOLE),
    Row("python", "# don't █\n", "do it\nx = '''\n", "# don't do it\n"),
    Row("javascript", "const s = `a ${█}`;\n", "b", WHOLE),
    Row("javascript", "const r = /[`'\"]/; const x = █\n", "1;\n", "const r = /[`'\"]/; const x = 1;\n"),
    Row("javascript", "const s = `a ${b}`; const t = █\n", "1;\n", "const s = `a ${b}`; const t = 1;\n"),
    Row("go", 's := "`" + █\n', "t\n", 's := "`" + t\n'),
    Row("rust", "fn f<'a>(x: &'a str) -> █\n", "u8 {\n", "fn f<'a>(x: &'a str) -> u8 {\n"),
    Row("shellscript", "cat <<EOF\na\nEOF\n█\n", "ls -l\n", "cat <<EOF\na\nEOF\nls -l\n"),
    Row("shellscript", "echo $((1 << 2))█\n", " | cat\n", "echo $((1 << 2)) | cat\n"),
    Row("ruby", "items << █\n", "a\n", "items << a\n"),
    Row("html", "<p>don't █</p>\n", "do it", WHOLE),
    Row("markdown", "Use `█`\n", "make test", WHOLE),
    Row("markdown", "```\nx\n```\n█\n", "Then run it.\n", "```\nx\n```\nThen run it.\n"),
    Row("c", "int x; /* one */ █\n", "int y;\n", "int x; /* one */ int y;\n"),
    Row("sql", "SELECT '█'\n", "a", WHOLE),
    Row("csharp", 'var s = "█";\n', "a", WHOLE),
]

ROWS = [*OPENED, *CLOSED_BELOW, *OTHER]
