/** A broken program named in the settings. */

import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { after } from "node:test";
import { Stage } from "../harness/stage.ts";

const folder = mkdtempSync(path.join(tmpdir(), "broken-"));
after(() => rmSync(folder, { recursive: true }));
const broken = path.join(folder, "infill-ls");
writeFileSync(broken, "#!/bin/sh\necho 'ImportError: something is missing' >&2\nexit 1\n");
chmodSync(broken, 0o755);

const stage = new Stage({ engine: null, machine: { "infill.server.path": broken } });

stage.story(
  "its last words are the reason, and a repaired one is started from the menu",
  { "a.py": "x = 1" },
  async (window) => {
    assert.match(await window.statusIs("error"), /ImportError: something is missing.*restart the server/);
    writeFileSync(broken, "#!/bin/sh\nsleep 600\n");
    await window.menu("Restart the server");
    await window.statusIs("starting");
    writeFileSync(broken, "#!/bin/sh\nexit 3\n");
    await window.menu("Restart the server");
    await window.statusIs("error");
  },
);
