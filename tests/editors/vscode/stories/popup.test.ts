/** With the setting on, suggestions are also entries of the completion menu. */

import assert from "node:assert/strict";
import { Stage } from "../harness/stage.ts";

const stage = new Stage({ settings: { "infill.popup.enabled": true } });

stage.story(
  "an entry of the popup replaces the word",
  { "popup.py": "def popup(alpha, beta):\n    return al" },
  async (window) => {
    await stage.engine.says("return al", "pha + beta");
    await window.statusIs("ready");
    await window.toEnd();
    await window.press("Control+Space");
    await window.popupLists("alpha + beta");
    await window.press("Enter");
    assert.equal(await window.saved("popup.py"), "def popup(alpha, beta):\n    return alpha + beta");
  },
);
