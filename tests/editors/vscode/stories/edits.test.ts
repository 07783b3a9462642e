/** Next edits: drawn where they are due, made with Tab, undone and dismissed. */

import assert from "node:assert/strict";
import { cursorIsOn, drawn, drawnIs, retype } from "../harness/edits.ts";
import { Stage } from "../harness/stage.ts";
import type { Window } from "../harness/window.ts";

const stage = new Stage();

const SHOP = `def total(prices):
    best = max(prices)
    print("😀", len(prices))
    return sum(prices) - best
`;
const FIRST_ONLY = SHOP.replace("prices", "costs");
const PLACE = ["-prices", "+costs"];

/** Change the parameter's name where it is defined. */
async function rename(window: Window): Promise<void> {
  await window.statusIs("ready");
  await retype(window, 1, "def total(prices".length, "costs");
  await drawnIs(window, ...PLACE, ...PLACE, ...PLACE);
}

stage.story("a rename by example in three places: Tab, Tab, Tab", { "three.py": SHOP }, async (window) => {
  await rename(window);
  await cursorIsOn(window, 1);
  const picture = process.env["INFILL_EDITS_PICTURE"];
  if (picture !== undefined) {
    await window.page.screenshot({ path: picture });
  }
  await window.press("Tab");
  await cursorIsOn(window, 2);
  await drawnIs(window, ...PLACE, ...PLACE, ...PLACE);
  await window.press("Tab");
  await cursorIsOn(window, 3);
  await drawnIs(window, ...PLACE, ...PLACE);
  await window.press("Tab");
  await cursorIsOn(window, 4);
  await drawnIs(window, ...PLACE);
  await window.press("Tab");
  await drawnIs(window);
  assert.equal(await window.saved("three.py"), SHOP.replaceAll("prices", "costs"));
});

stage.story("each edit is undone by itself", { "undo.py": SHOP }, async (window) => {
  await rename(window);
  await window.press("Tab");
  await cursorIsOn(window, 2);
  await window.press("Tab");
  await cursorIsOn(window, 3);
  await drawnIs(window, ...PLACE, ...PLACE);
  await window.press("Control+z");
  await drawnIs(window);
  assert.equal(await window.saved("undo.py"), FIRST_ONLY);
});

stage.story("Escape dismisses them for good", { "away.py": SHOP }, async (window) => {
  await rename(window);
  await window.press("Escape");
  await drawnIs(window);
  await stage.engine.says("again = ", "total([1])");
  await window.toEnd();
  await window.type("again = ");
  await window.ghostIs("total([1])");
  assert.deepEqual(await drawn(window), []);
  assert.equal(await window.saved("away.py"), `${FIRST_ONLY}again = `);
});

stage.story("typing on drops them", { "on.py": SHOP }, async (window) => {
  await rename(window);
  await window.type("_");
  await drawnIs(window, "-prices", "+costs_", "-prices", "+costs_", "-prices", "+costs_");
  assert.equal(await window.saved("on.py"), SHOP.replace("prices", "costs_"));
});

const MIXED = SHOP.replaceAll("    ", "\t").replaceAll("\n", "\r\n");

stage.story("CRLF, tabs and emoji stay what they are", { "mixed.py": MIXED }, async (window) => {
  await rename(window);
  for (const line of [2, 3, 4]) {
    await window.press("Tab");
    await cursorIsOn(window, line);
  }
  await window.press("Tab");
  await drawnIs(window);
  assert.equal(await window.saved("mixed.py"), MIXED.replaceAll("prices", "costs"));
});

const CALLS = "get(a)\nget(b)\nget(c)\nget(d)\nprint(a)\n";

stage.story("the next one is ready when one is made", { "chain.py": CALLS }, async (window) => {
  await window.statusIs("ready");
  await window.goTo(1, "get(a".length);
  await window.type(", timeout=5");
  await window.goTo(2, "get(b".length);
  await window.type(", timeout=5");
  await drawnIs(window, "+, timeout=5");
  await window.press("Tab");
  await cursorIsOn(window, 3);
  await window.press("Tab");
  await drawnIs(window, "+, timeout=5");
  await cursorIsOn(window, 3);
  await window.press("Tab");
  await cursorIsOn(window, 4);
  await window.press("Tab");
  await drawnIs(window);
  assert.equal(await window.saved("chain.py"), CALLS.replaceAll(/(get\(.)/g, "$1, timeout=5"));
});

const LONG = `def total(prices):\n${"    print('x')\n".repeat(80)}    return prices\n`;

stage.story("a place out of sight is named beside the cursor", { "long.py": LONG }, async (window) => {
  await window.statusIs("ready");
  await retype(window, 1, "def total(prices".length, "costs");
  await drawnIs(window, "+↓ next edit: line 82 (Tab)");
  await window.press("Tab");
  await cursorIsOn(window, 82);
  await drawnIs(window, ...PLACE);
  await window.press("Tab");
  await drawnIs(window);
  assert.equal(await window.saved("long.py"), LONG.replaceAll("prices", "costs"));
});

stage.story("Tab takes ghost text first, and indents in the indentation", { "ghost.py": SHOP }, async (window) => {
  await rename(window);
  await stage.engine.says("- best", " + 1");
  await window.goTo(4, "    return sum(prices) - best".length);
  await window.press("Alt+\\");
  await window.ghostIs(" + 1");
  await window.press("Tab");
  await window.noGhost();
  const taken = FIRST_ONLY.replace("- best", "- best + 1");
  assert.equal(await window.saved("ghost.py"), taken);
  await window.press("Control+Home", "Tab");
  assert.equal(await window.saved("ghost.py"), `    ${taken}`);
});
