/** A file, and lines typed at its end that the embedded model continues with confidence, since others are not shown. */

import { readFileSync } from "node:fs";
import * as path from "node:path";
import { ROOT } from "./paths.ts";

export const INVENTORY = readFileSync(path.join(ROOT, "examples/inventory.py"), "utf8");

/** The head of a method; VS Code indents what follows it. */
export const METHOD = "\n    def names(self) -> list[str]:\n";

/** Measured confidence: 0.87. The threshold is 0.5; a line close to it would make a story fail by chance. */
export const BEGUN = "return [item for it";
