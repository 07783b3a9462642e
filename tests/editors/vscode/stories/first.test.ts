import assert from "node:assert/strict";
import { after, before } from "node:test";
import { Code } from "../harness/code.ts";
import { ScriptedEngine } from "../harness/engine.ts";
import { story } from "../harness/story.ts";

let code: Code;
let engine: ScriptedEngine;

before(async () => {
  code = await Code.prepare();
  engine = await ScriptedEngine.start(code.environment);
  await code.begin();
});

after(async () => {
  await code?.close();
  await engine?.stop();
});

story("a person types and takes the ghost text with Tab", () => code, { "add.py": "def add(a, b):\n" }, async (window) => {
  await engine.says("return ", "a + b");
  await window.edit("add.py");
  await window.toEnd();
  console.log(await window.statusIs("ready"));
  await window.type("    return ");
  console.log(JSON.stringify(await window.ghostWith("a + b")));
  await window.page.screenshot({ path: "/tmp/ghost.png" });
  await window.press("Tab");
  await window.noGhost();
  assert.equal(await window.saved("add.py"), "def add(a, b):\n    return a + b");
});
