/** Ghost text accepted whole and in parts, typed through, undone and dismissed. */

import assert from "node:assert/strict";
import { Stage } from "../harness/stage.ts";

const stage = new Stage();

stage.story("Tab accepts the suggestion", { "add.py": "def add(a, b):\n" }, async (window) => {
  await stage.engine.says("return ", "a + b");
  await window.toEnd();
  await window.statusIs("ready");
  await window.type("    return ");
  await window.ghostIs("a + b");
  await window.press("Tab");
  await window.noGhost();
  assert.equal(await window.saved("add.py"), "def add(a, b):\n    return a + b");
});

const LINES = "total = 0\n    for item in items:\n        total += item\n    return total";

stage.story(
  "a suggestion of several lines is taken whole, and undone whole",
  { "sum.py": "def total_of(items):" },
  async (window) => {
    await stage.engine.says("items):\n    ", LINES);
    await window.toEnd();
    await window.press("Enter");
    await window.ghostIs(LINES);
    await window.press("Tab");
    await window.noGhost();
    assert.equal(await window.saved("sum.py"), `def total_of(items):\n    ${LINES}`);
    await window.press("Control+z");
    assert.equal(await window.saved("sum.py"), "def total_of(items):\n    ");
  },
);

stage.story("a word, then a line, then the rest", { "parts.py": "def parts(items):" }, async (window) => {
  await stage.engine.says("parts(items):\n    ", LINES);
  await window.toEnd();
  await window.press("Enter");
  await window.ghostIs(LINES);
  const asked = stage.engine.requests.length;
  await window.press("Control+ArrowRight");
  await window.ghostIs(LINES.slice("total".length));
  await window.press("Alt+ArrowRight");
  await window.ghostIs(LINES.slice(LINES.indexOf("    for")));
  assert.equal(stage.engine.requests.length, asked, "what is left of a suggestion is no new work");
  // At the start of a line VS Code's Tab indents first; the suggestion continues after the indentation.
  await window.press("Tab");
  await window.ghostIs(LINES.slice(LINES.indexOf("for")));
  await window.press("Tab");
  await window.noGhost();
  assert.equal(await window.saved("parts.py"), `def parts(items):\n    ${LINES}`);
});

stage.story(
  "typing the suggested text keeps the suggestion without a request",
  { "through.py": "def name(first, last):\n" },
  async (window) => {
    await stage.engine.says("return ", "first + last");
    await window.toEnd();
    await window.type("    return ");
    await window.ghostIs("first + last");
    const asked = stage.engine.requests.length;
    await window.type("fir");
    await window.ghostIs("st + last");
    await window.press("Backspace", "Backspace");
    await window.ghostIs("irst + last");
    assert.equal(stage.engine.requests.length, asked);
    await window.press("Tab");
    assert.equal(await window.saved("through.py"), "def name(first, last):\n    return first + last");
  },
);

stage.story("Escape dismisses it", { "away.py": "def away():\n" }, async (window) => {
  await stage.engine.says("return ", "nothing");
  await window.toEnd();
  await window.type("    return ");
  await window.ghostIs("nothing");
  await window.press("Escape");
  await window.noGhost();
  assert.equal(await window.saved("away.py"), "def away():\n    return ");
});

stage.story(
  "Alt+\\ asks, Alt+] and Alt+[ go through the candidates",
  { "many.py": "def many(a, b):\n    return " },
  async (window) => {
    await stage.engine.says("return ", "a", "b", "a * b");
    await window.toEnd();
    await window.press("Alt+\\");
    const seen = new Set<string>();
    for (let step = 0; step < 3; step++) {
      seen.add(await window.someGhost(seen));
      await window.press("Alt+]");
    }
    assert.deepEqual([...seen].sort(), ["a", "a * b", "b"]);
    await window.press("Alt+[");
    await window.press("Tab");
    const taken = (await window.saved("many.py")).slice("def many(a, b):\n    return ".length);
    assert.ok(seen.has(taken), `took ${JSON.stringify(taken)}`);
  },
);

const MIXED = 'def größe(x):\r\n\tnote = "🙂 中文"; return ';

stage.story(
  "CRLF, tabs, emoji and CJK stay what they are",
  { "bytes.py": `${MIXED}\r\n\r\n# 終\r\n` },
  async (window) => {
    await stage.engine.says("return ", "note");
    await stage.engine.says("note\n\n", "def größer(x):\n\treturn größe(x) + 1");
    await window.press("Control+Home", "ArrowDown", "End");
    await window.press("Alt+\\");
    await window.ghostIs("note");
    await window.press("Tab");
    await window.noGhost();
    assert.equal(await window.saved("bytes.py"), `${MIXED}note\r\n\r\n# 終\r\n`);
    await window.press("Control+z");
    assert.equal(await window.saved("bytes.py"), `${MIXED}\r\n\r\n# 終\r\n`);
  },
);

stage.story(
  "several lines in a file with CRLF end as its lines do",
  { "crlf.py": "def first():\r\n\treturn 1\r\n\r\ndef second():\r\n" },
  async (window) => {
    await stage.engine.says("second():\n\t", "value = first()\n\treturn value + 1");
    await window.toEnd();
    await window.type("\t");
    await window.ghostIs("value = first()\n    return value + 1");
    await window.press("Tab");
    await window.noGhost();
    const before = "def first():\r\n\treturn 1\r\n\r\ndef second():\r\n\t";
    assert.equal(await window.saved("crlf.py"), `${before}value = first()\r\n\treturn value + 1`);
  },
);

stage.story(
  "the popup lists no suggestions unless it is asked to",
  { "popup.py": "def popup(alpha, beta):\n    return al" },
  async (window) => {
    await stage.engine.says("return al", "pha + beta");
    await window.toEnd();
    await window.press("Control+Space");
    await window.popupSays("No suggestions");
    await window.press("Escape");
  },
);

stage.story("a suggestion grows while the user pauses", { "grow.py": "def grow(a, b):\n" }, async (window) => {
  await stage.engine.says("total = ", "a + b");
  await stage.engine.says("total = a + b", "\n    return total\n");
  await window.toEnd();
  await window.statusIs("ready");
  await window.type("    total = ");
  await window.ghostIs("a + b\n    return total");
  await window.type("a ");
  await window.ghostIs("+ b\n    return total");
  await window.press("Alt+ArrowRight");
  await window.ghostIs("    return total");
  await window.press("Tab");
  await window.press("Tab");
  await window.noGhost();
  assert.equal(await window.saved("grow.py"), "def grow(a, b):\n    total = a + b\n    return total");
});
