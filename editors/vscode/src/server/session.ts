/** The running language server: started, watched, restarted, stopped. */

import { type ChildProcess, spawn } from "node:child_process";
import { mkdir } from "node:fs/promises";
import * as readline from "node:readline";
import type { Readable } from "node:stream";
import * as vscode from "vscode";
import { CloseAction, ErrorAction, State } from "vscode-languageclient";
import { LanguageClient, type LanguageClientOptions, type Middleware } from "vscode-languageclient/node";
import { narrowed } from "../narrowing";
import { SCHEMES, section, writtenSettings } from "../settings";
import { type Change, type StatusParams, withProgress, withStatus } from "../state";
import { cleanEnvironment } from "./program";

const MAX_RESTARTS = 5;
const RESTART_WINDOW_MS = 180_000;
const LAST_LINE_MS = 1_000;

/** The parameters of `infill/longer`: the document as it was when a suggestion in it had grown. */
interface LongerParams {
  textDocument: { uri: string; version: number };
}

/** The language client and its server process. */
export class Session {
  private client: LanguageClient | undefined;
  private starts = 0;
  private deaths: number[] = [];
  private lastLine = "";
  private closed: Promise<unknown> = Promise.resolve();
  private child: ChildProcess | undefined;
  private isGrowing = false;

  constructor(
    private readonly log: vscode.LogOutputChannel,
    private readonly storage: string,
    private readonly change: (change: Change) => void,
    private readonly completed: (document: vscode.TextDocument, isAny: boolean) => void,
  ) {}

  /** The process id of the server, while it runs. */
  get serverPid(): number | undefined {
    return this.child?.pid;
  }

  /** Start `server`; a failure ends up in the facts, not in an exception. */
  async start(server: string): Promise<void> {
    const start = ++this.starts;
    await this.stop();
    await mkdir(this.storage, { recursive: true });
    if (start !== this.starts) {
      return; // another start came in between
    }
    this.change((facts) => ({
      ...facts,
      program: "starting",
      engine: "starting",
      busy: false,
      reason: undefined,
      snoozedUntil: undefined,
    }));
    this.log.info(`Starting ${server}`);
    const client = new LanguageClient("infill", "Infill", () => this.spawn(server), this.options());
    this.client = client;
    client.onDidChangeState(({ newState }) => this.changed(client, newState));
    client.registerFeature({
      fillClientCapabilities: (capabilities) => {
        capabilities.experimental = { infillLonger: true };
      },
      initialize: () => undefined,
      getState: () => ({ kind: "static" }),
      clear: () => undefined,
    });
    client.onNotification("infill/status", (params: StatusParams) => this.change((facts) => withStatus(facts, params)));
    client.onNotification("infill/longer", async ({ textDocument }: LongerParams) => this.showLonger(textDocument));
    try {
      await client.start();
    } catch (error) {
      await this.failed(client, error instanceof Error ? error.message : String(error));
    }
  }

  /** Stop the server, if it runs. */
  async stop(): Promise<void> {
    const { client, child } = this;
    this.client = undefined;
    this.deaths = [];
    if (client?.state === State.Starting) {
      child?.kill(); // a server that has not answered `initialize` cannot be asked to shut down
    }
    try {
      await client?.dispose();
    } catch (error) {
      this.log.warn(`The server did not stop in an orderly way: ${String(error)}`);
      child?.kill();
    }
  }

  /** Send a request; undefined while the server does not run. */
  async request(method: string, params: unknown, token?: vscode.CancellationToken): Promise<unknown> {
    return this.client?.isRunning() === true ? this.client.sendRequest(method, params, token) : undefined;
  }

  /** Send a notification, if the server runs; one that ends meanwhile needs none. */
  async notify(method: string, params: unknown): Promise<void> {
    if (this.client?.isRunning() === true) {
      await this.client.sendNotification(method, params).catch((error: unknown) => {
        this.log.debug(`${method}: ${String(error)}`);
      });
    }
  }

  private async execute(command: string, ...args: unknown[]): Promise<unknown> {
    if (this.client === undefined) {
      throw new Error("The server does not run; restart it from the menu in the status bar.");
    }
    return this.client.sendRequest("workspace/executeCommand", { command, arguments: args });
  }

  /** Notify the server that settings changed; one that pulls settings asks for them then. */
  async configurationChanged(): Promise<void> {
    if (this.client?.isRunning() === true) {
      await this.client.sendNotification("workspace/didChangeConfiguration", {
        settings: { infill: writtenSettings() },
      });
    }
  }

  /** Return the server's explanation of the suggestion at a position, or of its absence. */
  async explain(document: vscode.TextDocument, position: vscode.Position): Promise<unknown> {
    return this.execute(
      "infill.explain",
      this.client?.code2ProtocolConverter.asTextDocumentPositionParams(document, position),
    );
  }

  /** Show nothing unasked for so many minutes; 0 ends it. */
  async snooze(minutes: number): Promise<{ until?: number | null }> {
    return (await this.execute("infill.snooze", minutes)) as { until?: number | null };
  }

  /** Let VS Code ask again for a suggestion that has grown; what it shows stays until the answer is there. */
  private async showLonger({ uri, version }: LongerParams["textDocument"]): Promise<void> {
    const document = vscode.window.activeTextEditor?.document;
    if (document?.version !== version || this.client?.code2ProtocolConverter.asUri(document.uri) !== uri) {
      return;
    }
    this.isGrowing = true;
    try {
      // VS Code does not repeat its own request, only one that a command makes. It keeps what it shows as the first of its
      // suggestions then, so that the longer one is the next.
      await vscode.commands.executeCommand("editor.action.inlineSuggest.trigger");
      await vscode.commands.executeCommand("editor.action.inlineSuggest.showNext");
    } finally {
      this.isGrowing = false;
    }
  }

  private async spawn(server: string): Promise<ChildProcess> {
    const child = spawn(server, [], {
      cwd: this.storage,
      env: cleanEnvironment(process.env),
      stdio: "pipe",
      windowsHide: true,
    });
    this.lastLine = "";
    const { promise, resolve, reject } = Promise.withResolvers<ChildProcess>();
    child.once("spawn", () => resolve(child));
    child.once("error", reject);
    // A write to a server that just died fails; the exit of the process is reported instead.
    child.stdin.on("error", () => undefined);
    this.child = child;
    this.closed = new Promise((resolve) => child.once("close", resolve));
    child.once("exit", (code, signal) => {
      this.child = this.child === child ? undefined : this.child;
      this.log.info(`The server ended (${signal ?? `code ${code}`})`);
    });
    return promise;
  }

  private options(): LanguageClientOptions {
    return {
      documentSelector: SCHEMES.map((scheme) => ({ scheme })),
      outputChannel: this.log,
      initializationOptions: writtenSettings,
      middleware: this.middleware(),
      stdioOptions: { stdout: () => undefined, stderr: (input) => this.listen(input) },
      initializationFailedHandler: () => false,
      errorHandler: {
        error: () => ({ action: ErrorAction.Continue, handled: true }),
        closed: () => ({ action: this.mayRestart() ? CloseAction.Restart : CloseAction.DoNotRestart, handled: true }),
      },
    };
  }

  private middleware(): Middleware {
    return {
      provideCompletionItem: (document, position, context, token, next) =>
        vscode.workspace.getConfiguration("infill").get("popup.enabled", false)
          ? next(document, position, context, token)
          : undefined,
      provideInlineCompletionItems: async (document, position, context, token, next) => {
        const triggerKind = this.isGrowing ? vscode.InlineCompletionTriggerKind.Automatic : context.triggerKind;
        const items = await next(document, position, { ...context, triggerKind }, token);
        if (!token.isCancellationRequested) {
          this.completed(document, (Array.isArray(items) ? items : (items?.items ?? [])).length > 0);
        }
        return Array.isArray(items)
          ? narrowed(items, document)
          : items && { ...items, items: narrowed(items.items, document) };
      },
      handleWorkDoneProgress: (_token, params) => this.change((facts) => withProgress(facts, params)),
      workspace: {
        configuration: (params) => params.items.map((item) => section(item.section)),
        // The extension notifies the server itself; a registration would send each change twice, with all defaults.
        didChangeConfiguration: async () => undefined,
      },
    };
  }

  private listen(stderr: Readable): void {
    readline.createInterface({ input: stderr }).on("line", (line) => {
      this.lastLine = line.trim() || this.lastLine;
      this.log.info(`server: ${line}`);
    });
  }

  private mayRestart(): boolean {
    const now = Date.now();
    this.deaths = [...this.deaths.filter((died) => now - died < RESTART_WINDOW_MS), now];
    return this.client?.state === State.Running && this.deaths.length <= MAX_RESTARTS;
  }

  private changed(client: LanguageClient, state: State): void {
    if (client !== this.client) {
      return;
    }
    if (state === State.Running) {
      this.change((facts) => ({ ...facts, program: "running" }));
    } else if (state === State.Starting) {
      this.change((facts) => ({ ...facts, program: "starting", engine: "starting", busy: false, reason: undefined }));
    } else {
      void this.failed(client, "The server ended");
    }
  }

  private async failed(client: LanguageClient, message: string): Promise<void> {
    // The last line of stderr arrives after the process has ended.
    await Promise.race([this.closed, new Promise((resolve) => setTimeout(resolve, LAST_LINE_MS))]);
    if (client !== this.client) {
      return;
    }
    const said = this.lastLine === "" ? message : `The server ended: ${this.lastLine}`;
    this.log.error(said);
    this.change((facts) => ({
      ...facts,
      program: "failed",
      busy: false,
      reason: `${said.replace(/\.$/, "")}; see the log, then restart the server.`,
    }));
  }
}
