/** Where VS Code enters: wires the server, the status bar, the menu and the commands together. */

import * as path from "node:path";
import * as vscode from "vscode";
import { BEGAN_MS } from "./clock";
import { ask, type Model, parseModels } from "./commandLine";
import { explanation } from "./explanation";
import { install, ownServer } from "./install";
import { showMenu } from "./menu";
import { Pages } from "./pages";
import { expanded, isProgram, onPath, type Surroundings } from "./program";
import type { Change, Session } from "./session";
import { isEnabled, speaks, switchLanguage, write } from "./settings";
import { type Facts, INITIAL, type Status, status } from "./state";
import { StatusBar } from "./statusBar";

/** What other extensions, and the tests, may read. */
export interface Api {
  /** What the status bar shows. */
  status(): Status;
  /** Told about each change of the status. */
  readonly onDidChangeStatus: vscode.Event<Status>;
  /** The process id of the language server, while it runs. */
  serverPid(): number | undefined;
  /** What the extension adds to the start of the editor: the run of its code and `activate`. */
  readonly activation_ms: number;
}

let infill: Infill | undefined;

/** Start everything; the server comes up behind our back, so that the editor never waits for it. */
export function activate(context: vscode.ExtensionContext): Api {
  const began = performance.now();
  infill = new Infill(context);
  void infill.begin();
  const api = infill;
  return {
    status: () => status(api.facts),
    onDidChangeStatus: api.statusChanged.event,
    serverPid: () => api.session?.serverPid,
    activation_ms: LOADED_MS + performance.now() - began,
  };
}

/** Stop the server; VS Code waits for it. */
export async function deactivate(): Promise<void> {
  await infill?.session?.stop();
}

class Infill {
  facts: Facts = { ...INITIAL };
  readonly statusChanged = new vscode.EventEmitter<Status>();
  session: Session | undefined;
  private readonly log = vscode.window.createOutputChannel("Infill", { log: true });
  private readonly bar = new StatusBar();
  private readonly pages = new Pages();
  private readonly storage: string;
  private installing: Promise<void> | undefined;
  /** The setting `infill.server.path` when the program was looked for. */
  private named: string | undefined;

  constructor(private readonly context: vscode.ExtensionContext) {
    this.storage = context.globalStorageUri.fsPath;
    context.subscriptions.push(
      this.log,
      this.bar,
      this.pages,
      this.statusChanged,
      ...this.listeners(),
      ...this.commands(),
    );
    this.look();
  }

  /** Find the server and start it, or offer to install it. */
  async begin(): Promise<void> {
    void this.welcome();
    const server = await this.find();
    if (server !== undefined) {
      await this.start(server);
    } else if (this.facts.program === "missing") {
      await this.offer();
    }
  }

  private async start(server: string): Promise<void> {
    if (this.session === undefined) {
      // The language client is most of our code; the editor's start does not wait for it.
      const { Session } = await import("./session.js");
      this.session ??= new Session(this.log, this.storage, (change) => this.change(change));
    }
    await this.session.start(server);
  }

  private change(change: Change): void {
    const before = this.facts;
    this.facts = change(before);
    const shown = status(this.facts);
    this.bar.show(shown);
    if (before.program !== this.facts.program) {
      void vscode.commands.executeCommand("setContext", "infill.running", this.facts.program === "running");
    }
    this.statusChanged.fire(shown);
  }

  /** Look at what the user chose: the settings and the active editor. */
  private look(): void {
    const language = vscode.window.activeTextEditor?.document.languageId;
    const languageOn = language === undefined || speaks(language);
    // What the server said about the document of the last request tells nothing about the one that is looked at now.
    this.change((facts) => ({
      ...facts,
      enabled: isEnabled(),
      language,
      languageOn,
      engine: facts.engine === "inactive" ? "ready" : facts.engine,
    }));
  }

  private listeners(): vscode.Disposable[] {
    return [
      vscode.window.onDidChangeActiveTextEditor(() => this.look()),
      vscode.workspace.onDidOpenTextDocument(() => this.look()),
      vscode.workspace.onDidChangeConfiguration((event) => {
        // Trust in the workspace touches every restricted setting, whether or not it changes.
        if (machineSetting("server.path") !== this.named) {
          void this.restart();
        } else if (event.affectsConfiguration("infill")) {
          this.look();
          void this.session?.configurationChanged();
        }
      }),
    ];
  }

  private commands(): vscode.Disposable[] {
    const ours: Record<string, () => unknown> = {
      menu: () => showMenu(status(this.facts)),
      toggle: () => write("completion.enabled", !isEnabled()),
      toggleLanguage: () => this.toggleLanguage(),
      explain: () => this.explain(),
      switchModel: () => this.switchModel(),
      doctor: () => this.doctor(),
      restart: () => this.restart(),
      install: () => this.install(),
      openLog: () => this.log.show(true),
      openSettings: () =>
        vscode.commands.executeCommand("workbench.action.openSettings", `@ext:${this.context.extension.id}`),
      walkthrough: () => this.walkthrough(),
      trigger: () => vscode.commands.executeCommand("editor.action.inlineSuggest.trigger"),
      acceptWord: () => vscode.commands.executeCommand("editor.action.inlineSuggest.acceptNextWord"),
      acceptLine: () => vscode.commands.executeCommand("editor.action.inlineSuggest.acceptNextLine"),
      next: () => vscode.commands.executeCommand("editor.action.inlineSuggest.showNext"),
      previous: () => vscode.commands.executeCommand("editor.action.inlineSuggest.showPrevious"),
    };
    return Object.entries(ours).map(([name, run]) =>
      vscode.commands.registerCommand(`infill-ls.${name}`, () => this.guarded(run)),
    );
  }

  /** Run a command; what goes wrong is one message with the next step. */
  private async guarded(run: () => unknown): Promise<void> {
    try {
      await run();
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      this.log.error(message);
      const log = "Open the Log";
      if ((await vscode.window.showErrorMessage(`Infill: ${message}`, log)) === log) {
        this.log.show();
      }
    }
  }

  private around(): Surroundings {
    const folders = vscode.workspace.workspaceFolders ?? [];
    return {
      workspace: folders.filter(({ uri }) => uri.scheme === "file").map(({ uri }) => uri.fsPath),
      searchPath: process.env["PATH"] ?? "",
    };
  }

  /** Return the server's path: the setting, else `PATH`, else our own; without one the facts say why. */
  private async find(): Promise<string | undefined> {
    const written = machineSetting("server.path");
    this.named = written;
    if (written !== undefined) {
      if (path.isAbsolute(written) && (await isProgram(written))) {
        return written;
      }
      this.change((facts) => ({
        ...facts,
        program: "failed",
        reason: `The setting infill.server.path names ${written}, which is no program; correct it or remove it.`,
      }));
      return undefined;
    }
    const own = ownServer(this.storage);
    const found = (await onPath(["infill-ls"], this.around())) ?? ((await isProgram(own)) ? own : undefined);
    if (found === undefined) {
      this.change((facts) => ({
        ...facts,
        program: "missing",
        reason: "infill-ls is not on PATH; let the extension install it, or name it in infill.server.path.",
      }));
    }
    return found;
  }

  private async restart(): Promise<void> {
    await this.session?.stop();
    const server = await this.find();
    if (server !== undefined) {
      await this.start(server);
    }
  }

  private async offer(): Promise<void> {
    const yes = "Install";
    const name = "Name the Program…";
    const answer = await vscode.window.showInformationMessage(
      "Infill needs its language server, infill-ls. Install it into a folder of this extension? That downloads a few hundred megabytes from PyPI.",
      yes,
      name,
    );
    if (answer === yes) {
      await this.guarded(() => this.install());
    } else if (answer === name) {
      await vscode.commands.executeCommand("workbench.action.openSettings", "infill.server.path");
    }
  }

  private async install(): Promise<void> {
    this.installing ??= this.installOnce().finally(() => {
      this.installing = undefined;
    });
    await this.installing;
  }

  private async installOnce(): Promise<void> {
    await this.session?.stop();
    this.change((facts) => ({ ...facts, program: "installing", reason: undefined, percentage: undefined }));
    const options = {
      location: vscode.ProgressLocation.Notification,
      title: "Infill: installing the server",
      cancellable: true,
    };
    try {
      await vscode.window.withProgress(options, async (progress, token) => {
        const abort = new AbortController();
        token.onCancellationRequested(() => abort.abort());
        await install({
          storage: this.storage,
          requirement: vscode.workspace.getConfiguration("infill").get("server.package", "infill-ls"),
          python: machineSetting("server.python"),
          around: this.around(),
          signal: abort.signal,
          report: (line) => {
            this.log.info(`install: ${line}`);
            progress.report({ message: line.slice(0, 100) });
          },
        });
      });
    } catch (error) {
      this.change((facts) => ({
        ...facts,
        program: "missing",
        reason: error instanceof Error ? error.message : String(error),
      }));
      throw error;
    }
    await this.restart();
  }

  private async toggleLanguage(): Promise<void> {
    const language = vscode.window.activeTextEditor?.document.languageId;
    if (language !== undefined) {
      await switchLanguage(language, !speaks(language));
    }
  }

  private async explain(): Promise<void> {
    const editor = vscode.window.activeTextEditor;
    if (editor === undefined) {
      throw new Error("No text editor is active; put the cursor where you expect a suggestion.");
    }
    const { document, selection } = editor;
    const answer = await this.session?.explain(document, selection.active);
    const place = `${path.basename(document.uri.path)} ${selection.active.line + 1}:${selection.active.character + 1}`;
    await this.pages.show(`Why, ${place}.md`, explanation(place, answer));
  }

  private async program(): Promise<string> {
    const server = await this.find();
    if (server === undefined) {
      throw new Error(this.facts.reason ?? "There is no server; install it from the menu in the status bar.");
    }
    return server;
  }

  private async doctor(): Promise<void> {
    const server = await this.program();
    const options = { location: vscode.ProgressLocation.Window, title: "Infill: the doctor looks" };
    const printed = await vscode.window.withProgress(options, () => ask(server, ["doctor"], this.storage));
    await this.pages.show("Doctor.txt", printed);
  }

  private async switchModel(): Promise<void> {
    const server = await this.program();
    const models = await this.models(server);
    const current = vscode.workspace.getConfiguration("infill").get("engine.model", "auto");
    const auto = { name: "auto", detail: "the best cached model that fits the GPU, else the embedded one" };
    const embedded = { name: "embedded", detail: "the small model that comes with the server" };
    const items = [auto, embedded, ...models].map(({ name, detail }) => ({
      label: name,
      detail,
      description: name === current ? "current" : "",
    }));
    const other = { label: "$(edit) Another hub id or folder…", detail: "", description: "" };
    const picked = await vscode.window.showQuickPick([...items, other], {
      title: "Infill: the model",
      matchOnDetail: true,
    });
    const name =
      picked === other
        ? await vscode.window.showInputBox({ title: "Infill: hub id or folder of the model", value: current })
        : picked?.label;
    if (name !== undefined && name.trim() !== "") {
      await write("engine.model", name.trim());
    }
  }

  private async models(server: string): Promise<Model[]> {
    try {
      return parseModels(await ask(server, ["models", "list", "--json"], this.storage));
    } catch (error) {
      this.log.warn(`The list of models could not be read: ${String(error)}`);
      return [];
    }
  }

  /** The first time, open the walkthrough, or only offer it where it would take the place of somebody's text. */
  private async welcome(): Promise<void> {
    const allowed = vscode.workspace.getConfiguration("workbench").get("welcomePage.walkthroughs.openOnInstall", true);
    if (!allowed || this.context.globalState.get("welcomed") !== undefined) {
      return;
    }
    await this.context.globalState.update("welcomed", true);
    if (vscode.window.visibleTextEditors.length === 0) {
      await this.walkthrough();
      return;
    }
    const start = "Get Started";
    if (
      (await vscode.window.showInformationMessage("Infill suggests code while you type; Tab takes it.", start)) ===
      start
    ) {
      await this.walkthrough();
    }
  }

  private async walkthrough(): Promise<void> {
    await vscode.commands.executeCommand(
      "workbench.action.openWalkthrough",
      `${this.context.extension.id}#start`,
      false,
    );
  }
}

/** Return a setting of the machine with `~` expanded, or undefined where it is not written. */
function machineSetting(key: string): string | undefined {
  const written = vscode.workspace.getConfiguration("infill").get<string | null>(key, null);
  return written === null || written.trim() === "" ? undefined : expanded(written.trim());
}

const LOADED_MS = performance.now() - BEGAN_MS;
