/** The one request for next edits in flight, the pause before it, and what is reported to the server. */

import * as vscode from "vscode";
import { ErrorCodes, ResponseError } from "vscode-languageclient";
import type { Server } from "../server/server";
import { type Edit, Offer, type Report } from "./offer";

const METHOD = "textDocument/copilotInlineEdit";
/** While the user types, the request for ghost text goes first. */
const PAUSE_MS = 300;

/** An edit of the server's answer. */
interface InlineEdit {
  text: string;
  range: { start: { line: number; character: number }; end: { line: number; character: number } };
  textDocument: { uri: string; version: number };
  command: Report;
}

export class Requests implements vscode.Disposable {
  private timer: NodeJS.Timeout | undefined;
  private asking: vscode.CancellationTokenSource | undefined;
  /** Whether the server that runs has said that it makes no next edits. */
  private isRefused = false;

  constructor(
    private readonly server: Server,
    private readonly log: vscode.LogOutputChannel,
  ) {}

  /** Call `ask` once the user has paused; a later call starts the pause again. */
  afterPause(ask: () => unknown): void {
    this.cancel();
    if (!this.isRefused) {
      this.timer = setTimeout(ask, PAUSE_MS);
    }
  }

  /** Ask again: another server runs. */
  restarted(): void {
    this.isRefused = false;
  }

  /** Withdraw the request, and the one that would follow. */
  cancel(): void {
    clearTimeout(this.timer);
    this.asking?.cancel();
    this.asking?.dispose();
    this.asking = undefined;
  }

  /** Return the edits for a document as it is now; undefined if there are none, or if it has changed meanwhile. */
  async ask(document: vscode.TextDocument, position: vscode.Position): Promise<Offer | undefined> {
    this.cancel();
    const asking = new vscode.CancellationTokenSource();
    this.asking = asking;
    const { version } = document;
    const uri = document.uri.toString();
    const place = { line: position.line, character: position.character };
    try {
      const params = { textDocument: { uri, version }, position: place, context: { triggerKind: 2 } };
      const answer = (await this.server.request(METHOD, params, asking.token)) as { edits?: InlineEdit[] } | undefined;
      if (asking.token.isCancellationRequested || document.version !== version) {
        return undefined;
      }
      const edits = (answer?.edits ?? []).filter(({ textDocument }) => textDocument.version === version);
      return edits.length === 0
        ? undefined
        : new Offer(
            uri,
            version,
            edits.map((edit) => read(document, edit)),
          );
    } catch (error) {
      if (error instanceof ResponseError && error.code === ErrorCodes.MethodNotFound) {
        this.isRefused = true; // An older one does not know the method.
      }
      if (!asking.token.isCancellationRequested) {
        this.log.debug(`Next edits: ${String(error)}`);
      }
      return undefined;
    }
  }

  /** Tell the server which document the user looks at; from the first time on it keeps a history of edits. */
  focus(document: vscode.TextDocument): void {
    void this.server.notify("textDocument/didFocus", { textDocument: { uri: document.uri.toString() } });
  }

  /** Report that edits are on the screen. */
  shown(offer: Offer): void {
    for (const { report } of offer.edits) {
      void this.server.notify("textDocument/didShowInlineEdit", { item: { command: report } });
    }
  }

  /** Report that an edit was made. */
  accepted({ report }: Edit): void {
    this.execute(report.command, report.arguments);
  }

  /** Report that none of the edits is to come back. */
  rejected(offer: Offer): void {
    for (const { report } of offer.edits) {
      this.execute("infill.editRejected", report.arguments);
    }
  }

  dispose(): void {
    this.cancel();
  }

  private execute(command: string, args: unknown[] | undefined): void {
    this.server.request("workspace/executeCommand", { command, arguments: args }).then(undefined, (error: unknown) => {
      this.log.debug(`${command}: ${String(error)}`);
    });
  }
}

function read(document: vscode.TextDocument, { range, text, command }: InlineEdit): Edit {
  const { start, end } = range;
  // VS Code writes every line end as the document has it; the offsets after it must agree.
  const eol = document.eol === vscode.EndOfLine.CRLF ? "\r\n" : "\n";
  return {
    start: document.offsetAt(new vscode.Position(start.line, start.character)),
    end: document.offsetAt(new vscode.Position(end.line, end.character)),
    text: text.replace(/\r\n|\r|\n/g, eol),
    report: command,
  };
}
