/** The processes of a VS Code under test, found by their environment. */

import { readdir, readFile } from "node:fs/promises";
import type { Code } from "./code.ts";

/** Return the ids of the language servers that `code` runs. */
export async function languageServers(code: Code): Promise<number[]> {
  return processes(
    code,
    (command) =>
      command.some((word) => word.endsWith("/infill-ls") || word.endsWith("/hops.py")) && !command.includes("engine"),
  );
}

/** Return the ids of the engines that were started for `code`. */
export async function engines(code: Code): Promise<number[]> {
  return processes(code, (command) => command.includes("infill_completion.engine") && command.includes("serve"));
}

/** Return the processor time that a process has used. */
export async function processor_ms(id: number): Promise<number> {
  // The second field is the name in brackets, which may contain anything; a tick is 10 ms.
  const fields = (await readFile(`/proc/${id}/stat`, "utf8")).split(") ").at(-1)!.split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

async function processes(code: Code, fits: (command: string[]) => boolean): Promise<number[]> {
  const ids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(ids.map(async (id) => ((await belongs(id, code, fits)) ? Number(id) : undefined)));
  return found.filter((id) => id !== undefined);
}

async function belongs(id: string, code: Code, fits: (command: string[]) => boolean): Promise<boolean> {
  try {
    const command = (await readFile(`/proc/${id}/cmdline`, "utf8")).split("\0");
    return (
      fits(command) &&
      (await readFile(`/proc/${id}/environ`, "utf8"))
        .split("\0")
        .includes(`XDG_RUNTIME_DIR=${code.environment["XDG_RUNTIME_DIR"]}`)
    );
  } catch {
    return false; // it ended in the meantime
  }
}
