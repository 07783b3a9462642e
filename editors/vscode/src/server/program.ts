/** Finds the program to start and the environment to start it in. Does not need VS Code. */

import { constants } from "node:fs";
import { access, realpath, stat } from "node:fs/promises";
import { homedir } from "node:os";
import * as path from "node:path";

const WINDOWS = process.platform === "win32";

/** Where programs are searched: nothing here may be decided by a workspace. */
export interface Surroundings {
  /** The folders of the window; nothing inside them is ever started. */
  workspace: readonly string[];
  /** The `PATH` that is searched. */
  searchPath: string;
}

/** Return whether `file` is a program that this user may run. */
export async function isProgram(file: string): Promise<boolean> {
  try {
    await access(file, constants.X_OK);
    return (await stat(file)).isFile();
  } catch {
    return false;
  }
}

/**
 * Return the first of `names` on the search path, or undefined.
 *
 * Relative entries and entries inside the workspace are skipped: a project's own environment may be activated in
 * the terminal that started the editor, and must not run.
 */
export async function onPath(names: readonly string[], around: Surroundings): Promise<string | undefined> {
  const folders = around.searchPath.split(path.delimiter).filter((folder) => path.isAbsolute(folder));
  for (const name of names) {
    for (const folder of folders) {
      const file = path.join(folder, WINDOWS ? `${name}.exe` : name);
      if ((await isProgram(file)) && !(await isInside(file, around.workspace))) {
        return file;
      }
    }
  }
  return undefined;
}

async function isInside(file: string, folders: readonly string[]): Promise<boolean> {
  // The folder of the link counts, not its target: a workspace's `.venv/bin/python` links to the system's.
  const home = await realpath(path.dirname(file));
  for (const folder of folders) {
    const root = await realpath(folder).catch(() => folder);
    const relative = path.relative(root, home);
    if (relative === "" || (!relative.startsWith("..") && !path.isAbsolute(relative))) {
      return true;
    }
  }
  return false;
}

/** Return `written` with a leading `~` replaced by the user's folder. */
export function expanded(written: string): string {
  return written.replace(/^~(?=$|[\\/])/, homedir());
}

/**
 * Return the environment for Python programs of the extension.
 *
 * Python's variables (`PYTHONPATH`, `PYTHONHOME`, `PYTHONSTARTUP`, ...) are left out, so that no workspace decides what
 * is imported, and `PYTHONSAFEPATH` keeps the working directory out of `sys.path`.
 */
export function cleanEnvironment(inherited: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const kept = Object.entries(inherited).filter(([name]) => !/^(PYTHON|__PYVENV|VIRTUAL_ENV)/i.test(name));
  return { ...Object.fromEntries(kept), PYTHONSAFEPATH: "1", PYTHONUTF8: "1" };
}
