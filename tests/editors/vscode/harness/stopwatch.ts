/** Times in the window itself: from a key to the ghost text that it brought. */

import type { Page } from "playwright-core";

interface Noted {
  at: number;
  text: string;
}

interface Notes {
  keys: Noted[];
  ghosts: Noted[];
}

/** Notes, from now on, when keys go down and when the ghost text changes; all times are the page's own clock. */
export class Stopwatch {
  private readonly page: Page;

  constructor(page: Page) {
    this.page = page;
  }

  async start(): Promise<void> {
    await this.page.evaluate(() => {
      const notes: Notes = { keys: [], ghosts: [] };
      const read = () =>
        [...document.querySelectorAll(".ghost-text-decoration, .suggest-preview-text .view-line")]
          .map((node) => node.textContent)
          .join("");
      let shown = read();
      addEventListener("keydown", (event) => notes.keys.push({ at: performance.now(), text: event.key }), {
        capture: true,
      });
      new MutationObserver(() => {
        const text = read();
        if (text !== shown) {
          shown = text;
          notes.ghosts.push({ at: performance.now(), text });
        }
      }).observe(document.body, { subtree: true, childList: true, characterData: true });
      (globalThis as unknown as { infillNotes: Notes }).infillNotes = notes;
    });
  }

  /** Return what was noted since the last call. */
  async read(): Promise<Notes> {
    return this.page.evaluate(() => {
      const notes = (globalThis as unknown as { infillNotes: Notes }).infillNotes;
      return { keys: notes.keys.splice(0), ghosts: notes.ghosts.splice(0) };
    });
  }
}

/** Times in milliseconds from a key to the ghost text it brought, by what was shown when the key went down. */
export interface Times {
  /** No ghost text was shown, and some appeared before the next key. */
  fresh_ms: number[];
  /** The key was the next character of the ghost text, which then appeared without it. */
  known_ms: number[];
  /** Places where no ghost text appeared at all. */
  none: number;
}

/** Add what was noted while one place was typed to `times`. */
export function add(times: Times, { keys, ghosts }: Notes): void {
  keys.forEach((key, index) => {
    const before = ghosts.findLast((ghost) => ghost.at < key.at)?.text ?? "";
    const until = keys[index + 1]?.at ?? Infinity;
    const after = ghosts.filter((ghost) => ghost.at >= key.at && ghost.at < until);
    if (before === "") {
      // A fast machine shows ghost text between two keys of a word, so every key counts, not only the last one.
      const shown = after.find((ghost) => ghost.text !== "");
      if (shown !== undefined) {
        times.fresh_ms.push(shown.at - key.at);
      }
    } else if (before.startsWith(key.text) && after[0]?.text === before.slice(key.text.length)) {
      times.known_ms.push(after[0].at - key.at);
    }
  });
  if (ghosts.every((ghost) => ghost.text === "")) {
    times.none++;
  }
}

/** Return the value below which the share `q` of `values` lies. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? NaN;
}
