/** The menu of the status bar item. */

import * as vscode from "vscode";
import { isEnabled, isLanguageEnabled } from "./settings";
import type { Status } from "./state";

interface Entry extends vscode.QuickPickItem {
  command?: string;
}

/** Show the menu and run what was picked. */
export async function showMenu(status: Status, isSnoozed: boolean): Promise<void> {
  const picked = await vscode.window.showQuickPick(entries(status, isSnoozed), {
    title: `Infill: ${status.tooltip}`,
    placeHolder: "What to do",
  });
  if (picked?.command !== undefined) {
    await vscode.commands.executeCommand(picked.command);
  }
}

function entries(status: Status, isSnoozed: boolean): Entry[] {
  const language = vscode.window.activeTextEditor?.document.languageId;
  const rule: Entry = { label: "", kind: vscode.QuickPickItemKind.Separator };
  return [
    ...(status.kind === "missing" ? [entry("cloud-download", "Install the server", "infill-ls.install")] : []),
    isEnabled()
      ? entry("debug-pause", "Pause suggestions", "infill-ls.toggle")
      : entry("play", "Resume suggestions", "infill-ls.toggle"),
    isSnoozed
      ? entry("bell", "End the snooze", "infill-ls.endSnooze")
      : entry("bell-slash", "Snooze…", "infill-ls.snooze"),
    ...(language === undefined ? [] : [languageEntry(language)]),
    ...(language === undefined ? [] : [entry("question", "Explain this position", "infill-ls.explain")]),
    rule,
    entry("chip", "Switch model…", "infill-ls.switchModel"),
    entry("pulse", "Doctor", "infill-ls.doctor"),
    rule,
    entry("debug-restart", "Restart the server", "infill-ls.restart"),
    entry("output", "Open the log", "infill-ls.openLog"),
    entry("gear", "Settings", "infill-ls.openSettings"),
    entry("rocket", "Get started", "infill-ls.walkthrough"),
  ];
}

function languageEntry(language: string): Entry {
  return isLanguageEnabled(language)
    ? entry("circle-slash", `Turn off for ${language}`, "infill-ls.toggleLanguage")
    : entry("check", `Turn on for ${language}`, "infill-ls.toggleLanguage");
}

function entry(icon: string, label: string, command: string): Entry {
  return { label: `$(${icon}) ${label}`, command };
}
