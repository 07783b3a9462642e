/** A file, and lines typed at its end that the embedded model is sure how to continue: what it is unsure of is not shown. */

import { readFileSync } from "node:fs";
import * as path from "node:path";
import { ROOT } from "./places.ts";

export const INVENTORY = readFileSync(path.join(ROOT, "examples/inventory.py"), "utf8");

/** The head of a method; VS Code indents what follows it. */
export const METHOD = "\n    def names(self) -> list[str]:\n";

/** Its confidence was 0.87, and 0.5 is the least that is shown; the lines of a story that are close to that fail by chance. */
export const BEGUN = "return [item for it";
