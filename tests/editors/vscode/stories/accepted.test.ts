/** The server's notifications about an accepted suggestion, with VS Code's own keys. */

import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { after } from "node:test";
import { pathToFileURL } from "node:url";
import { BIN, HERE, PYTHON } from "../harness/paths.ts";
import { Stage } from "../harness/stage.ts";
import { until } from "../harness/waiting.ts";

const folder = mkdtempSync(path.join(tmpdir(), "heard-"));
after(() => rmSync(folder, { recursive: true }));
const heard = path.join(folder, "heard.jsonl");
const program = path.join(folder, "infill-ls");
writeFileSync(program, `#!/bin/sh\nexec '${PYTHON}' '${HERE}/recorder.py' '${heard}' '${BIN}/infill-ls' "$@"\n`, {
  mode: 0o755,
});

const stage = new Stage({ machine: { "infill.server.path": program } });

interface Message {
  method?: string;
  params: { command?: string; arguments?: unknown[]; contentChanges?: { text: string }[] };
}

/** Return the messages from VS Code to the server so far, in order. */
function messages(): Message[] {
  const lines = existsSync(heard) ? readFileSync(heard, "utf8").split("\n").slice(0, -1) : [];
  return lines.map((line) => JSON.parse(line) as Message);
}

/** Return the arguments of the acceptance commands so far. */
function acceptances(): unknown[] {
  return messages()
    .filter(({ method, params }) => method === "workspace/executeCommand" && params.command === "infill.accepted")
    .map(({ params }) => params.arguments);
}

const LINES = "total = 0\n    for item in items:\n        total += item\n    return total";

stage.story("the server is notified once, after the text", { "add.py": "def add(a, b):\n" }, async (window) => {
  await stage.engine.says("return ", "a + b");
  await window.statusIs("ready");
  await window.toEnd();
  await window.type("    return ");
  await window.ghostIs("a + b");
  assert.deepEqual(acceptances(), []);
  await window.press("Tab");
  const uri = pathToFileURL(path.join(window.folder, "add.py")).href;
  await until("the acceptance", () => acceptances().length > 0 || undefined);
  assert.deepEqual(acceptances(), [[uri, "a + b"]]);
  const order = messages().map(({ method, params }) =>
    method === "textDocument/didChange" && params.contentChanges?.some(({ text }) => text.includes("a + b"))
      ? "text"
      : params?.command,
  );
  assert.ok(order.indexOf("text") < order.indexOf("infill.accepted"), "the text comes first");
});

stage.story(
  "a suggestion taken in parts is an acceptance when its last part is in",
  { "parts.py": "def parts(items):" },
  async (window) => {
    const before = acceptances().length;
    await stage.engine.says("parts(items):\n    ", LINES);
    await window.toEnd();
    await window.press("Enter");
    await window.ghostIs(LINES);
    await window.press("Control+ArrowRight");
    await window.ghostIs(LINES.slice("total".length));
    assert.equal(acceptances().length, before);
    await window.press("Tab");
    await window.noGhost();
    assert.equal(await window.saved("parts.py"), `def parts(items):\n    ${LINES}`);
    await until("the acceptance", () => acceptances().length > before || undefined);
    assert.equal(acceptances().length, before + 1);
  },
);

stage.story("a dismissed suggestion is not an acceptance", { "away.py": "def away():\n" }, async (window) => {
  const before = acceptances().length;
  await stage.engine.says("return ", "nothing");
  await window.toEnd();
  await window.type("    return ");
  await window.ghostIs("nothing");
  await window.press("Escape");
  await window.noGhost();
  await window.saved("away.py");
  assert.equal(acceptances().length, before);
});
