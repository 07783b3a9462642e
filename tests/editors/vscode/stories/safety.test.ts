/** A workspace with its own `infill-ls`, its own modules and a `PYTHONPATH` runs none of them. */

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { chmod, mkdir, writeFile } from "node:fs/promises";
import * as path from "node:path";
import { test } from "node:test";
import { Code } from "../harness/code.ts";
import { ScriptedEngine } from "../harness/engine.ts";

test("nothing of the workspace is run", async () => {
  const code = await Code.prepare();
  const workspace = code.at("ws1");
  const marker = code.at("EVIL");
  const module = `open(${JSON.stringify(marker)}, "w").close()\n`;
  await mkdir(path.join(workspace, "bin"), { recursive: true });
  await writeFile(path.join(workspace, "bin/infill-ls"), `#!/bin/sh\ntouch '${marker}'\n`);
  await chmod(path.join(workspace, "bin/infill-ls"), 0o755);
  code.environment["PATH"] = `.:${workspace}/bin:${code.environment["PATH"]}`;
  const engine = await ScriptedEngine.start(code.environment);
  code.environment["PYTHONPATH"] = `.:${workspace}`;
  code.environment["PYTHONSTARTUP"] = path.join(workspace, "types.py");
  try {
    await code.begin();
    await engine.says("return ", "a + b");
    const names = [
      "attrs.py",
      "types.py",
      "asyncio.py",
      "pygls.py",
      "server/__init__.py",
      "sitecustomize.py",
      "infill_server/__init__.py",
    ];
    const files = Object.fromEntries(names.map((name) => [name, module]));
    const window = await code.open({ ...files, "add.py": "def add(a, b):\n" });
    await window.edit("add.py");
    await window.statusIs("ready");
    await window.toEnd();
    await window.type("    return ");
    await window.ghostIs("a + b");
    assert.ok(!existsSync(marker), "something of the workspace ran");
    await window.close();
  } finally {
    await code.close();
    await engine.stop();
  }
});
