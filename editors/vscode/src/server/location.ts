/** Finds the server's program for this window: the setting, `PATH`, or the extension's own copy. */

import * as path from "node:path";
import * as vscode from "vscode";
import { machineSetting } from "../settings";
import { ownServer } from "./install";
import { isProgram, onPath, type Surroundings } from "./program";

/** The path of the program, or the reason why none was found, with the next step. */
export type Location =
  | { found: true; server: string }
  | { found: false; program: "failed" | "missing"; reason: string };

/** Return the server's path: the setting, else `PATH`, else the extension's own copy in `storage`. */
export async function locate(storage: string): Promise<Location> {
  const named = machineSetting("server.path");
  if (named !== undefined) {
    if (path.isAbsolute(named) && (await isProgram(named))) {
      return { found: true, server: named };
    }
    const reason = `The setting infill.server.path names ${named}, which is not a program; correct it or remove it.`;
    return { found: false, program: "failed", reason };
  }
  const own = ownServer(storage);
  const server = (await onPath(["infill-ls"], surroundings())) ?? ((await isProgram(own)) ? own : undefined);
  if (server !== undefined) {
    return { found: true, server };
  }
  const reason = "infill-ls is not on PATH; let the extension install it, or name it in infill.server.path.";
  return { found: false, program: "missing", reason };
}

/** Return the folders of this window and the `PATH` to search. */
export function surroundings(): Surroundings {
  const folders = vscode.workspace.workspaceFolders ?? [];
  return {
    workspace: folders.filter(({ uri }) => uri.scheme === "file").map(({ uri }) => uri.fsPath),
    searchPath: process.env["PATH"] ?? "",
  };
}
