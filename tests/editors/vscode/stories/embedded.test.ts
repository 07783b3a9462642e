/** The real engine with the embedded model: nothing is configured, two windows share it, and it comes back. */

import assert from "node:assert/strict";
import { engines, languageServers } from "../harness/processes.ts";
import { BEGUN, INVENTORY, METHOD, NAMES, SUMMARY } from "../harness/samples.ts";
import { Stage } from "../harness/stage.ts";
import { until } from "../harness/waiting.ts";

const models = process.env["INFILL_PICTURE_MODELS"];
const stage = new Stage({ engine: null, environment: models === undefined ? {} : { XDG_DATA_HOME: models } });

stage.story("nothing is configured, and ghost text appears", { "inventory.py": INVENTORY }, async (window) => {
  await window.statusIs("ready");
  await until("the model's name", async () => !/Infill$/.test(await window.statusText()) || undefined);
  await window.toEnd();
  await window.type(METHOD);
  await window.type(SUMMARY);
  const ghost = await window.typeUntilGhost(NAMES);
  if (process.env["INFILL_PICTURE"] !== undefined) {
    await window.page.screenshot({ path: process.env["INFILL_PICTURE"] });
  }
  await window.press("Tab");
  await window.noGhost();
  assert.ok((await window.saved("inventory.py")).includes(`${NAMES}${ghost.split("\n")[0]}`));
});

stage.story("two windows share one engine", {}, async () => {
  const other = await stage.code.open({ "other.py": INVENTORY });
  await other.edit("other.py");
  await other.statusIs("ready");
  assert.equal((await languageServers(stage.code)).length, 2);
  assert.equal((await engines(stage.code)).length, 1);
  await other.toEnd();
  await other.type(METHOD);
  await other.typeUntilGhost(BEGUN);
  await other.close();
});

stage.story("an engine that is killed comes back", { "killed.py": INVENTORY }, async (window) => {
  const [engine] = await engines(stage.code);
  assert.ok(engine !== undefined);
  process.kill(engine, "SIGKILL");
  await window.toEnd();
  await window.type(METHOD);
  await until("another engine", async () => {
    const running = await engines(stage.code);
    return (running.length === 1 && running[0] !== engine) || undefined;
  });
  await window.statusIs("ready");
  await window.typeUntilGhost(BEGUN);
});
