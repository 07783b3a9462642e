/** Asks the command line of the server's program, for what needs no open document. */

import { execFile } from "node:child_process";
import { cleanEnvironment } from "./program";

/** Run `server` with `args` and return what it printed, on either stream if it failed. */
export async function ask(server: string, args: readonly string[], cwd: string): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const options = { cwd, env: cleanEnvironment(process.env), maxBuffer: 16 << 20, timeout: 120_000, windowsHide: true };
  execFile(server, args, options, (error, stdout, stderr) => {
    if (error !== null && typeof error.code !== "number") {
      reject(new Error(`${server} cannot be run (${error.message}).`));
    } else {
      resolve(stdout.trim() === "" ? stderr : stdout);
    }
  });
  return promise;
}

/** A row of `infill-ls models list --json`. */
export interface Model {
  name: string;
  detail: string;
}

/** Return the models that `models list --json` names; an answer in another shape is an error. */
export function parseModels(printed: string): Model[] {
  const answer: unknown = JSON.parse(printed);
  const rows = Array.isArray(answer) ? answer : (answer as { models?: unknown }).models;
  if (!Array.isArray(rows)) {
    throw new Error("infill-ls models list --json printed no list of models.");
  }
  return rows.flatMap((row: Record<string, unknown>) => {
    const name = row["name"] ?? row["id"];
    return typeof name === "string" ? [{ name, detail: detail(row) }] : [];
  });
}

function detail(row: Record<string, unknown>): string {
  return Object.entries(row)
    .filter(([key, value]) => !["name", "id"].includes(key) && ["string", "number", "boolean"].includes(typeof value))
    .map(([key, value]) => `${key.replaceAll("_", " ")}: ${value}`)
    .join(" · ");
}
