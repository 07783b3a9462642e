/** Works around ghost text that VS Code does not draw after characters beyond U+FFFF. */

import * as vscode from "vscode";

/**
 * Return `items` with ranges that begin after the last character beyond U+FFFF.
 *
 * The server's items replace the line from its start. VS Code shows no ghost text for an item whose replaced text
 * contains such a character (an emoji, for example), although the item leaves it unchanged.
 */
export function narrowed(
  items: readonly vscode.InlineCompletionItem[],
  document: vscode.TextDocument,
): vscode.InlineCompletionItem[] {
  return items.map((item) => narrow(item, document));
}

function narrow(item: vscode.InlineCompletionItem, document: vscode.TextDocument): vscode.InlineCompletionItem {
  const { range, insertText } = item;
  if (range === undefined || typeof insertText !== "string") {
    return item;
  }
  const replaced = document.getText(range);
  const kept = afterLastSurrogate(replaced);
  if (kept === 0 || !insertText.startsWith(replaced.slice(0, kept))) {
    return item;
  }
  const rest = insertText.slice(kept);
  const shorter = new vscode.InlineCompletionItem(
    rest,
    new vscode.Range(range.start.translate(0, kept), range.end),
    item.command,
  );
  shorter.filterText = rest;
  return shorter;
}

/** Return the index after the last half of a surrogate pair in `text`; 0 without one. */
export function afterLastSurrogate(text: string): number {
  let index = text.length;
  while (index > 0 && (text.charCodeAt(index - 1) & 0xf800) !== 0xd800) {
    index--;
  }
  return index;
}
