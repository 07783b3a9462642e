/** Controls the scripted engine, which `scripted.py` runs. */

import { type ChildProcess, spawn } from "node:child_process";
import * as readline from "node:readline";
import { PYTHON, ROOT } from "./paths.ts";
import { until, within } from "./waiting.ts";

export interface Request {
  tail: string;
  text: string;
  /** Whether nobody waits for it: the server asks by itself, in a pause or for what may come next. */
  ahead: boolean;
}

export class ScriptedEngine {
  readonly everything: Request[] = [];
  private obeyed = 0;
  private isListening = false;
  private readonly child: ChildProcess;

  private constructor(environment: NodeJS.ProcessEnv, args: string[]) {
    this.child = spawn(PYTHON, ["-m", "tests.editors.vscode.scripted", ...args], {
      cwd: ROOT,
      env: { ...process.env, ...environment },
      stdio: ["pipe", "pipe", "inherit"],
    });
    readline.createInterface({ input: this.child.stdout! }).on("line", (line) => this.heard(JSON.parse(line)));
  }

  static async start(environment: NodeJS.ProcessEnv, ...args: string[]): Promise<ScriptedEngine> {
    const engine = new ScriptedEngine(environment, args);
    await until("the scripted engine listens", () => engine.isListening || undefined);
    return engine;
  }

  /** A request whose prefix ends with `when` gets `texts`, one per candidate. */
  async says(when: string, ...texts: string[]): Promise<void> {
    await this.order({ say: { when, texts } });
  }

  /** Replies stop before `token`. */
  async holds(token: string): Promise<void> {
    await this.order({ hold: token });
  }

  async releases(): Promise<void> {
    await this.order({ release: true });
  }

  /** Load the model, which `--hold-load` delays. */
  async loads(): Promise<void> {
    await this.order({ load: true });
  }

  /** The requests for which somebody waits. */
  get requests(): Request[] {
    return this.everything.filter(({ ahead }) => !ahead);
  }

  async stop(): Promise<void> {
    const gone = new Promise((resolve) => this.child.once("exit", resolve));
    this.child.stdin!.end();
    await within("the scripted engine ends", gone);
  }

  private async order(order: object): Promise<void> {
    const count = this.obeyed + 1;
    this.child.stdin!.write(`${JSON.stringify(order)}\n`);
    await until("the scripted engine obeys", () => this.obeyed >= count || undefined);
  }

  private heard(event: { event: string } & Request): void {
    if (event.event === "request") {
      this.everything.push(event);
    }
    this.obeyed += event.event === "obeyed" ? 1 : 0;
    this.isListening ||= event.event === "listening";
  }
}
