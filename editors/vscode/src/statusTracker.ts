/** What is known about the server and the active editor, shown in the status bar and reported to other extensions. */

import * as vscode from "vscode";
import { isEnabled, isLanguageEnabled, SCHEMES } from "./settings";
import { type Change, type Facts, INITIAL, type Status, status } from "./state";
import { StatusBar } from "./statusBar";

/** Holds the facts and publishes each change of them. */
export class StatusTracker implements vscode.Disposable {
  private known: Facts = INITIAL;
  private readonly bar = new StatusBar();
  private readonly changed = new vscode.EventEmitter<Status>();

  readonly onDidChange = this.changed.event;

  get facts(): Facts {
    return this.known;
  }

  get status(): Status {
    return status(this.known);
  }

  /** Return whether the server runs and has a document. */
  isServed(document: vscode.TextDocument): boolean {
    return this.known.program === "running" && SCHEMES.includes(document.uri.scheme);
  }

  /** Apply `change` to the facts. */
  update(change: Change): void {
    const before = this.known;
    this.known = change(before);
    this.bar.show(this.status);
    if (before.program !== this.known.program) {
      void vscode.commands.executeCommand("setContext", "infill.running", this.known.program === "running");
    }
    this.changed.fire(this.status);
  }

  /** Read what the user chose: the settings and the active editor. */
  readSettings(): void {
    const language = vscode.window.activeTextEditor?.document.languageId;
    const languageOn = language === undefined || isLanguageEnabled(language);
    // "Inactive" is about the document of the last request, which need not be the active one any more.
    this.update((facts) => ({
      ...facts,
      enabled: isEnabled(),
      language,
      languageOn,
      engine: facts.engine === "inactive" ? "ready" : facts.engine,
    }));
  }

  dispose(): void {
    vscode.Disposable.from(this.bar, this.changed).dispose();
  }
}
