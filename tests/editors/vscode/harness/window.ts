/** One window of VS Code, as the person at the keyboard sees it. */

import { readFile } from "node:fs/promises";
import * as path from "node:path";
import type { BrowserContext, Page } from "playwright-core";
import { DEADLINE_MS, until } from "./waiting.ts";

const GHOST = ".ghost-text-decoration, .ghost-text, .ghost-text-decoration-preview, .suggest-preview-text";

export class Window {
  readonly page: Page;
  readonly folder: string;

  private constructor(page: Page, folder: string) {
    this.page = page;
    this.folder = folder;
  }

  static async open(context: BrowserContext, url: string, folder: string, payload?: unknown): Promise<Window> {
    const page = await context.newPage();
    page.setDefaultTimeout(DEADLINE_MS);
    const query = new URLSearchParams({ folder });
    if (payload !== undefined) {
      query.set("payload", JSON.stringify(payload));
    }
    await page.goto(`${url}/?${query}`);
    await page.waitForSelector(".monaco-workbench");
    return new Window(page, folder);
  }

  /** Open a file of the folder by name and put the cursor into it. */
  async edit(name: string): Promise<void> {
    await this.page.locator(".explorer-folders-view .monaco-list-row", { hasText: name }).dblclick();
    await this.page.waitForSelector(`.tab.active[data-resource-name="${name}"]`);
    await this.page.click(".editor-instance .monaco-editor .view-lines");
  }

  /** Run a command of the palette by its title. */
  async run(title: string): Promise<void> {
    await this.page.keyboard.press("F1");
    const input = this.page.locator(".quick-input-widget input");
    await input.waitFor();
    await input.fill(`>${title}`);
    await this.page.locator(".quick-input-list .monaco-list-row", { hasText: title }).first().waitFor();
    await this.page.keyboard.press("Enter");
  }

  /** Pick an entry of the list that is open. */
  async pick(label: string): Promise<void> {
    await this.page.locator(".quick-input-list .monaco-list-row", { hasText: label }).first().click();
  }

  async type(text: string): Promise<void> {
    await this.page.keyboard.type(text);
  }

  async press(...keys: string[]): Promise<void> {
    for (const key of keys) {
      await this.page.keyboard.press(key);
    }
  }

  /** Put the cursor at the end of the file. */
  async toEnd(): Promise<void> {
    await this.page.keyboard.press("Control+End");
  }

  /** Return the ghost text on the screen, lines joined by "\n"; empty when there is none. */
  async ghost(): Promise<string> {
    const parts = await this.page.$$eval(".ghost-text-decoration, .ghost-text-decoration-preview, .suggest-preview-text .view-line, .suggest-preview-text .suggest-preview-text", (nodes) =>
      nodes.map((node) => (node.textContent ?? "").replace(/\u00a0/g, " ").replace(/\u00b7/g, " ")));
    return parts.join("\n");
  }

  /** Wait until the ghost text contains `part` and return it. */
  async ghostWith(part: string): Promise<string> {
    return until(`ghost text with ${JSON.stringify(part)}`, async () => {
      const text = await this.ghost();
      return text.includes(part) ? text : undefined;
    });
  }

  /** Wait until no ghost text is on the screen. */
  async noGhost(): Promise<void> {
    await until("no ghost text", async () => ((await this.page.$(GHOST)) === null ? true : undefined));
  }

  /** Return what the status bar item says to a screen reader: `Infill, KIND: SENTENCE`. */
  async status(): Promise<string> {
    const item = this.page.locator("#infill-ls\\.infill\\.infill\\.status");
    return (await item.count()) === 0 ? "" : ((await item.first().getAttribute("aria-label")) ?? "");
  }

  /** Return the text of the status bar item. */
  async statusText(): Promise<string> {
    return ((await this.page.locator("#infill-ls\\.infill\\.infill\\.status").textContent()) ?? "").trim();
  }

  /** Wait until the item shows the kind of status. */
  async statusIs(kind: string): Promise<string> {
    let last = "";
    try {
      return await until(`status ${kind}`, async () => {
        last = await this.status();
        return last.startsWith(`Infill, ${kind}:`) ? last : undefined;
      });
    } catch (error) {
      throw new Error(`${String(error)}; it says ${JSON.stringify(last)}`);
    }
  }

  /** Save the active file and return its bytes. */
  async saved(name: string): Promise<string> {
    await this.page.keyboard.press("Control+s");
    await this.page.waitForSelector(".tab.active:not(.dirty)");
    return readFile(path.join(this.folder, name), "utf8");
  }

  async close(): Promise<void> {
    await this.page.context().close();
  }
}
