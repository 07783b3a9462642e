/** The commands of the command palette and the menu. */

import * as path from "node:path";
import * as vscode from "vscode";
import type { NextEdits } from "./edits/nextEdits";
import { explanation } from "./explanation";
import { showMenu } from "./menu";
import { switchModel } from "./models";
import { Pages } from "./pages";
import { ask } from "./server/commandLine";
import type { Server } from "./server/server";
import { isEnabled, isLanguageEnabled, switchLanguage, write } from "./settings";
import { Snooze } from "./snooze";
import type { StatusTracker } from "./statusTracker";
import { walkthrough } from "./welcome";

/** Registers the commands and runs those that need more than one call. */
export class Commands implements vscode.Disposable {
  private readonly pages = new Pages();
  private readonly snooze: Snooze;
  private readonly registrations: vscode.Disposable;

  constructor(
    private readonly context: vscode.ExtensionContext,
    private readonly log: vscode.LogOutputChannel,
    private readonly tracker: StatusTracker,
    private readonly server: Server,
    private readonly edits: NextEdits,
  ) {
    this.snooze = new Snooze(server, tracker);
    const registered = Object.entries(this.table()).map(([name, run]) =>
      vscode.commands.registerCommand(`infill-ls.${name}`, (argument: unknown) => this.guarded(() => run(argument))),
    );
    this.registrations = vscode.Disposable.from(...registered);
  }

  /** Run a command; an error becomes one message with the next step. */
  async guarded(run: () => unknown): Promise<void> {
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

  /** Offer to install the server. */
  async offerInstall(): Promise<void> {
    const yes = "Install";
    const name = "Name the Program…";
    const answer = await vscode.window.showInformationMessage(
      "Infill needs its language server, infill-ls. Install it into a folder of this extension? That downloads a few hundred megabytes from PyPI.",
      yes,
      name,
    );
    if (answer === yes) {
      await this.guarded(() => this.server.install());
    } else if (answer === name) {
      await vscode.commands.executeCommand("workbench.action.openSettings", "infill.server.path");
    }
  }

  dispose(): void {
    vscode.Disposable.from(this.pages, this.snooze, this.registrations).dispose();
  }

  private table(): Record<string, (argument: unknown) => unknown> {
    const { context, server } = this;
    const editor = (action: string) => vscode.commands.executeCommand(`editor.action.inlineSuggest.${action}`);
    return {
      menu: () => showMenu(this.tracker.status, this.tracker.facts.snoozedUntil !== undefined),
      snooze: (minutes) => this.snooze.begin(minutes),
      endSnooze: () => this.snooze.end(),
      toggle: () => write("completion.enabled", !isEnabled()),
      toggleLanguage: () => toggleLanguage(),
      explain: () => this.explain(),
      switchModel: async () => switchModel(await server.program(), context.globalStorageUri.fsPath, this.log),
      doctor: () => this.doctor(),
      restart: () => server.restart(),
      install: () => server.install(),
      openLog: () => this.log.show(true),
      openSettings: () =>
        vscode.commands.executeCommand("workbench.action.openSettings", `@ext:${context.extension.id}`),
      walkthrough: () => walkthrough(context),
      trigger: () => editor("trigger"),
      acceptWord: () => editor("acceptNextWord"),
      acceptLine: () => editor("acceptNextLine"),
      next: () => editor("showNext"),
      previous: () => editor("showPrevious"),
      nextEdit: (by) => this.edits.next(by === "key"),
      dismissEdits: () => this.edits.dismiss(),
    };
  }

  private async explain(): Promise<void> {
    const editor = vscode.window.activeTextEditor;
    if (editor === undefined) {
      throw new Error("No text editor is active; put the cursor where you expect a suggestion.");
    }
    const { document, selection } = editor;
    const answer = await this.server.explain(document, selection.active);
    const place = `${path.basename(document.uri.path)} ${selection.active.line + 1}:${selection.active.character + 1}`;
    await this.pages.show(`Why, ${place}.md`, explanation(place, answer));
  }

  private async doctor(): Promise<void> {
    const server = await this.server.program();
    const options = { location: vscode.ProgressLocation.Window, title: "Infill: the doctor looks" };
    const printed = await vscode.window.withProgress(options, () =>
      ask(server, ["doctor"], this.context.globalStorageUri.fsPath),
    );
    await this.pages.show("Doctor.txt", printed);
  }
}

async function toggleLanguage(): Promise<void> {
  const language = vscode.window.activeTextEditor?.document.languageId;
  if (language !== undefined) {
    await switchLanguage(language, !isLanguageEnabled(language));
  }
}
