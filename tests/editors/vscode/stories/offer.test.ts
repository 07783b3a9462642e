/** The edits of an answer follow each other's changes; new text fits on one line. Needs no window. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { type Edit, Offer, onOneLine } from "../../../../editors/vscode/src/edits/offer.ts";

function made(text: string, offer: Offer): string {
  const { start, end, text: becomes } = offer.first!;
  offer.made(2);
  return text.slice(0, start) + becomes + text.slice(end);
}

function edits(text: string, old: string, becomes: string, order: readonly number[]): Edit[] {
  const starts = [...text.matchAll(new RegExp(old, "g"))].map(({ index }) => index);
  return order.map((at) => {
    const start = starts[at]!;
    return { start, end: start + old.length, text: becomes, report: { command: "accepted" } };
  });
}

for (const becomes of ["longer", "l", ""]) {
  for (const order of [
    [0, 1, 2],
    [2, 1, 0],
    [1, 2, 0],
  ]) {
    void test(`"name" becomes ${JSON.stringify(becomes)} in the order ${order}`, () => {
      let text = "name 😀 name\r\n\tname";
      const offer = new Offer("file:///a.py", 1, edits(text, "name", becomes, order));
      for (const _ of order) {
        text = made(text, offer);
      }
      assert.equal(text, `${becomes} 😀 ${becomes}\r\n\t${becomes}`);
      assert.equal(offer.first, undefined);
    });
  }
}

void test("an offer fits the version that its own edits have made, and no other", () => {
  const offer = new Offer("file:///a.py", 7, edits("a a", "a", "b", [0, 1]));
  assert.ok(offer.fits("file:///a.py", 7));
  offer.made(8);
  assert.ok(offer.fits("file:///a.py", 8));
  assert.ok(!offer.fits("file:///a.py", 7));
  assert.ok(!offer.fits("file:///b.py", 8));
});

void test("new text is shown on one line: blanks stay, line ends are arrows, what is long is cut", () => {
  const shown = (text: string) => onOneLine(text, 4, 20).replaceAll("\u00a0", " ");
  assert.equal(shown(", timeout=5"), ", timeout=5");
  assert.equal(shown("import os\r\n"), "import os ↵ ");
  assert.equal(shown("\treturn"), "    return");
  assert.equal(shown("x".repeat(30)), `${"x".repeat(19)}…`);
  assert.ok(!onOneLine(" a  b ", 4, 20).includes(" "));
});
