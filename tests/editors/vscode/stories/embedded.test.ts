/** The real engine with the embedded model: nothing is configured, two windows share it, and it is fast. */

import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { cpus, loadavg } from "node:os";
import * as path from "node:path";
import { CACHE } from "../harness/paths.ts";
import { engines, languageServers } from "../harness/processes.ts";
import { BEGUN, INVENTORY, METHOD } from "../harness/samples.ts";
import { Stage } from "../harness/stage.ts";
import { add, quantile, Stopwatch, type Times } from "../harness/stopwatch.ts";
import { until } from "../harness/waiting.ts";

const stage = new Stage({ engine: null });

stage.story("nothing is configured, and ghost text appears", { "inventory.py": INVENTORY }, async (window) => {
  await window.statusIs("ready");
  await until("the model's name", async () => !/Infill$/.test(await window.statusText()) || undefined);
  await window.toEnd();
  await window.type("\n    def cheap(self, limit: float) -> list[Item]:\n");
  await window.type('"""Return the items that cost less than ``limit``."""\n');
  const ghost = await window.typeUntilGhost(BEGUN);
  if (process.env["INFILL_PICTURE"] !== undefined) {
    await window.page.screenshot({ path: process.env["INFILL_PICTURE"] });
  }
  await window.press("Tab");
  await window.noGhost();
  assert.ok((await window.saved("inventory.py")).includes(`${BEGUN}${ghost.split("\n")[0]}`));
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

/** The file for the measured times; without it, only every third place is measured, as a test of the measurement. */
const KEPT = process.env["INFILL_LATENCY"];

/** Line and column of places in the middle of lines of code, spread over the file. */
function places(text: string): [number, number][] {
  const lines = text.split("\n");
  return lines.flatMap((line, index): [number, number][] => {
    const code = line.trimStart();
    const isCode = /^(return|self|if|for|with|raise|json|inventory)\b/.test(code) && code.length > 20;
    return isCode ? [8, 14].map((step) => [index + 1, line.length - code.length + step]) : [];
  });
}

stage.story("ghost text comes soon after the key", { "speed.py": INVENTORY }, async (window) => {
  await window.statusIs("ready");
  const stopwatch = new Stopwatch(window.page);
  await stopwatch.start();
  const times: Times = { fresh_ms: [], known_ms: [], none: 0 };
  const chosen = places(INVENTORY).filter((_place, index) => KEPT !== undefined || index % 3 === 0);
  for (const [line, column] of chosen) {
    const typed = INVENTORY.split("\n")[line - 1]!.slice(column - 4, column);
    await window.goTo(line, column - 4);
    await window.press("Shift+End", "Delete", "Escape");
    await stopwatch.read();
    await window.page.keyboard.type(typed, { delay: 90 });
    await window.someGhostWithin(3000);
    const ghost = await window.ghost();
    if (/^[\w(]/.test(ghost)) {
      await window.page.keyboard.type(ghost[0]!);
      await window.settle();
    }
    add(times, await stopwatch.read());
    await window.run("File: Revert File");
    await window.clean("speed.py");
  }
  const summary = (values: number[]) => ({
    samples: values.length,
    p50_ms: Math.round(quantile(values, 0.5)),
    p90_ms: Math.round(quantile(values, 0.9)),
  });
  const report = {
    what: "VS Code in headless Chromium, embedded model on the CPU: from a key to the ghost text on the screen",
    fresh: summary(times.fresh_ms),
    known: summary(times.known_ms),
    without_suggestion: times.none,
    cores: cpus().length,
    load_average: Number(loadavg()[0]!.toFixed(1)),
  };
  console.log(JSON.stringify(report, undefined, 2));
  await mkdir(CACHE, { recursive: true });
  await writeFile(KEPT ?? path.join(CACHE, "latency.json"), `${JSON.stringify(report, undefined, 2)}\n`);
  assert.ok(times.fresh_ms.length > chosen.length / 2, "most places get a suggestion");
  assert.ok(times.none < chosen.length / 2, "few places get none");
  assert.ok(times.known_ms.length > 5, "typing through is measured");
});
