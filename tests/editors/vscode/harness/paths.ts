/** Paths of the repository and the cache. */

import { readdirSync } from "node:fs";
import * as path from "node:path";

export const HERE = path.resolve(import.meta.dirname, "..");
export const ROOT = path.resolve(HERE, "../../..");
export const CACHE = path.join(ROOT, ".cache/vscode");
export const NODE = path.join(CACHE, "bin/node");
export const CODE_SERVER = path.join(CACHE, "code-server/node_modules/code-server/lib/vscode/out/server-main.js");
export const VSIX = path.join(ROOT, "editors/vscode/dist/infill.vsix");
export const BIN = path.join(ROOT, ".venv/bin");
export const PYTHON = path.join(BIN, "python");
export const CHROMIUM =
  ["/usr/bin/chromium", "/usr/bin/chromium-browser"].find((file) =>
    readdirSync("/usr/bin").includes(path.basename(file)),
  ) ?? "chromium";
