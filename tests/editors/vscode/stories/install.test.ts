/** A user with VS Code and nothing else installed. */

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { after } from "node:test";
import { BIN, HERE, PYTHON } from "../harness/paths.ts";
import { languageServers } from "../harness/processes.ts";
import { Stage } from "../harness/stage.ts";

const folder = mkdtempSync(path.join(tmpdir(), "whl-"));
const wheel = execFileSync(PYTHON, [path.join(HERE, "small_wheel.py"), folder, path.join(BIN, "infill-ls")], {
  encoding: "utf8",
});
after(() => rm(folder, { recursive: true }));

const stage = new Stage({
  onPath: false,
  machine: { "infill.server.package": wheel, "workbench.welcomePage.walkthroughs.openOnInstall": true },
});

stage.file("add.py", "def add(a, b):\n");

stage.story("the walkthrough installs the server, and suggestions appear", {}, async (window) => {
  await window.page.getByText("Get Started with Infill").first().waitFor();
  assert.match(await window.statusIs("missing"), /not on PATH/);
  await window.page.getByText("Install the server").first().click();
  await window.statusIs("ready");
  const [server] = await languageServers(stage.code);
  const parent = await readFile(`/proc/${server}/environ`, "utf8");
  assert.match(parent, /PYTHONSAFEPATH=1/);
  await stage.engine.says("return ", "a + b");
  await window.edit("add.py");
  await window.toEnd();
  await window.type("    return ");
  await window.ghostIs("a + b");
  await window.press("Tab");
  assert.equal(await window.saved("add.py"), "def add(a, b):\n    return a + b");
  assert.match(await stage.code.log(), /Making an environment with/);
});
