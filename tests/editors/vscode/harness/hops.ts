/** Where the time between a key and its ghost text goes: reads what `tests/editors/hops.py` logs. */

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import * as path from "node:path";
import { HERE, PYTHON } from "./paths.ts";
import { quantile, type Span } from "./stopwatch.ts";

/** One line of the log. */
export interface Hop {
  hop: "changed" | "requested" | "asked" | "finished" | "answered";
  at_ms: number;
  version?: number;
  request?: number;
  suggestions?: number;
  is_lookahead?: boolean;
}

/** A program in `folder` that runs `infill-ls` and logs its hops. */
export class HopLog {
  readonly program: string;
  private readonly file: string;

  constructor(folder: string) {
    this.file = path.join(folder, "hops.jsonl");
    this.program = path.join(folder, "infill-ls");
    const script = path.resolve(HERE, "../hops.py");
    writeFileSync(this.program, `#!/bin/sh\nexec '${PYTHON}' '${script}' '${this.file}' "$@"\n`, { mode: 0o755 });
  }

  /** Return the hops so far. */
  read(): Hop[] {
    const lines = existsSync(this.file) ? readFileSync(this.file, "utf8").split("\n").slice(0, -1) : [];
    return lines.map((line) => JSON.parse(line) as Hop);
  }
}

/** Times of one key's hops, in milliseconds since 1970. */
export type Journey = Record<"key" | "changed" | "requested" | "asked" | "finished" | "answered" | "shown", number>;

/** Return the journey of a key that needed the engine before its ghost text was shown; undefined if it did not. */
export function journey(log: readonly Hop[], { key, shown }: Span): Journey | undefined {
  const between = log.filter(({ at_ms }) => at_ms >= key && at_ms <= shown);
  const answered = between.findLast(({ hop, suggestions }) => hop === "answered" && suggestions !== 0);
  const finished = between.findLast(({ hop, is_lookahead }) => hop === "finished" && is_lookahead === false);
  const asked = log.find(({ hop, request }) => hop === "asked" && request === finished?.request);
  const changed = between.find(({ hop }) => hop === "changed");
  const requested = between.find(({ hop, version }) => hop === "requested" && version === answered?.version);
  if (!changed || !requested || !asked || !finished || !answered || finished.at_ms > answered.at_ms) {
    return undefined;
  }
  const [c, r, a, f, w] = [changed, requested, asked, finished, answered].map(({ at_ms }) => at_ms);
  return { key, changed: c!, requested: r!, asked: a!, finished: f!, answered: w!, shown };
}

/**
 * Whether ghost text came because of a pause and not because of the key: the key itself was answered, and had nothing
 * worth showing.
 */
export function cameAtPause(log: readonly Hop[], { key, shown }: Span): boolean {
  const between = log.filter(({ at_ms }) => at_ms >= key && at_ms <= shown);
  const own = between.find(({ hop }) => hop === "requested")?.version;
  const answers = between.filter(({ hop, version }) => hop === "answered" && version === own);
  return answers.length > 1 && answers[0]!.suggestions === 0;
}

/** Return the medians of the times from the key to each hop. */
export function medians(journeys: readonly Journey[]): Record<string, number> {
  const hops = ["changed", "requested", "asked", "finished", "answered", "shown"] as const;
  const median = (hop: (typeof hops)[number]) =>
    quantile(
      journeys.map((times) => times[hop] - times.key),
      0.5,
    );
  return Object.fromEntries(hops.map((hop) => [`${hop}_ms`, Math.round(median(hop))]));
}
