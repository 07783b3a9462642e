/** How soon ghost text comes, with the real engine and the embedded model, and where the time goes. */

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { cpus, loadavg, tmpdir } from "node:os";
import * as path from "node:path";
import { after as afterwards } from "node:test";
import { cameAtPause, HopLog, journey, medians } from "../harness/hops.ts";
import { CACHE } from "../harness/paths.ts";
import { engines, languageServers, processor_ms } from "../harness/processes.ts";
import { INVENTORY } from "../harness/samples.ts";
import { Stage } from "../harness/stage.ts";
import { add, quantile, type Span, Stopwatch, type Times } from "../harness/stopwatch.ts";

const folder = mkdtempSync(path.join(tmpdir(), "hops-"));
afterwards(() => rmSync(folder, { recursive: true }));
const hopLog = new HopLog(folder);
const stage = new Stage({ engine: null, machine: { "infill.server.path": hopLog.program } });

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

/** Return the processor time of the processes that `find` finds. */
async function busy(find: (code: typeof stage.code) => Promise<number[]>): Promise<number> {
  const times_ms = await Promise.all((await find(stage.code)).map(processor_ms));
  return times_ms.reduce((sum, time_ms) => sum + time_ms, 0);
}

/** Return the number of requests to the engine: those of a user, or those for what may follow. */
function count(log: ReturnType<HopLog["read"]>, isLookahead: boolean): number {
  return log.filter(({ hop, is_lookahead }) => hop === "asked" && is_lookahead === isLookahead).length;
}

stage.story("ghost text comes soon after the key", { "speed.py": INVENTORY }, async (window) => {
  await window.statusIs("ready");
  const stopwatch = new Stopwatch(window.page);
  await stopwatch.start();
  const times: Times = { fresh: [], known_ms: [], none: 0, keys: 0 };
  const worked = async () => ({ server: await busy(languageServers), engine: await busy(engines) });
  const before = await worked();
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
  const after = await worked();
  const log = hopLog.read();
  const atPause = times.fresh.filter((span) => cameAtPause(log, span));
  const fresh = times.fresh.filter((span) => !cameAtPause(log, span));
  const journeys = fresh.map((span) => journey(log, span)).filter((found) => found !== undefined);
  const remembered = fresh.filter((span) => journey(log, span) === undefined);
  const took = (spans: readonly Span[]) => spans.map(({ key, shown }) => shown - key);
  const summary = (values: number[]) => ({
    samples: values.length,
    p50_ms: Math.round(quantile(values, 0.5)),
    p90_ms: Math.round(quantile(values, 0.9)),
  });
  const perKey = (value: number) => Math.round((value / times.keys) * 100) / 100;
  const report = {
    what: "VS Code in headless Chromium, embedded model on the CPU: from a key to the ghost text on the screen",
    fresh: summary(took(fresh)),
    fresh_from_engine: summary(took(journeys)),
    fresh_from_memory: summary(took(remembered)),
    after_a_pause: summary(took(atPause)),
    known: summary(times.known_ms),
    without_suggestion: times.none,
    hops_from_engine: medians(journeys),
    per_key: {
      keys: times.keys,
      engine_requests: perKey(count(log, false)),
      engine_requests_ahead: perKey(count(log, true)),
      server_processor_ms: perKey(after.server - before.server),
      engine_processor_ms: perKey(after.engine - before.engine),
    },
    cores: cpus().length,
    load_average: Number(loadavg()[0]!.toFixed(1)),
  };
  console.log(JSON.stringify(report, undefined, 2));
  await mkdir(CACHE, { recursive: true });
  await writeFile(KEPT ?? path.join(CACHE, "latency.json"), `${JSON.stringify(report, undefined, 2)}\n`);
  assert.ok(times.fresh.length > chosen.length / 2, "most places get a suggestion");
  assert.ok(times.none < chosen.length / 2, "few places get none");
  assert.ok(times.known_ms.length > 5, "typing through is measured");
});
