"""An imported name that becomes another one in its import."""

SHOWN = {
    "python": {
        "function": (
            "from m import a, «load⟶load_all»\n\n[[load⟶load_all]](1)\nx = [[load⟶load_all]]\nb.load()\nf(load=[[load⟶load_all]])\n"
        ),
        "module, after a second change": "import «numpy⟶cupy»\n\n«numpy⟶cupy».zeros(1)\nx = [[numpy⟶cupy]].array\n",
        "other name": "import numpy as «n⟶np»\n\n[[n⟶np]].zeros(1)\nx = [[n⟶np]].array\n",
    },
    "javascript": {
        "shorthand": "import { «load⟶load_all» } from 'm';\n[[load⟶load_all]](1);\nuse({ [[load⟶load: load_all]] });\nb.load();\n",
        "all of a module": "import * as «fs⟶disk» from 'fs';\n[[fs⟶disk]].a();\nx.fs.b();\n",
    },
    "typescript": {
        "type": (
            "import type { «Point⟶IntPoint» } from 'm';\nconst p: [[Point⟶IntPoint]] = { Point: 1 };\n"
            "function f(q: [[Point⟶IntPoint]][]) {}\n"
        ),
        "default": "import «React⟶Preact» from 'm';\nlet a: [[React⟶Preact]].FC = [[React⟶Preact]].b;\n",
    },
    "typescriptreact": {
        "component": "import { «Button⟶ToggleButton» } from 'm';\nconst a = <[[Button⟶ToggleButton]] b={1}>Button</[[Button⟶ToggleButton]]>;\n",
    },
    "rust": {
        "type": "use a::«Point⟶IntPoint»;\n\nfn f(p: [[Point⟶IntPoint]], q: b::Point) {\n    [[Point⟶IntPoint]]::new();\n}\n",
        "one of a list": "use a::{b, «Point⟶IntPoint»};\n\nfn f(p: [[Point⟶IntPoint]]) {}\n",
    },
    "java": {
        "class": (
            "import a.b.«Point⟶IntPoint»;\n\nclass A {\n  [[Point⟶IntPoint]] p = new [[Point⟶IntPoint]](1);\n  c.Point q;\n"
            "  int x = [[Point⟶IntPoint]].zero();\n}\n"
        ),
    },
}
SILENT = {
    "python": {
        "another function": "from m import «load⟶read»\n\nload(1)\n",
        "module of a name": "from «m⟶k» import load\n\nm.load(1)\n",
        "imported twice": "from m import «load⟶load_all»\nfrom k import load\n\nload(1)\n",
        "bound again": "from m import «load⟶load_all»\n\ndef f(load):\n    return load\n\nload(1)\n",
        "the new name is used": "from m import «load⟶load_all»\n\nload_all(1)\nload(1)\n",
        "under another name": "from m import «load⟶read» as b\n\nb(1)\nload.a(1)\n",
    },
    "javascript": {
        "under another name": "import { «load⟶read» as b } from 'm';\nb();\nload.a();\n",
        "member of that name": "import { «load⟶read» } from 'm';\nb.load();\nuse({ load: 1 });\n",
    },
    "java": {"package": "import a.«b⟶c».Point;\n\nclass A {\n  Point p = b.c();\n}\n"},
    "rust": {"module of a name": "use a::«b⟶c»::Point;\n\nfn f(p: Point) {\n    b::g();\n}\n"},
}
