/** Runs inside the extension host, beside the extension; VS Code calls `run`. */

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import * as vscode from "vscode";

interface Api {
  status(): { kind: string; text: string; tooltip: string };
  readonly onDidChangeStatus: vscode.Event<{ kind: string }>;
  serverPid(): number | undefined;
  readonly activation_ms: number;
}

const DEADLINE_MS = 60_000;

const tests: Record<string, (api: Api) => Promise<void>> = {
  async "every command of the manifest is there"() {
    const known = new Set(await vscode.commands.getCommands());
    const manifest = extension().packageJSON as { contributes: { commands: { command: string }[] } };
    assert.deepEqual(
      manifest.contributes.commands.map(({ command }) => command).filter((command) => !known.has(command)),
      [],
    );
  },

  async "ghost text is accepted by command and undone"(api) {
    await becomes(api, "ready");
    const document = await vscode.workspace.openTextDocument({
      language: "python",
      content: "def add(a, b):\n    return ",
    });
    const editor = await vscode.window.showTextDocument(document);
    const end = document.positionAt(document.getText().length);
    editor.selection = new vscode.Selection(end, end);
    await until("the suggestion", async () => {
      await vscode.commands.executeCommand("infill-ls.trigger");
      await vscode.commands.executeCommand("editor.action.inlineSuggest.commit");
      return document.getText() !== "def add(a, b):\n    return ";
    });
    assert.equal(document.getText(), "def add(a, b):\n    return a + b");
    await vscode.commands.executeCommand("undo");
    assert.equal(document.getText(), "def add(a, b):\n    return ");
  },

  async "only settings that the user set are sent to the server"(api) {
    const configuration = vscode.workspace.getConfiguration("infill");
    await configuration.update("completion.languages", { python: false }, vscode.ConfigurationTarget.Global);
    await becomes(api, "off");
    await configuration.update("completion.languages", undefined, vscode.ConfigurationTarget.Global);
    await becomes(api, "ready");
  },

  async "a workspace cannot name the program"() {
    const found = vscode.workspace.getConfiguration("infill").get("server.path");
    assert.equal(found, null);
  },

  async "a restart starts another process"(api) {
    const before = api.serverPid();
    await vscode.commands.executeCommand("infill-ls.restart");
    await becomes(api, "ready");
    assert.ok(api.serverPid() !== undefined && api.serverPid() !== before);
  },
};

function extension(): vscode.Extension<Api> {
  const found = vscode.extensions.getExtension<Api>("infill-ls.infill");
  assert.ok(found);
  return found;
}

async function becomes(api: Api, kind: string): Promise<void> {
  await until(`status ${kind}, not ${api.status().kind}`, () => api.status().kind === kind);
}

async function until(what: string, look: () => boolean | Promise<boolean>): Promise<void> {
  const end = Date.now() + DEADLINE_MS;
  while (!(await look())) {
    assert.ok(Date.now() < end, `${what}: not within ${DEADLINE_MS / 1000} s`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Run every test and write the results to the file `INFILL_HOST_RESULTS`. */
export async function run(): Promise<void> {
  const results: Record<string, string> = {};
  const api = await extension().activate();
  results["activation"] = api.activation_ms.toFixed(1);
  for (const [name, test] of Object.entries(tests)) {
    try {
      await test(api);
      results[name] = "passed";
    } catch (error) {
      results[name] = error instanceof Error ? (error.stack ?? error.message) : String(error);
    }
  }
  writeFileSync(process.env["INFILL_HOST_RESULTS"]!, JSON.stringify(results, undefined, 2));
}
