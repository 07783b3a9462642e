/** Measures, inside the window, the time from a key to its ghost text. */

import type { Page } from "playwright-core";

interface TimedText {
  at: number;
  text: string;
}

interface KeyRecord {
  keys: TimedText[];
  ghosts: TimedText[];
}

/** Records when keys go down and when the ghost text changes, in milliseconds since 1970. */
export class Stopwatch {
  private readonly page: Page;

  constructor(page: Page) {
    this.page = page;
  }

  async start(): Promise<void> {
    await this.page.evaluate(() => {
      const record: KeyRecord = { keys: [], ghosts: [] };
      const now = () => performance.timeOrigin + performance.now();
      const read = () =>
        [...document.querySelectorAll(".ghost-text-decoration, .suggest-preview-text .view-line")]
          .map((node) => node.textContent)
          .join("");
      let shown = read();
      addEventListener("keydown", (event) => record.keys.push({ at: now(), text: event.key }), {
        capture: true,
      });
      new MutationObserver(() => {
        const text = read();
        if (text !== shown) {
          shown = text;
          record.ghosts.push({ at: now(), text });
        }
      }).observe(document.body, { subtree: true, childList: true, characterData: true });
      (globalThis as unknown as { infillRecord: KeyRecord }).infillRecord = record;
    });
  }

  /** Return what was recorded since the last call. */
  async read(): Promise<KeyRecord> {
    return this.page.evaluate(() => {
      const record = (globalThis as unknown as { infillRecord: KeyRecord }).infillRecord;
      return { keys: record.keys.splice(0), ghosts: record.ghosts.splice(0) };
    });
  }
}

/** When a key went down and when its ghost text appeared, in milliseconds since 1970. */
export interface Span {
  key: number;
  shown: number;
}

/** Times in milliseconds from a key to the ghost text it brought, by what was shown when the key went down. */
export interface Times {
  /** No ghost text was shown, and some appeared before the next key. */
  fresh: Span[];
  /** The key was the next character of the ghost text, which then appeared without it. */
  known_ms: number[];
  /** Places where no ghost text appeared at all. */
  none: number;
  keys: number;
}

/** Add the record of one place to `times`. */
export function add(times: Times, { keys, ghosts }: KeyRecord): void {
  keys.forEach((key, index) => {
    const before = ghosts.findLast((ghost) => ghost.at < key.at)?.text ?? "";
    const until = keys[index + 1]?.at ?? Infinity;
    const after = ghosts.filter((ghost) => ghost.at >= key.at && ghost.at < until);
    if (before === "") {
      // A fast machine shows ghost text between two keys of a word, so every key counts, not only the last one.
      const shown = after.find((ghost) => ghost.text !== "");
      if (shown !== undefined) {
        times.fresh.push({ key: key.at, shown: shown.at });
      }
    } else if (before.startsWith(key.text) && after[0]?.text === before.slice(key.text.length)) {
      times.known_ms.push(after[0].at - key.at);
    }
  });
  times.keys += keys.length;
  if (ghosts.every((ghost) => ghost.text === "")) {
    times.none++;
  }
}

/** Return the value below which the share `q` of `values` lies. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? NaN;
}
