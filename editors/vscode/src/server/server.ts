/** The language server of this window: found or installed, started, restarted, stopped. */

import * as vscode from "vscode";
import { machineSetting } from "../settings";
import type { StatusTracker } from "../statusTracker";
import { install } from "./install";
import { locate, surroundings } from "./location";
import type { Session } from "./session";

/** An answer of the server: whether it suggests any ghost text in a document. */
export interface Completed {
  document: vscode.TextDocument;
  isAny: boolean;
}

/** Owns the session and the program that it runs. */
export class Server {
  private session: Session | undefined;
  private installing: Promise<void> | undefined;
  /** The setting `infill.server.path` when the program was last located. */
  private named: string | undefined;
  private readonly completed = new vscode.EventEmitter<Completed>();

  /** Fires at each answer to a request for ghost text. */
  readonly onDidComplete = this.completed.event;

  constructor(
    private readonly log: vscode.LogOutputChannel,
    private readonly storage: string,
    private readonly tracker: StatusTracker,
  ) {}

  /** The process id of the server, while it runs. */
  get pid(): number | undefined {
    return this.session?.serverPid;
  }

  /** Locate the server and start it; return whether there is a program to start. */
  async start(): Promise<boolean> {
    const server = await this.find();
    if (server === undefined) {
      return false;
    }
    if (this.session === undefined) {
      // The language client is most of the extension's code; the editor's start does not wait for it.
      const { Session } = await import("./session.js");
      this.session ??= new Session(
        this.log,
        this.storage,
        (change) => this.tracker.update(change),
        (document, isAny) => this.completed.fire({ document, isAny }),
      );
    }
    await this.session.start(server);
    return true;
  }

  /** Stop the server, if it runs. */
  async stop(): Promise<void> {
    await this.session?.stop();
  }

  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  /** Return the path of the server's program, for its command line; throws an error with the next step without one. */
  async program(): Promise<string> {
    const server = await this.find();
    if (server === undefined) {
      throw new Error(this.tracker.facts.reason ?? "There is no server; install it from the menu in the status bar.");
    }
    return server;
  }

  /** Restart for another program, or pass changed settings on. */
  async configurationChanged(event: vscode.ConfigurationChangeEvent): Promise<void> {
    // Trust in the workspace affects every restricted setting, whether or not its value changes.
    if (machineSetting("server.path") !== this.named) {
      await this.restart();
    } else if (event.affectsConfiguration("infill")) {
      this.tracker.readSettings();
      await this.session?.configurationChanged();
    }
  }

  /** Send a request; undefined while the server does not run. */
  async request(method: string, params: unknown, token?: vscode.CancellationToken): Promise<unknown> {
    return this.session?.request(method, params, token);
  }

  /** Send a notification, if the server runs. */
  async notify(method: string, params: unknown): Promise<void> {
    await this.session?.notify(method, params);
  }

  /** Return the server's explanation of a position; undefined before the first start. */
  async explain(document: vscode.TextDocument, position: vscode.Position): Promise<unknown> {
    return this.session?.explain(document, position);
  }

  /** Snooze for so many minutes, 0 ends it; return until when, in seconds since 1970; undefined before the first start. */
  async snooze(minutes: number): Promise<{ until?: number | null } | undefined> {
    return this.session?.snooze(minutes);
  }

  /** Install the extension's own copy and start it; a second call joins the first. */
  async install(): Promise<void> {
    this.installing ??= this.installOnce().finally(() => {
      this.installing = undefined;
    });
    await this.installing;
  }

  private async find(): Promise<string | undefined> {
    this.named = machineSetting("server.path");
    const location = await locate(this.storage);
    if (location.found) {
      return location.server;
    }
    const { program, reason } = location;
    this.tracker.update((facts) => ({ ...facts, program, reason }));
    return undefined;
  }

  private async installOnce(): Promise<void> {
    await this.stop();
    this.tracker.update((facts) => ({ ...facts, program: "installing", reason: undefined, percentage: undefined }));
    try {
      await this.installWithProgress();
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.tracker.update((facts) => ({ ...facts, program: "missing", reason }));
      throw error;
    }
    await this.restart();
  }

  private async installWithProgress(): Promise<void> {
    const options = {
      location: vscode.ProgressLocation.Notification,
      title: "Infill: installing the server",
      cancellable: true,
    };
    await vscode.window.withProgress(options, async (progress, token) => {
      const abort = new AbortController();
      token.onCancellationRequested(() => abort.abort());
      await install({
        storage: this.storage,
        requirement: vscode.workspace.getConfiguration("infill").get("server.package", "infill-ls"),
        python: machineSetting("server.python"),
        around: surroundings(),
        signal: abort.signal,
        report: (line) => {
          this.log.info(`install: ${line}`);
          progress.report({ message: line.slice(0, 100) });
        },
      });
    });
  }
}
