/** The parts of the extension that do not need VS Code: status, program, explanation; and the harness's stopwatch. */

import assert from "node:assert/strict";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { after, test } from "node:test";
import { explanation } from "../../../../editors/vscode/src/explanation.ts";
import { cleanEnvironment, onPath } from "../../../../editors/vscode/src/server/program.ts";
import {
  type Facts,
  INITIAL,
  shortName,
  status,
  withProgress,
  withStatus,
} from "../../../../editors/vscode/src/state.ts";
import { cameAtPause, type Hop, journey, medians } from "../harness/hops.ts";
import { add, type Times } from "../harness/stopwatch.ts";

const running: Facts = { ...INITIAL, program: "running" };
const ready = withStatus(running, { kind: "Normal", busy: false, reason: "", model: "codellama/CodeLlama-7b-hf" });

void test("a load shows its percentage until the model is there", () => {
  const loading = withProgress(withStatus(running, { kind: "Warning", busy: false, reason: "Reading weights" }), {
    kind: "report",
    percentage: 42,
  });
  assert.equal(status(loading).kind, "loading");
  assert.match(status(loading).text, /42%/);
  assert.equal(status(withProgress(loading, { kind: "end" })).text.includes("%"), false);
  assert.equal(status(withStatus(loading, { kind: "Normal", model: "m" })).kind, "ready");
});

void test("the model's name is the last part of its id, shortened", () => {
  assert.match(status(ready).text, /CodeLlama-7b-hf$/);
  assert.equal(shortName(`/models/${"x".repeat(60)}`).length, 24);
});

void test("a failed program hides the user's choice, and that hides the engine's state", () => {
  const busy = withStatus(ready, { kind: "Normal", busy: true });
  assert.equal(status(busy).kind, "busy");
  assert.equal(status({ ...busy, language: "sql", languageOn: false }).kind, "off");
  assert.equal(status({ ...busy, languageOn: false, language: "sql", enabled: false }).kind, "paused");
  assert.equal(status({ ...busy, enabled: false, program: "failed", reason: "It broke." }).tooltip, "It broke.");
});

void test("an ill-typed status clears the reason and changes nothing else", () => {
  assert.deepEqual(withStatus(ready, { kind: 7, busy: "yes", reason: 1, model: "" }), { ...ready, reason: undefined });
});

const folder = mkdtempSync(path.join(tmpdir(), "units-"));
after(() => rmSync(folder, { recursive: true }));

function program(...parts: string[]): string {
  const file = path.join(folder, ...parts);
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, "#!/bin/sh\n");
  chmodSync(file, 0o755);
  return file;
}

void test("no program of the workspace is started, however PATH leads there", async () => {
  program("work/.venv/bin/infill-ls");
  const good = program("system/bin/infill-ls");
  symlinkSync(path.join(folder, "work"), path.join(folder, "link"));
  const searchPath = [
    ".",
    "bin",
    path.join(folder, "work/.venv/bin"),
    path.join(folder, "link/.venv/bin"),
    path.dirname(good),
  ].join(path.delimiter);
  assert.equal(await onPath(["infill-ls"], { workspace: [path.join(folder, "work")], searchPath }), good);
  assert.equal(await onPath(["infill-ls"], { workspace: [folder], searchPath }), undefined);
});

void test("Python's environment variables are not passed on", () => {
  const clean = cleanEnvironment({
    HOME: "/h",
    PYTHONPATH: ".",
    PYTHONHOME: "/x",
    PYTHONSTARTUP: "s.py",
    VIRTUAL_ENV: "/w/.venv",
    API_KEY: "k",
  });
  assert.deepEqual(clean, { HOME: "/h", API_KEY: "k", PYTHONSAFEPATH: "1", PYTHONUTF8: "1" });
});

void test("an explanation keeps code as it is", () => {
  const page = explanation("a.py 1:2", {
    suggestions: [],
    reason: "A filter removed it.",
    request: { top_p: 0.9 },
    candidates: [{ raw: "x = ```\ny" }],
  });
  assert.match(page, /^# a\.py 1:2\n\nNo suggestion\. A filter removed it\./);
  assert.match(page, /- top p: `0\.900`/);
  assert.match(page, /````\nx = ```\ny\n````/);
});

void test("a key is timed when ghost text appears before the next key", () => {
  const times: Times = { fresh: [], known_ms: [], none: 0, keys: 0 };
  const keys = [..."if x"].map((text, index) => ({ at: 100 * index, text }));
  add(times, {
    keys,
    ghosts: [
      { at: 120, text: " xy:" },
      { at: 205, text: "xy:" },
      { at: 310, text: "y:" },
    ],
  });
  const fresh = [{ key: 100, shown: 120 }];
  assert.deepEqual(times, { fresh, known_ms: [5, 10], none: 0, keys: 4 });
  add(times, { keys, ghosts: [{ at: 350, text: "y:" }] });
  fresh.push({ key: 300, shown: 350 });
  assert.deepEqual(times, { fresh, known_ms: [5, 10], none: 0, keys: 8 });
  add(times, { keys, ghosts: [] });
  assert.deepEqual(times, { fresh, known_ms: [5, 10], none: 1, keys: 12 });
});

void test("a key's journey is traced if the engine answered it", () => {
  const log: Hop[] = [
    { hop: "changed", at_ms: 105, version: 2 },
    { hop: "asked", at_ms: 110, request: 1, is_lookahead: false },
    { hop: "requested", at_ms: 150, version: 2 },
    { hop: "finished", at_ms: 155, request: 1, is_lookahead: false },
    { hop: "answered", at_ms: 160, version: 2, suggestions: 1 },
  ];
  const times = { key: 100, changed: 105, requested: 150, asked: 110, finished: 155, answered: 160, shown: 170 };
  assert.deepEqual(journey(log, { key: 100, shown: 170 }), times);
  assert.equal(medians([times])["shown_ms"], 70);
  assert.equal(journey(log.slice(0, 1), { key: 100, shown: 170 }), undefined);
  const known = log.filter(({ hop }) => hop !== "asked" && hop !== "finished");
  assert.equal(journey(known, { key: 100, shown: 170 }), undefined);
});

void test("ghost text that a pause brought is told apart from a late answer to the key", () => {
  const nothing: Hop[] = [
    { hop: "answered", at_ms: 90, version: 1, suggestions: 1 },
    { hop: "requested", at_ms: 150, version: 2 },
    { hop: "answered", at_ms: 155, version: 2, suggestions: 0 },
  ];
  const grown: Hop[] = [
    ...nothing,
    { hop: "requested", at_ms: 540, version: 2 },
    { hop: "answered", at_ms: 550, version: 2, suggestions: 1 },
  ];
  const late: Hop[] = [...nothing.slice(0, 2), { hop: "answered", at_ms: 550, version: 2, suggestions: 1 }];
  const span = { key: 100, shown: 560 };
  assert.equal(cameAtPause(grown, span), true);
  assert.equal(cameAtPause(late, span), false);
  assert.equal(cameAtPause(nothing, span), false);
});
