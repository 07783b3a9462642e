"""Cursor cases of models that talk: control tokens as text, reasoning, words to the user, and invisible characters."""

from __future__ import annotations

from infill_completion.document.snapshot import SkipReason
from tests.suggest.cases.table import FILTERED, SAME, Case

REASONING = SkipReason.REASONING
# One for each family of models.
TOKENS = [
    "<|eot_id|>", "<|end_of_text|>", "<|endoftext|>", "<|im_end|>", "<|im_start|>user", "<|end|>", "<|assistant|>",
    "<|start_header_id|>assistant<|end_header_id|>", "<|file_separator|>", "<|fim_middle|>", "<|fim_pad|>", "</s>",
    "<s>",
    "<eos>", "<bos>", "<EOT>", "▁<EOT>", "<fim_middle>", "<fim_suffix>", "<fim-middle>", "<file_sep>", "<repo_name>a/b",
    "<end_of_turn>", "<start_of_turn>model", "[/INST]", "[INST] go on", "[SUFFIX]", "<</SYS>>", "<0x0A>",
    "<commit_msg>",
    "<｜end▁of▁sentence｜>", "<｜fim▁hole｜>", "<|end▁of▁sentence|>", "<[fim-suffix]>", "</think>", "\ufffd",
]  # fmt: skip
ABOUT_TOKENS = 'STOPS = ["<|im_start|>"]\n'
TOKENIZER = 'BEGIN = "<|begin_of_text|>"\n'

CONTROL = [
    *(Case("python", "x = |\n", f"1 {token}", "1") for token in TOKENS if token != "</think>"),
    *(Case("python", "x = |\n", f"1{token}", "1") for token in TOKENS if token != "</think>"),
    *(Case("python", 'print("|")\n', f"hello{token}", "hello") for token in TOKENS if token != "</think>"),
    *(Case("go", "func f() {\n\t|\n}\n", f"return{token}\nmore()", "return", True) for token in TOKENS[:20]),
    *(Case("markdown", "The |\n", f"end.{token}", "end.") for token in TOKENS if token != "</think>"),
    *(Case("python", "x = |\n", token, FILTERED) for token in ("<|eot_id|>", "</s>", "[/INST]", "<｜end▁of")),
    Case("html", "<p>|</p>\n", "new</s>", "new"),
    Case("html", "<p>|</p>\n", "<s>old</s> new", SAME),
    Case("html", "<p><s>|</p>\n", "old</s>", SAME),
    Case("markdown", "Now |\n", "<s>10</s> 5 euros.", SAME),
    Case("typescriptreact", "return <p>|</p>;\n", "<s>{price}</s>", SAME),
    Case("xml", "<plan>\n  <think>a</think>\n  |\n</plan>\n", "<think>b</think>", SAME),
    Case("xml", "<list>|</list>\n", "<filename>a.txt</filename>", SAME),
    Case("python", "EOS = |\n", '"</s>"', SAME),
    Case("python", 'eos_token = "|"\n', "</s>", SAME),
    Case("python", 'eot_id = "|"\n', "<|eot_id|>", SAME),
    Case("python", TOKENIZER + 'END = "|"\n', "<|end_of_text|>", SAME),
    Case("python", TOKENIZER + "END = |\n", "'<|eot_id|>'", SAME),
    Case("python", TOKENIZER + "LAST = |\n", "'<|eot_id|>'<|eot_id|>", "'<|eot_id|>'"),
    Case("python", 'print("|")\n', "<|eot_id|>", FILTERED),
    Case("python", "stop = |\n", '["</s>", "<|im_end|>", "[/INST]"]', SAME),
    Case("python", ABOUT_TOKENS + "prompt = |\n", 'f"<|im_start|>{role}\\n{text}<|im_end|>"', SAME),
    Case("rust", "const EOT: &str = |\n", '"<|eot_id|>";', SAME),
    Case("javascript", "const end = |\n", "`${text}<|im_end|>`;", SAME),
    Case("python", "# The prompt ends with |\n", "`<|im_end|>`.", SAME),
    Case("python", "# Stop at |\n", "<|im_end|> and at the end.", SAME),
    Case("markdown", "A turn ends with |\n", "<|eot_id|> in Llama 3.", SAME),
    Case("c", "enum { INST };\nx = table|\n", "[INST];", SAME),
    Case("java", "List<eos> a;\nvar b = new ArrayList|\n", "<eos>();", SAME),
    Case("fsharp", "let f = g |\n", "<| h x", SAME),
    Case("elm", "view = |\n", "text <| name ++ end", SAME),
    Case("ocaml", "let a = |\n", "[|1; 2|]", SAME),
    Case("cpp", "auto x = a |\n", "<0x0F;", SAME),
]

REASONED = [
    Case("python", "x = |\n", "<think>\n", REASONING),
    Case("python", "x = |\n", "<think>The user wants a sum", REASONING),
    Case("python", "def f():\n    |\n", "<think>\nOkay, the user\nwants\n", REASONING, True),
    Case("python", "x = |\n", "<think></think>a + b", "a + b"),
    Case("python", "x = |\n", "<think>They want a sum.</think> a + b", "a + b"),
    Case("python", "def f():\n    |\n", "<think>\n\n</think>\n\n    return 1", "return 1", True),
    Case("python", "def f():|\n", "<think>\nA body.\n</think>\n    return 1", "\n    return 1", True),
    Case("go", "func f() {\n\t|\n}\n", "<thinking>\nhm\n</thinking>\n\n\treturn", "return", True),
    Case("python", "def f():\n    |\n", "[THINK]a[/THINK]    return 1", "return 1", True),
    Case("python", "x = |\n", "They want a sum.</think>a + b", "a + b"),
    Case("python", 'OPEN = "<think>"\nCLOSE = |\n', '"</think>"', SAME),
]

CHATTER = [
    Case("python", "x = |\n", "Here is the completed code:", FILTERED),
    Case("python", "x = |\n", "Here's the completed code:\n", FILTERED),
    Case("python", "x = |\n", "Sure! Here is the rest of the line:", FILTERED),
    Case("python", "x = |\n", "Certainly! The missing part is:", FILTERED),
    Case("python", "x = |\n", "The completed code is:", FILTERED),
    Case("python", "|\n", "Here is the completed code:\n\n```python\nx = 1\n```", "x = 1", True),
    Case("python", "|\n", "Sure! Here is the code:\n```python\nx = 1\n```\nThis sets x.", "x = 1", True),
    Case("javascript", "|\n", "Sure, here's the code:\n\n```js\nconst x = 1;\n```", "const x = 1;", True),
    Case("python", "|\n", "~~~python\nx = 1\n~~~", "x = 1", True),
    Case("python", "|\n", "x = 1\n```", "x = 1", True),
    Case("html", "<p>|</p>\n", "Here is the completed code:", FILTERED),
    Case("html", "<p>|</p>\n", "Here is the menu of the day:", SAME),
    Case("html", "<p>|</p>\n", "Sure! We deliver on Sundays.", SAME),
    Case("markdown", "|\n", "Here is the completed code:", SAME),
    Case("markdown", "## Usage\n\n|\n", "Here is an example:", SAME),
    Case("plaintext", "|\n", "Sure! I will come.", SAME),
    Case("git-commit", "|\n", "This is a small change.", SAME),
    Case("python", "# |\n", "Here is the list of names:", SAME),
    Case("python", 'print("|")\n', "Here is the list of names:", SAME),
    Case("python", 'def f():\n    """|\n', 'Here is the list of names."""', SAME),
    Case("javascript", "// |\n", "Sure, this is slow.", SAME),
    Case("python", "x = |\n", "sure", SAME),
    Case("python", "here = 1\ny = |\n", "here is the_one", SAME),
    Case("python", "x = |\n", "okay(1)", SAME),
    Case("javascript", "|\n", "let me = 1;", SAME),
    Case("sql", "|\n", "SELECT the FROM sure;", SAME),
    Case("python", "|\n", " 1 | import os\n 2 | import re\n", "import os\nimport re", True),
    Case("python", "|\n", "12\timport os\n13\timport re\n", "import os\nimport re", True),
    Case("markdown", "|\n", "1 | one\n2 | two", SAME, True),
    Case("plaintext", "|\n", "1\tone\n2\ttwo", SAME, True),
    Case("python", "x = {|\n", "\n    1: 'one',\n    2: 'two',", SAME, True),
]

REPEATED = [
    Case("python", "def add(a, b):\n    return |\n", "return a + b", "a + b"),
    Case("python", "def add(a, b):\n    return |\n", "    return a + b", "a + b"),
    Case("python", "def add(a, b):\n    return |\n", "def add(a, b):", FILTERED),
    Case("python", "def add(a, b):\n    return |\n", "def add(a, b):\n    return a + b", "a + b", True),
    Case("python", "total = |\n", "total = 1", "1"),
    Case("python", "import |\n", "import os", "os"),
    Case("javascript", "const total = |\n", "const total = 1;", "1;"),
    Case("javascript", "if (|\n", "if (a) {", "a) {"),
    Case("go", "func add(a int) int {\n\treturn |\n}\n", "return a", "a"),
    Case("java", "private final List<String> |\n", "private final List<String> names;", "names;"),
    Case("python", "import os\nimport re\n\n\ndef f(a):\n|\n", "def f(a):\n    return a", "    return a", True),
    Case("cpp", "std::vector<|\n", "std::vector<int>> grid;", SAME),
    Case("python", "path = os.path.join(|)\n", "os.path.join(a, b), c", SAME),
    Case("python", "x = [None, None, None, |\n", "None, None, None]", SAME),
    Case("html", '<div class="row">|\n', '<div class="row"></div></div>', SAME),
    Case("markdown", "A very very long |\n", "very long road", SAME),
    Case("python", "x = 1 + |\n", "x", SAME),
    Case("javascript", "} else |\n", "if (a) {", SAME),
    Case("python", "class Foo|\n", "Bar:", SAME),
]

INVISIBLE = [
    *(
        Case("python", "total = |\n", f"on{character}e", "one")
        for character in "\0\x1b\x7f\x85\xad\u061c\u200b\u200c\u200d\u200e\u202e\u2028\u2029\u2060\u2066\u3164\ufe0f"
    ),
    Case("python", "total = |\n", "a\U000e0041\U000e0042 + b", "a + b"),
    Case("python", "total = |\n", "\udcffa + b", "a + b"),
    Case("python", "total = |\n", "a\xa0+ b", "a + b"),
    Case("python", "if a:\n    |\n", "b()\n\xa0\xa0\xa0\xa0c()", "b()", True),
    Case("python", "print('|')\n", "10\xa0km", SAME),
    Case("markdown", "Voil|\n", "\xe0\xa0!", SAME),
    Case("markdown", "A soft\xadhyphen in |\n", "hy\xadphen", SAME),
    Case("markdown", "A family: |\n", "\U0001f468\u200d\U0001f469\u200d\U0001f467", SAME),
    Case("markdown", "I |\n", "\u2764\ufe0f you, 1\ufe0f\u20e3", SAME),
    Case("markdown", "Flag: |\n", "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f", SAME),
    Case("markdown", "\u0645\u06cc|\n", "\u200c\u062e\u0648\u0627\u0647\u0645", SAME),
    Case("markdown", "\u0915\u094d|\n", "\u200d\u0937", SAME),
    Case("python", 'x = "\u202e"\ny = |\n', '"\u202e"', SAME),
    Case("python", "x = |\n", '"caf\xe9"', SAME),
    Case("python", "x = |\n", '"\\u200b"', SAME),
]

CASES = [*CONTROL, *REASONED, *CHATTER, *REPEATED, *INVISIBLE]
