/** VS Code with one window for the stories of a file; each story has its own files in the window's folder. */

import { mkdir, writeFile } from "node:fs/promises";
import * as path from "node:path";
import { after, before, test } from "node:test";
import { Code, type Options } from "./code.ts";
import { ScriptedEngine } from "./engine.ts";
import { CACHE } from "./paths.ts";
import type { Window } from "./window.ts";

export interface Setting extends Options {
  /** The arguments of the scripted engine; null for the real engine with the embedded model. */
  engine?: string[] | null;
}

export class Stage {
  private readonly files: Record<string, string> = {};
  private readonly setting: Setting;
  code!: Code;
  engine!: ScriptedEngine;
  window!: Window;

  constructor(setting: Setting = {}) {
    this.setting = setting;
    before(() => this.begin());
    after(() => this.end());
  }

  /** Run a story; if it fails, a screenshot and the log are kept in `.cache/vscode/failed`. */
  story(name: string, files: Record<string, string>, tell: (window: Window) => Promise<void>): void {
    Object.assign(this.files, files);
    void test(name, async () => {
      try {
        const [first] = Object.keys(files);
        if (first !== undefined) {
          await this.window.edit(first);
        }
        await tell(this.window);
      } catch (error) {
        await this.keep(name.replaceAll(/\W+/g, "-"));
        throw error;
      }
    });
  }

  private async keep(name: string): Promise<void> {
    const folder = path.join(CACHE, "failed");
    await mkdir(folder, { recursive: true });
    await writeFile(path.join(folder, `${name}.log`), await this.code.log().catch(String));
    await this.window.page.screenshot({ path: path.join(folder, `${name}.png`) }).catch(() => undefined);
  }

  /** Write a file into the folder without opening it. */
  file(name: string, text: string): void {
    this.files[name] = text;
  }

  private async begin(): Promise<void> {
    this.code = await Code.prepare(this.setting);
    if (this.setting.engine !== null) {
      this.engine = await ScriptedEngine.start(this.code.environment, ...(this.setting.engine ?? []));
    }
    await this.code.begin(this.setting.args);
    this.window = await this.code.open(this.files);
  }

  private async end(): Promise<void> {
    await this.code?.close();
    await this.engine?.stop();
  }
}
