/** A test in a window of its own; when it fails, the picture of the window stays in `.cache/vscode/failed`. */

import { mkdir } from "node:fs/promises";
import * as path from "node:path";
import { test } from "node:test";
import type { Code } from "./code.ts";
import { CACHE } from "./places.ts";
import type { Window } from "./window.ts";

/** Tell a story in a new window of `code()` whose folder holds `files`. */
export function story(name: string, code: () => Code, files: Record<string, string>, tell: (window: Window) => Promise<void>): void {
  void test(name, async () => {
    const window = await code().open(files);
    try {
      await tell(window);
    } catch (error) {
      const folder = path.join(CACHE, "failed");
      await mkdir(folder, { recursive: true });
      await window.page.screenshot({ path: path.join(folder, `${name.replaceAll(/\W+/g, "-")}.png`) }).catch(() => undefined);
      throw error;
    } finally {
      await window.close();
    }
  });
}
