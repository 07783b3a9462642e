// Bundles the extension into dist/ and copies the licence of the repository beside the manifest, where vsce looks for it.
import { copyFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = fileURLToPath(new URL("..", import.meta.url));

await build({
  absWorkingDir: here,
  // Two files: the language client, most of the code, is loaded when the server starts.
  entryPoints: { extension: "src/extension.ts", session: "src/server/session.ts" },
  outdir: "dist",
  bundle: true,
  minify: true,
  platform: "node",
  target: "node22",
  format: "cjs",
  external: ["vscode", "./session.js"],
  supported: { "dynamic-import": false },
  legalComments: "none",
  logLevel: "warning",
});
await copyFile(new URL("../../../LICENSE", import.meta.url), new URL("../LICENSE", import.meta.url));
