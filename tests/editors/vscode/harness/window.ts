/** One window of VS Code, as its user sees it. */

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import * as path from "node:path";
import type { BrowserContext, Page } from "playwright-core";
import { DEADLINE_MS, until } from "./waiting.ts";

/** How long a user waits for ghost text before typing on. */
const PATIENCE_MS = 5000;
const STATUS = "#infill-ls\\.infill\\.infill\\.status";

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

  /** Open the menu of the status bar item. */
  async openMenu(): Promise<void> {
    await this.page.locator(STATUS).click();
    await this.page.locator(".quick-input-list .monaco-list-row").first().waitFor();
  }

  /** Open the menu of the status bar item and pick an entry. */
  async menu(label: string): Promise<void> {
    await this.openMenu();
    await this.pick(label);
    await this.page.locator(".quick-input-widget").waitFor({ state: "hidden" });
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

  /** Pick the entry whose label begins with `label`, whatever the details of other entries contain. */
  async choose(label: string): Promise<void> {
    await this.page.locator(`.quick-input-list .monaco-list-row[aria-label^="${label}"]`).first().click();
    await this.page.locator(".quick-input-widget").waitFor({ state: "hidden" });
  }

  async type(text: string): Promise<void> {
    await this.page.keyboard.type(text);
  }

  /**
   * Type `text` and return the ghost text after it.
   *
   * On a busy machine an answer may miss its deadline: then the last letter is deleted and typed again.
   */
  async typeUntilGhost(text: string): Promise<string> {
    await this.type(text);
    return until("ghost text", async () => {
      await this.someGhostWithin(PATIENCE_MS);
      await this.settle();
      const ghost = await this.ghost();
      if (ghost !== "") {
        return ghost;
      }
      await this.press("Backspace");
      await this.type(text.slice(-1));
      return undefined;
    });
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

  /** Return the ghost text on the screen, lines joined by "\n"; empty if there is none. */
  async ghost(): Promise<string> {
    return this.page.evaluate(() => {
      // The first line is inside the text, the others are in a zone below it; each token is a separate node.
      const read = (selector: string) =>
        [...document.querySelectorAll(selector)].map((node) => node.textContent ?? "").join("");
      const below = [...document.querySelectorAll(".suggest-preview-text .view-line")].map(
        (line) => line.textContent ?? "",
      );
      return [read(".view-lines .ghost-text-decoration"), ...below].join("\n").replace(/[\u00a0\u00b7]/g, " ");
    });
  }

  /** Wait until the ghost text is `wanted`. */
  async ghostIs(wanted: string): Promise<void> {
    let last = "";
    try {
      await until("ghost text", async () => {
        last = await this.ghost();
        return last === wanted || undefined;
      });
    } catch {
      assert.equal(last, wanted, "the ghost text at the deadline");
    }
  }

  /** Wait for a ghost text that is not among `seen` and return it. */
  async someGhost(seen: ReadonlySet<string>): Promise<string> {
    return until("another ghost text", async () => {
      const text = await this.ghost();
      return text === "" || seen.has(text) ? undefined : text;
    });
  }

  /** Wait until the open popup lists `label`. */
  async popupLists(label: string): Promise<void> {
    await this.page.locator(".suggest-widget.visible .monaco-list-row", { hasText: label }).first().waitFor();
  }

  /** Wait until the open popup shows `message`. */
  async popupSays(message: string): Promise<void> {
    await this.page.locator(".suggest-widget.visible .message", { hasText: message }).waitFor();
  }

  /** Wait for a ghost text, but not longer than this: there may be nothing to suggest. */
  async someGhostWithin(most_ms: number): Promise<void> {
    await this.page
      .waitForSelector(".ghost-text-decoration", { timeout: most_ms, state: "attached" })
      .catch(() => undefined);
  }

  /** Wait until the window has drawn all changes so far. */
  async settle(): Promise<void> {
    await this.page.evaluate(
      () => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))),
    );
  }

  /** Wait until the file has no unsaved changes. */
  async clean(name: string): Promise<void> {
    await this.page.waitForSelector(`.tab.active[data-resource-name="${name}"]:not(.dirty)`);
  }

  /** Put the cursor at a line, from 1, after `column` characters. */
  async goTo(line: number, column: number): Promise<void> {
    await this.press("Control+g");
    const input = this.page.locator(".quick-input-widget input");
    await input.waitFor();
    await input.fill(`:${line}:${column + 1}`);
    await this.press("Enter");
    await this.page.locator(".quick-input-widget").waitFor({ state: "hidden" });
  }

  /** Wait until no ghost text is on the screen. */
  async noGhost(): Promise<void> {
    await until("no ghost text", async () => (await this.ghost()) === "" || undefined);
  }

  /** Return the label of the status bar item for screen readers: `Infill, KIND: SENTENCE`. */
  async status(): Promise<string> {
    const item = this.page.locator(STATUS);
    return (await item.count()) === 0 ? "" : ((await item.first().getAttribute("aria-label")) ?? "");
  }

  /** Return the text of the status bar item. */
  async statusText(): Promise<string> {
    return ((await this.page.locator(STATUS).textContent()) ?? "").trim();
  }

  /** Wait until the status bar item shows this kind of status. */
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

  /** Return the text of the page that a command opened beside the editor. */
  async pageText(title: string): Promise<string> {
    await this.page.waitForSelector(`.tab.active[data-resource-name*="${title}"]`);
    const lines = this.page.locator(".editor-instance").last().locator(".view-line");
    return until(`the text of ${title}`, async () => {
      const texts = await lines.evaluateAll((nodes) =>
        nodes
          .sort((a, b) => parseFloat((a as HTMLElement).style.top) - parseFloat((b as HTMLElement).style.top))
          .map((node) => node.textContent ?? ""),
      );
      const text = texts.join("\n").replaceAll("\u00a0", " ").trim();
      return text === "" ? undefined : text;
    });
  }

  /** Close the editor group of a page. */
  async closePage(title: string): Promise<void> {
    const tab = this.page.locator(`.tab[data-resource-name*="${title}"]`);
    await tab.click({ button: "middle" });
    await tab.waitFor({ state: "detached" });
  }

  /** Save the active file and return its bytes. */
  async saved(name: string): Promise<string> {
    await this.page.keyboard.press("Control+s");
    await this.clean(name);
    return readFile(path.join(this.folder, name), "utf8");
  }

  async close(): Promise<void> {
    await this.page.context().close();
  }
}
