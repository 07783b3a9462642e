/** What a window shows of next edits. */

import assert from "node:assert/strict";
import { until } from "./waiting.ts";
import type { Window } from "./window.ts";

/** Return what is drawn, from top to bottom: `-old`, `+new`, and hints as `+↓ …`. */
export async function drawn(window: Window): Promise<string[]> {
  return window.page.evaluate(() => {
    const lines = [...document.querySelectorAll<HTMLElement>(".editor-instance .view-lines .view-line")];
    lines.sort((a, b) => Number.parseFloat(a.style.top) - Number.parseFloat(b.style.top));
    const found: string[] = [];
    for (const span of lines.flatMap((line) => [...line.querySelectorAll("span span")])) {
      const text = (span.textContent ?? "").replaceAll("\u00a0", " ");
      if (text !== "" && getComputedStyle(span).textDecorationLine === "line-through") {
        found.push(`-${text}`);
      }
      const after = getComputedStyle(span, "::after").content;
      if (after.startsWith('"') && after !== '""') {
        found.push(`+${after.slice(1, -1).replaceAll("\u00a0", " ")}`);
      }
    }
    return found;
  });
}

/** Wait until exactly this is drawn. */
export async function drawnIs(window: Window, ...wanted: string[]): Promise<void> {
  let last: string[] = [];
  try {
    await until(
      "next edits",
      async () => {
        last = await drawn(window);
        return JSON.stringify(last) === JSON.stringify(wanted) || undefined;
      },
      30_000,
    );
  } catch {
    assert.deepEqual(last, wanted, "what is drawn at the deadline");
  }
}

/** Wait until the cursor is on a line, from 1. */
export async function cursorIsOn(window: Window, line: number): Promise<void> {
  await window.page.locator("#status\\.editor\\.selection", { hasText: `Ln ${line},` }).waitFor();
}

/** Replace the word before the cursor, whose place is given as for `goTo`. */
export async function retype(window: Window, line: number, column: number, word: string): Promise<void> {
  await window.goTo(line, column);
  await window.press("Control+Backspace");
  await window.type(word);
}
