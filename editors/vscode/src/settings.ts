/** The user's settings, read and written; the server gets only those that the user set. */

import * as vscode from "vscode";
import { SERVER_KEYS } from "./keys";
import { expanded } from "./server/program";

/** A tree of settings, as `initializationOptions` and `workspace/configuration` carry it. */
export type Tree = { [key: string]: unknown };

/**
 * Return the settings that the user set in VS Code, as a tree.
 *
 * Defaults are left out: they would override the user's `config.toml`.
 */
export function writtenSettings(): Tree {
  const configuration = vscode.workspace.getConfiguration("infill");
  const tree: Tree = {};
  for (const key of SERVER_KEYS) {
    if (isWritten(configuration, key)) {
      place(tree, key.split("."), configuration.get(key));
    }
  }
  return tree;
}

function isWritten(configuration: vscode.WorkspaceConfiguration, key: string): boolean {
  const found = configuration.inspect(key);
  const values = [found?.globalValue, found?.workspaceValue, found?.workspaceFolderValue];
  return values.some((value) => value !== undefined);
}

function place(tree: Tree, [name, ...rest]: string[], value: unknown): void {
  if (name === undefined) {
    return;
  }
  if (rest.length === 0) {
    tree[name] = value;
  } else {
    tree[name] ??= {};
    place(tree[name] as Tree, rest, value);
  }
}

/** Return the part of the tree that a `workspace/configuration` item asks for by its section. */
export function section(name: string | undefined): unknown {
  const path = (name ?? "").split(".").filter(Boolean);
  let found: unknown = { infill: writtenSettings() };
  for (const step of path) {
    found = typeof found === "object" && found !== null ? (found as Tree)[step] : undefined;
  }
  return found ?? null;
}

/** Return whether suggestions are on for a language id. */
export function isLanguageEnabled(language: string): boolean {
  const languages = vscode.workspace
    .getConfiguration("infill")
    .get<Record<string, boolean>>("completion.languages", {});
  return languages[language] ?? languages["*"] ?? true;
}

/** The schemes of what the server may complete: no output panels, diffs or settings editors. */
export const SCHEMES: readonly string[] = ["file", "untitled", "vscode-notebook-cell", "vscode-vfs"];

/** Return whether suggestions appear without being asked for. */
export function isEnabled(): boolean {
  return vscode.workspace.getConfiguration("infill").get<boolean>("completion.enabled", true);
}

/** Return whether next edits are proposed. */
export function areEditsEnabled(): boolean {
  return vscode.workspace.getConfiguration("infill").get<boolean>("edits.enabled", true);
}

/** Write a setting to the workspace if it is set there, otherwise to the user's settings. */
export async function write(key: string, value: unknown): Promise<void> {
  const configuration = vscode.workspace.getConfiguration("infill");
  const inWorkspace = configuration.inspect(key)?.workspaceValue !== undefined;
  const target = inWorkspace ? vscode.ConfigurationTarget.Workspace : vscode.ConfigurationTarget.Global;
  await configuration.update(key, value, target);
}

/** Turn suggestions for one language off or on. */
export async function switchLanguage(language: string, on: boolean): Promise<void> {
  const configuration = vscode.workspace.getConfiguration("infill");
  const found = configuration.inspect<Record<string, boolean>>("completion.languages");
  const here = found?.workspaceValue ?? found?.globalValue ?? {};
  await write("completion.languages", { ...here, [language]: on });
}

/** Return a machine-level setting with `~` expanded, or undefined if it is not set. */
export function machineSetting(key: string): string | undefined {
  const written = vscode.workspace.getConfiguration("infill").get<string | null>(key, null);
  return written === null || written.trim() === "" ? undefined : expanded(written.trim());
}
