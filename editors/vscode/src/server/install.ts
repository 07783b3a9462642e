/** The extension's own copy of the server: a virtual environment in its storage folder. */

import { spawn } from "node:child_process";
import { mkdir, rm } from "node:fs/promises";
import * as path from "node:path";
import * as readline from "node:readline";
import { cleanEnvironment, isProgram, onPath, type Surroundings } from "./program";

const WINDOWS = process.platform === "win32";
const PYTHONS = ["python3.13", "python3.12", "python3.11", "python3", "python"];
const OLDEST: readonly [number, number] = [3, 11];

/** A sentence for the user with the next step. */
export class InstallError extends Error {}

/** What to install, where, and how to report it. */
export interface Order {
  /** The folder that will hold the environment. */
  storage: string;
  /** What pip installs. */
  requirement: string;
  /** The Python that the user named, if any. */
  python: string | undefined;
  around: Surroundings;
  /** Called with a line about each step. */
  report: (line: string) => void;
  signal: AbortSignal;
}

/** Return the path of the server in `storage`, whether or not it exists. */
export function ownServer(storage: string): string {
  return path.join(scripts(storage), WINDOWS ? "infill-ls.exe" : "infill-ls");
}

function scripts(storage: string): string {
  return path.join(storage, "venv", WINDOWS ? "Scripts" : "bin");
}

/** Make or update the environment and return the server's path; raises InstallError. */
export async function install(order: Order): Promise<string> {
  await mkdir(order.storage, { recursive: true });
  const inside = path.join(scripts(order.storage), WINDOWS ? "python.exe" : "python");
  if (!(await isProgram(inside))) {
    const python = await suitablePython(order);
    order.report(`Making an environment with ${python}`);
    await rm(path.join(order.storage, "venv"), { recursive: true, force: true });
    await run(python, ["-I", "-m", "venv", path.join(order.storage, "venv")], order);
  }
  order.report("Downloading the server");
  const pip = [
    "-I",
    "-m",
    "pip",
    "install",
    "--upgrade",
    "--disable-pip-version-check",
    "--no-input",
    "--progress-bar",
    "off",
  ];
  await run(inside, [...pip, order.requirement], order);
  const server = ownServer(order.storage);
  if (!(await isProgram(server))) {
    throw new InstallError(
      `pip installed ${order.requirement}, but it contains no infill-ls; correct the setting infill.server.package.`,
    );
  }
  return server;
}

async function suitablePython(order: Order): Promise<string> {
  const candidates = order.python === undefined ? [] : [order.python];
  if (order.python === undefined) {
    for (const name of PYTHONS) {
      const found = await onPath([name], order.around);
      if (found !== undefined) {
        candidates.push(found);
      }
    }
  }
  for (const candidate of candidates) {
    if (await isRecent(candidate, order)) {
      return candidate;
    }
  }
  const oldest = OLDEST.join(".");
  throw new InstallError(
    order.python === undefined
      ? `No Python ${oldest} or newer is on PATH; install one, or name it in the setting infill.server.python.`
      : `${order.python} is not Python ${oldest} or newer; correct the setting infill.server.python.`,
  );
}

async function isRecent(python: string, order: Order): Promise<boolean> {
  try {
    const version = await run(python, ["-I", "-c", "import sys, venv, ensurepip; print(*sys.version_info[:2])"], {
      ...order,
      report: () => {},
    });
    const [major = 0, minor = 0] = version.trim().split(" ").map(Number);
    return major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1]);
  } catch (error) {
    if (order.signal.aborted) {
      throw error;
    }
    return false;
  }
}

/** Run a program, report each line of its output, and return its stdout. */
async function run(command: string, args: readonly string[], order: Order): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const child = spawn(command, args, {
    cwd: order.storage,
    env: cleanEnvironment(process.env),
    signal: order.signal,
    stdio: ["ignore", "pipe", "pipe"],
    windowsHide: true,
  });
  const printed: string[] = [];
  let problem = "";
  readline.createInterface({ input: child.stdout }).on("line", (line) => {
    printed.push(line);
    order.report(line);
  });
  readline.createInterface({ input: child.stderr }).on("line", (line) => {
    problem = line.trim() || problem;
    order.report(line);
  });
  child.on("error", reject);
  child.on("close", (code) => {
    if (code === 0) {
      resolve(printed.join("\n"));
    } else {
      reject(
        new InstallError(
          `${path.basename(command)} ended with code ${code}: ${problem || printed.at(-1) || "no message"}`,
        ),
      );
    }
  });
  return promise;
}
