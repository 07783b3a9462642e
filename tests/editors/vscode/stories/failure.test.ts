/** A model that cannot be loaded. */

import assert from "node:assert/strict";
import { Stage } from "../harness/stage.ts";

const stage = new Stage({
  engine: ["--hold-load", "--load-error", "The model folder /models/none does not exist; correct engine.model."],
});

stage.story("an error shows its reason, and editing goes on", { "error.py": "x = 1" }, async (window) => {
  // An engine without a model exits after a while, possibly before a window is open.
  await window.statusIs("loading");
  await stage.engine.loads();
  assert.match(await window.statusIs("error"), /does not exist; correct engine\.model/);
  await window.toEnd();
  await window.type("0");
  assert.equal(await window.saved("error.py"), "x = 10");
});
