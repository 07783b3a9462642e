/** Next edits: the change that the user has made, proposed at the other places where it is due. */

import * as vscode from "vscode";
import type { Completed, Server } from "../server/server";
import { areEditsEnabled, isEnabled } from "../settings";
import type { StatusTracker } from "../statusTracker";
import { Drawing, rangeOf } from "./drawing";
import type { Edit, Offer } from "./offer";
import { Requests } from "./requests";

/** What the key bindings ask for: whether edits are drawn, and whether Tab is theirs. */
const VISIBLE = "infill.edits.visible";
const TAB = "infill.edits.tab";

/** Offers the edits of the last answer in the active editor, and drops them when the text changes otherwise. */
export class NextEdits implements vscode.Disposable {
  /** Made when first needed: most windows draw nothing. */
  private drawing: Drawing | undefined;
  private readonly requests: Requests;
  private readonly registrations: vscode.Disposable;
  private offer: Offer | undefined;
  private making = false;
  private isChaining = false;
  private steps: Promise<void> = Promise.resolve();
  private wasRunning = false;
  /** The document and version for which the server suggested ghost text; VS Code does not say whether it is shown. */
  private ghost: { uri: string; version: number } | undefined;
  private contexts: Record<string, boolean> = {};

  constructor(
    private readonly extension: vscode.Uri,
    log: vscode.LogOutputChannel,
    server: Server,
    private readonly tracker: StatusTracker,
  ) {
    this.requests = new Requests(server, log);
    this.registrations = vscode.Disposable.from(
      this.requests,
      vscode.workspace.onDidChangeTextDocument((event) => this.changed(event)),
      vscode.window.onDidChangeActiveTextEditor(() => this.focus()),
      vscode.window.onDidChangeTextEditorSelection(() => this.moved()),
      vscode.window.onDidChangeTextEditorVisibleRanges(() => this.refresh()),
      vscode.workspace.onDidChangeConfiguration((event) => event.affectsConfiguration("infill") && this.focus()),
      tracker.onDidChange(() => this.statusChanged()),
      server.onDidComplete((completed) => this.completed(completed)),
    );
  }

  /** Go to the next edit; if the cursor is there, make it. By a key that does neither, a tab is typed. */
  async next(isKey: boolean): Promise<void> {
    // One after the other: the key may be pressed again before VS Code has made the edit.
    this.steps = this.steps.catch(() => undefined).then(() => this.step(isKey));
    await this.steps;
  }

  private async step(isKey: boolean): Promise<void> {
    const editor = vscode.window.activeTextEditor;
    const edit = this.offer?.first;
    if (editor === undefined || edit === undefined || !this.isVisible(editor)) {
      await (isKey ? vscode.commands.executeCommand("tab") : undefined);
    } else if (isAt(editor, edit)) {
      await this.make(editor, edit);
    } else {
      goTo(editor, edit);
    }
  }

  /** Hide the edits; they are not proposed again. */
  dismiss(): void {
    if (this.offer !== undefined) {
      this.requests.rejected(this.offer);
    }
    this.drop();
  }

  dispose(): void {
    this.drop();
    this.drawing?.dispose();
    this.registrations.dispose();
  }

  private async make(editor: vscode.TextEditor, edit: Edit): Promise<void> {
    const { document } = editor;
    const { offer } = this;
    const before = document.version;
    this.making = true;
    const range = rangeOf(document, edit.start, edit.end);
    const isMade = await editor
      .edit((builder) => builder.replace(range, edit.text))
      .then(
        (applied) => applied && document.version === before + 1,
        () => false,
      );
    this.making = false;
    if (!isMade || offer === undefined || offer !== this.offer) {
      this.drop();
      this.requests.afterPause(() => this.ask());
      return;
    }
    offer.made(document.version);
    this.requests.accepted(edit);
    const following = offer.first;
    if (following === undefined) {
      const end = document.positionAt(edit.start + edit.text.length);
      editor.selection = new vscode.Selection(end, end);
      this.drawing?.clear();
      this.isChaining = true; // Until the next one is here, the key stays with the edits.
      await this.ask();
      this.isChaining = false;
      this.refresh();
    } else {
      goTo(editor, following);
      this.refresh();
    }
  }

  private async ask(): Promise<void> {
    const editor = vscode.window.activeTextEditor;
    if (editor === undefined || !this.tracker.isServed(editor.document) || !areEditsEnabled() || !isEnabled()) {
      return;
    }
    const found = await this.requests.ask(editor.document, editor.selection.active);
    if (found !== undefined && editor === vscode.window.activeTextEditor) {
      this.offer = found;
      this.refresh();
    }
  }

  private changed({ document, contentChanges }: vscode.TextDocumentChangeEvent): void {
    if (this.making || contentChanges.length === 0 || document !== vscode.window.activeTextEditor?.document) {
      return;
    }
    this.drop();
    this.requests.afterPause(() => this.ask());
  }

  /** Begin again with the active editor. */
  private focus(): void {
    this.drop();
    const document = vscode.window.activeTextEditor?.document;
    if (document !== undefined && this.tracker.isServed(document) && areEditsEnabled()) {
      this.requests.focus(document);
      this.requests.afterPause(() => this.ask());
    }
  }

  private statusChanged(): void {
    const { program, snoozedUntil } = this.tracker.facts;
    const isRunning = program === "running";
    if (isRunning !== this.wasRunning) {
      this.wasRunning = isRunning;
      this.requests.restarted();
      this.focus();
    } else if (snoozedUntil !== undefined) {
      this.drop();
    }
  }

  private completed({ document, isAny }: Completed): void {
    this.ghost = isAny ? { uri: document.uri.toString(), version: document.version } : undefined;
    this.refresh();
  }

  private moved(): void {
    const document = vscode.window.activeTextEditor?.document;
    if (this.ghost !== undefined && document?.version === this.ghost.version) {
      this.ghost = undefined; // Moving the cursor hides ghost text.
    }
    this.refresh();
  }

  private isVisible(editor: vscode.TextEditor): boolean {
    const uri = editor.document.uri.toString();
    const { version } = editor.document;
    const isCovered = this.ghost?.uri === uri && this.ghost.version === version;
    return this.offer?.fits(uri, version) === true && !isCovered;
  }

  private refresh(): void {
    if (this.making || this.isChaining) {
      return;
    }
    const editor = vscode.window.activeTextEditor;
    const { offer } = this;
    if (editor === undefined || offer?.first === undefined || !this.isVisible(editor)) {
      this.hide();
      return;
    }
    this.drawing ??= new Drawing(this.extension);
    this.drawing.show(editor, offer);
    if (!offer.isReported) {
      offer.isReported = true;
      this.requests.shown(offer);
    }
    this.setContext(VISIBLE, true);
    this.setContext(TAB, isAt(editor, offer.first) || !needsTab(editor));
  }

  private hide(): void {
    this.drawing?.clear();
    this.setContext(VISIBLE, false);
    this.setContext(TAB, false);
  }

  private drop(): void {
    this.requests.cancel();
    this.offer = undefined;
    this.hide();
  }

  private setContext(key: string, value: boolean): void {
    if (this.contexts[key] !== value) {
      this.contexts[key] = value;
      void vscode.commands.executeCommand("setContext", key, value);
    }
  }
}

function isAt(editor: vscode.TextEditor, edit: Edit): boolean {
  const { start, end } = rangeOf(editor.document, edit.start, edit.end);
  const { selection } = editor;
  return selection.isSingleLine && start.line <= selection.active.line && selection.active.line <= end.line;
}

/** Return whether a tab indents here: in the indentation of a line, or with lines selected. */
function needsTab(editor: vscode.TextEditor): boolean {
  return editor.selections.some(
    (selection) =>
      !selection.isSingleLine ||
      editor.document.lineAt(selection.active.line).text.slice(0, selection.active.character).trim() === "",
  );
}

function goTo(editor: vscode.TextEditor, edit: Edit): void {
  const start = editor.document.positionAt(edit.start);
  editor.selection = new vscode.Selection(start, start);
  editor.revealRange(new vscode.Range(start, start), vscode.TextEditorRevealType.InCenterIfOutsideViewport);
}
