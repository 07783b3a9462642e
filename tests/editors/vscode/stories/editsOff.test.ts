/** Next edits that are switched off: nothing is drawn, and suggestions come as ever. */

import assert from "node:assert/strict";
import { drawn, retype } from "../harness/edits.ts";
import { Stage } from "../harness/stage.ts";

const stage = new Stage({ settings: { "infill.edits.enabled": false } });

const SHOP = `def total(prices):
    return sum(prices) - max(prices)
`;
const RENAMED = SHOP.replace("prices", "costs");

stage.story("nothing is drawn, Tab indents, and suggestions come", { "off.py": SHOP }, async (window) => {
  await window.statusIs("ready");
  await retype(window, 1, "def total(prices".length, "costs");
  // The answer to this comes after one for next edits would have, if they were asked for.
  await stage.engine.says("- max(prices)", " + 1");
  await window.goTo(2, "    return sum(prices) - max(prices)".length);
  await window.press("Alt+\\");
  await window.ghostIs(" + 1");
  await window.press("Escape");
  await window.noGhost();
  assert.deepEqual(await drawn(window), []);
  await window.press("Home", "Tab");
  assert.equal(await window.saved("off.py"), RENAMED.replace("    return", "        return"));
  assert.deepEqual(await drawn(window), []);
});
