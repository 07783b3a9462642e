/** The extension's entry: creates the server, the status and the commands, and connects them. */

import * as vscode from "vscode";
import { BEGAN_MS } from "./clock";
import { Commands } from "./commands";
import { NextEdits } from "./edits/nextEdits";
import { Server } from "./server/server";
import type { Status } from "./state";
import { StatusTracker } from "./statusTracker";
import { welcome } from "./welcome";

/** What other extensions, and the tests, may read. */
export interface Api {
  /** What the status bar shows. */
  status(): Status;
  /** Fires at each change of the status. */
  readonly onDidChangeStatus: vscode.Event<Status>;
  /** The process id of the language server, while it runs. */
  serverPid(): number | undefined;
  /** What the extension adds to the start of the editor: the run of its code and `activate`. */
  readonly activation_ms: number;
}

let server: Server | undefined;

/** Create everything; the server starts in the background, so that the editor never waits for it. */
export function activate(context: vscode.ExtensionContext): Api {
  const began = performance.now();
  const log = vscode.window.createOutputChannel("Infill", { log: true });
  const tracker = new StatusTracker();
  const ours = new Server(log, context.globalStorageUri.fsPath, tracker);
  const edits = new NextEdits(context.extensionUri, log, ours, tracker);
  const commands = new Commands(context, log, tracker, ours, edits);
  context.subscriptions.push(
    log,
    tracker,
    commands,
    edits,
    vscode.window.onDidChangeActiveTextEditor(() => tracker.readSettings()),
    vscode.workspace.onDidOpenTextDocument(() => tracker.readSettings()),
    vscode.workspace.onDidChangeConfiguration((event) => ours.configurationChanged(event)),
  );
  server = ours;
  tracker.readSettings();
  void welcome(context);
  void begin(ours, tracker, commands);
  return {
    status: () => tracker.status,
    onDidChangeStatus: tracker.onDidChange,
    serverPid: () => ours.pid,
    activation_ms: LOADED_MS + performance.now() - began,
  };
}

/** Stop the server; VS Code waits for it. */
export async function deactivate(): Promise<void> {
  await server?.stop();
}

async function begin(ours: Server, tracker: StatusTracker, commands: Commands): Promise<void> {
  const started = await ours.start();
  if (!started && tracker.facts.program === "missing") {
    await commands.offerInstall();
  }
}

const LOADED_MS = performance.now() - BEGAN_MS;
