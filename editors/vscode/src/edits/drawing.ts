/** Draws next edits: the old text struck through, the new text after it, a mark in the gutter, a hint at what is hidden. */

import * as vscode from "vscode";
import { type Edit, type Offer, onOneLine } from "./offer";

/** New text that is longer is cut; the hover at the place shows all of it. */
const MOST = 120;

/** The decorations of one window. */
export class Drawing implements vscode.Disposable {
  private readonly old = vscode.window.createTextEditorDecorationType({
    textDecoration: "line-through",
    opacity: "0.6",
    backgroundColor: new vscode.ThemeColor("diffEditor.removedTextBackground"),
  });
  private readonly added = vscode.window.createTextEditorDecorationType({
    after: { backgroundColor: new vscode.ThemeColor("diffEditor.insertedTextBackground") },
    rangeBehavior: vscode.DecorationRangeBehavior.ClosedClosed,
  });
  private readonly gutter: vscode.TextEditorDecorationType;
  private readonly hint = vscode.window.createTextEditorDecorationType({
    after: { color: new vscode.ThemeColor("textLink.foreground"), margin: "0 0 0 2em", fontStyle: "italic" },
  });

  /** What is drawn now; another array after each edit that was made. */
  private drawn: readonly Edit[] | undefined;
  private drawnIn: vscode.TextEditor | undefined;

  constructor(extension: vscode.Uri) {
    this.gutter = vscode.window.createTextEditorDecorationType({
      gutterIconPath: vscode.Uri.joinPath(extension, "media", "edit.svg"),
      gutterIconSize: "70%",
    });
  }

  /** Draw the edits of `offer` in an editor, in place of what was drawn; again, only the hint if they are drawn there. */
  show(editor: vscode.TextEditor, offer: Offer): void {
    if (this.drawnIn !== editor) {
      this.clear();
    }
    const { first } = offer;
    const next = first === undefined ? undefined : rangeOf(editor.document, first.start, first.end);
    editor.setDecorations(this.hint, hints(editor, next));
    this.drawnIn = editor;
    if (this.drawn !== offer.edits) {
      this.drawn = offer.edits;
      this.showPlaces(editor, offer.edits);
    }
  }

  private showPlaces(editor: vscode.TextEditor, edits: readonly Edit[]): void {
    const { document } = editor;
    const tab = typeof editor.options.tabSize === "number" ? editor.options.tabSize : 4;
    const places = edits.map(({ start, end, text }) => ({ range: rangeOf(document, start, end), text }));
    editor.setDecorations(
      this.old,
      places.filter(({ range }) => !range.isEmpty).map(({ range }) => range),
    );
    editor.setDecorations(
      this.added,
      places
        .filter(({ text }) => text !== "")
        .map(({ range, text }) => ({
          range: new vscode.Range(range.end, range.end),
          renderOptions: { after: { contentText: onOneLine(text, tab, MOST) } },
        })),
    );
    editor.setDecorations(
      this.gutter,
      places.map(({ range, text }) => ({
        range: new vscode.Range(range.start, range.start),
        hoverMessage: hover(text),
      })),
    );
  }

  /** Remove what is drawn. */
  clear(): void {
    for (const type of [this.old, this.added, this.gutter, this.hint]) {
      this.drawnIn?.setDecorations(type, []);
    }
    this.drawn = undefined;
    this.drawnIn = undefined;
  }

  dispose(): void {
    vscode.Disposable.from(this.old, this.added, this.gutter, this.hint).dispose();
  }
}

/** Return the range between two offsets. */
export function rangeOf(document: vscode.TextDocument, start: number, end: number): vscode.Range {
  return new vscode.Range(document.positionAt(start), document.positionAt(end));
}

function hover(text: string): vscode.MarkdownString {
  return new vscode.MarkdownString("Next edit: `Tab` goes there, and again makes it.").appendCodeblock(text);
}

/** Return the hint at the cursor's line, if the next edit is on no line that the editor shows. */
function hints(editor: vscode.TextEditor, next: vscode.Range | undefined): vscode.DecorationOptions[] {
  const isSeen = editor.visibleRanges.some(
    ({ start, end }) => next !== undefined && start.line <= next.start.line && next.start.line <= end.line,
  );
  if (next === undefined || isSeen) {
    return [];
  }
  const { line } = editor.selection.active;
  const arrow = next.start.line < line ? "↑" : "↓";
  const { end } = editor.document.lineAt(line).range;
  const contentText = `${arrow} next edit: line ${next.start.line + 1} (Tab)`;
  return [{ range: new vscode.Range(end, end), renderOptions: { after: { contentText } } }];
}
