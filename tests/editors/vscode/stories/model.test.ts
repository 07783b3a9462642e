/** The menu's entries about models and the machine. */

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { BEGUN, INVENTORY, METHOD } from "../harness/samples.ts";
import { Stage } from "../harness/stage.ts";
import { until } from "../harness/waiting.ts";
import type { Window } from "../harness/window.ts";

const stage = new Stage();

async function answers(window: Window, model: string): Promise<void> {
  await window.statusIs("ready");
  await until(`${model} answers`, async () => (await window.statusText()).includes(model) || undefined);
}

/** Return the model in the machine's settings. */
async function written(): Promise<unknown> {
  const settings = await readFile(stage.code.at("user/Machine/settings.json"), "utf8");
  return (JSON.parse(settings) as Record<string, unknown>)["infill.engine.model"];
}

stage.story(
  "another model is one choice away, and so is the way back",
  { "inventory.py": INVENTORY },
  async (window) => {
    await answers(window, "scripted");
    await window.openMenu();
    await window.pick("Switch model");
    await window.choose("embedded");
    await answers(window, "infill-tiny");
    await until("the setting", async () => (await written()) === "embedded" || undefined);
    const asked = stage.engine.requests.length;
    await window.edit("inventory.py");
    await window.toEnd();
    await window.type(METHOD);
    await window.typeUntilGhost(BEGUN);
    assert.equal(stage.engine.requests.length, asked, "the other engine was asked");
    await window.press("Escape");
    await window.openMenu();
    await window.pick("Switch model");
    await window.choose("auto");
    await answers(window, "scripted");
    assert.equal(await written(), "auto");
  },
);

stage.story("the doctor reports on this machine", { "a.py": "" }, async (window) => {
  await window.menu("Doctor");
  const page = await window.pageText("Doctor");
  assert.match(page, /python: infill-ls/);
  assert.match(page, /packages: torch/);
});
