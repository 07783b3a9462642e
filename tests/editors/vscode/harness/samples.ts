/** A file, and lines typed at its end that the embedded model continues with confidence, since others are not shown. */

import { readFileSync } from "node:fs";
import * as path from "node:path";
import { ROOT } from "./paths.ts";

export const INVENTORY = readFileSync(path.join(ROOT, "examples/inventory.py"), "utf8");

/** The head of a method; VS Code indents what follows it. */
export const METHOD = "\n    def names(self) -> list[str]:\n";

/** What the method does. */
export const SUMMARY = '"""Return the names of all items."""\n';

/** Measured confidence: 0.87. The threshold is 0.5; a line close to it would make a story fail by chance. */
export const BEGUN = "return [item for it";

/** The same after the summary, for the small model too: 0.89 and 0.76. */
export const NAMES = "return [item.name for it";
