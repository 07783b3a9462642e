/** The choice of a model from those that the server's command line lists. */

import * as vscode from "vscode";
import { ask, type Model, parseModels } from "./server/commandLine";
import { write } from "./settings";

/** Let the user pick a model, and write the setting. */
export async function switchModel(server: string, storage: string, log: vscode.LogOutputChannel): Promise<void> {
  const models = await listed(server, storage, log);
  const current = vscode.workspace.getConfiguration("infill").get("engine.model", "auto");
  const name = await pick(models, current);
  if (name !== undefined && name.trim() !== "") {
    await write("engine.model", name.trim());
  }
}

async function listed(server: string, storage: string, log: vscode.LogOutputChannel): Promise<Model[]> {
  try {
    return parseModels(await ask(server, ["models", "list", "--json"], storage));
  } catch (error) {
    log.warn(`The list of models could not be read: ${String(error)}`);
    return [];
  }
}

async function pick(models: readonly Model[], current: string): Promise<string | undefined> {
  const auto = { name: "auto", detail: "the best cached model that fits the GPU, else the embedded one" };
  const embedded = { name: "embedded", detail: "the small model that comes with the server" };
  const items = [auto, embedded, ...models].map(({ name, detail }) => ({
    label: name,
    detail,
    description: name === current ? "current" : "",
  }));
  const other = { label: "$(edit) Another hub id or folder…", detail: "", description: "" };
  const picked = await vscode.window.showQuickPick([...items, other], {
    title: "Infill: the model",
    matchOnDetail: true,
  });
  return picked === other
    ? vscode.window.showInputBox({ title: "Infill: hub id or folder of the model", value: current })
    : picked?.label;
}
