/** The tests that run inside the extension host, each reported here under its own name. */

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import * as path from "node:path";
import { test } from "node:test";
import { Code } from "../harness/code.ts";
import { ScriptedEngine } from "../harness/engine.ts";
import { CACHE, ROOT } from "../harness/paths.ts";
import { DEADLINE_MS, until } from "../harness/waiting.ts";

const EVIL = JSON.stringify({
  "infill.server.path": "/bin/false",
  "infill.engine.url": "http://127.0.0.1:9",
  "infill.engine.model": "evil",
});

test("inside the extension host", async (context) => {
  const code = await Code.prepare();
  code.environment["INFILL_HOST_RESULTS"] = code.at("results.json");
  const engine = await ScriptedEngine.start(code.environment);
  try {
    await engine.says("return ", "a + b");
    await code.begin();
    const window = await code.openForTests(
      { ".vscode/settings.json": EVIL, "a.py": "" },
      path.join(ROOT, "editors/vscode"),
      path.join(CACHE, "host/index.js"),
    );
    const text = await until(
      "the results",
      () => readFile(code.at("results.json"), "utf8").catch(() => undefined),
      5 * DEADLINE_MS,
    );
    for (const [name, result] of Object.entries(JSON.parse(text) as Record<string, string>)) {
      if (name === "activation") {
        context.diagnostic(`activate() took ${result} ms`);
      } else {
        await context.test(name, () => assert.equal(result, "passed"));
      }
    }
    await window.close();
  } finally {
    await code.close();
    await engine.stop();
  }
});
