/** The server's command line, for questions that need no open document. */

import { execFile } from "node:child_process";
import { cleanEnvironment } from "./program";

/** Run `server` with `args` and return its stdout, or its stderr if stdout is empty. */
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

/** A model as a menu shows it. */
export interface Model {
  name: string;
  detail: string;
}

/** The fields used of a row of `infill-ls models list --json`. */
interface Row {
  id: string;
  support?: string;
  presence?: string;
  nf4_bytes?: number | null;
  note?: string;
}

const UNSUPPORTED = "not supported";

/** Return the models that the engine can run from the output of `models list --json`, those on this machine first. */
export function parseModels(printed: string): Model[] {
  const answer = JSON.parse(printed) as { models: Row[] };
  const rows = answer.models.filter(({ support }) => support !== UNSUPPORTED);
  const isHere = ({ presence }: Row) => presence !== "not here";
  return [...rows.filter(isHere), ...rows.filter((row) => !isHere(row))].map((row) => ({
    name: row.id,
    detail: detail(row),
  }));
}

function detail({ presence, support, nf4_bytes, note }: Row): string {
  const memory = typeof nf4_bytes === "number" ? `${(nf4_bytes / 2 ** 30).toFixed(1)} GiB in 4 bits` : "";
  return [presence, memory, support, note].filter(Boolean).join(" · ");
}
