/** Suggestions that stay away for a while: in this window, until a time or until they are called back. */

import * as vscode from "vscode";
import type { Server } from "./server/server";
import type { StatusTracker } from "./statusTracker";

const MINUTES = [5, 10, 30, 60];

/** Snoozes the server of this window, and shows it. */
export class Snooze implements vscode.Disposable {
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly server: Server,
    private readonly tracker: StatusTracker,
  ) {}

  /** Ask for how long, then snooze; `minutes` answers the question. */
  async begin(minutes?: unknown): Promise<void> {
    const chosen = typeof minutes === "number" ? minutes : await askForMinutes();
    if (chosen !== undefined) {
      await this.forMinutes(chosen);
    }
  }

  /** Let suggestions come again. */
  async end(): Promise<void> {
    await this.forMinutes(0);
  }

  dispose(): void {
    clearTimeout(this.timer);
  }

  private async forMinutes(minutes: number): Promise<void> {
    const answer = await this.server.snooze(minutes);
    clearTimeout(this.timer);
    const until = answer?.until == null ? undefined : answer.until * 1000;
    this.show(until);
    if (until !== undefined) {
      this.timer = setTimeout(() => this.show(undefined), until - Date.now());
    }
  }

  private show(snoozedUntil: number | undefined): void {
    this.tracker.update((facts) => ({ ...facts, snoozedUntil }));
  }
}

async function askForMinutes(): Promise<number | undefined> {
  const items = MINUTES.map((minutes) => ({ label: `${minutes} minutes`, minutes }));
  const picked = await vscode.window.showQuickPick(items, { title: "Infill: Snooze", placeHolder: "For how long" });
  return picked?.minutes;
}
