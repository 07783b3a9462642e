/** An untrusted workspace: suggestions work, and its settings have no effect on security or privacy. */

import assert from "node:assert/strict";
import { Stage } from "../harness/stage.ts";
import { until } from "../harness/waiting.ts";

const stage = new Stage({
  settings: {
    "security.workspace.trust.enabled": true,
    "security.workspace.trust.startupPrompt": "never",
    "security.workspace.trust.banner": "never",
  },
});

const WANTED = { "infill.privacy.ignore": [], "infill.server.path": "/bin/false", "infill.engine.model": "evil" };
stage.file(".vscode/settings.json", JSON.stringify(WANTED));

stage.story(
  "suggestions come, and what is private stays so until the user trusts the folder",
  { "add.py": "def add(a, b):\n", "secrets.py": "key = " },
  async (window) => {
    await stage.engine.says("return ", "a + b");
    await stage.engine.says("key =  ", "load()");
    const restricted = window.page.locator('[id="status.workspaceTrust"]');
    await restricted.waitFor();
    await window.statusIs("ready");
    await window.toEnd();
    await window.type("    return ");
    await window.ghostIs("a + b");
    await window.press("Tab");
    await window.noGhost();
    assert.equal(await window.saved("add.py"), "def add(a, b):\n    return a + b");

    await window.edit("secrets.py");
    await window.toEnd();
    const asked = stage.engine.requests.length;
    await window.type(" ");
    await window.press("Alt+\\");
    assert.match(await window.statusIs("off"), /ignore rule/);
    assert.equal(await window.ghost(), "");
    assert.equal(stage.engine.requests.length, asked, "nothing of the file went to the engine");
    assert.deepEqual(
      stage.engine.everything.filter(({ tail }) => tail.includes("key =")),
      [],
    );

    await window.run("Workspaces: Manage Workspace Trust");
    await window.page.getByRole("button", { name: "Trust", exact: true }).first().click();
    await restricted.waitFor({ state: "hidden" });
    const dialog = window.page.locator(".monaco-modal-editor-block");
    await dialog.locator(".codicon-close").first().click();
    await dialog.waitFor({ state: "detached" });
    await window.edit("secrets.py");
    await window.toEnd();
    // The settings reach the server a moment later; the user invokes again.
    await until("a suggestion in the file", async () => {
      await window.press("Alt+\\");
      await window.someGhostWithin(1000);
      return (await window.ghost()) === "load()" || undefined;
    });
    assert.match(await window.statusText(), /scripted/);
  },
);
