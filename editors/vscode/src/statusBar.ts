/** The item in the status bar. */

import * as vscode from "vscode";
import type { Kind, Status } from "./state";

const WARNING = new vscode.ThemeColor("statusBarItem.warningBackground");
const ERROR = new vscode.ThemeColor("statusBarItem.errorBackground");
const BACKGROUNDS: Partial<Record<Kind, vscode.ThemeColor>> = { missing: WARNING, error: ERROR };

/** Shows a status; a click opens the menu. */
export class StatusBar implements vscode.Disposable {
  private readonly item: vscode.StatusBarItem;

  constructor() {
    this.item = vscode.window.createStatusBarItem("infill.status", vscode.StatusBarAlignment.Right, 100);
    this.item.name = "Infill";
    this.item.command = "infill-ls.menu";
    this.item.show();
  }

  /** Show `status`. */
  show(status: Status): void {
    this.item.text = status.text;
    this.item.tooltip = status.tooltip;
    this.item.backgroundColor = BACKGROUNDS[status.kind];
    this.item.accessibilityInformation = { label: `Infill, ${status.kind}: ${status.tooltip}` };
  }

  dispose(): void {
    this.item.dispose();
  }
}
