/** VS Code: code-server with the packaged extension, seen through Chromium. */

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import * as path from "node:path";
import * as readline from "node:readline";
import { type Browser, type BrowserContext, chromium } from "playwright-core";
import { BIN, CHROMIUM, CODE_SERVER, NODE, VSIX } from "./paths.ts";
import { within } from "./waiting.ts";
import { Window } from "./window.ts";

/** The settings of every story; a story adds its own. */
const SETTINGS = {
  "workbench.startupEditor": "none",
  "workbench.tips.enabled": false,
  "workbench.secondarySideBar.defaultVisibility": "hidden",
  "chat.disableAIFeatures": true,
  "chat.commandCenter.enabled": false,
  "extensions.autoUpdate": false,
  "extensions.autoCheckUpdates": false,
  "extensions.ignoreRecommendations": true,
  "update.mode": "none",
  "telemetry.telemetryLevel": "off",
  "security.workspace.trust.enabled": false,
  "editor.inlineSuggest.enabled": true,
  "editor.quickSuggestions": { other: "off", comments: "off", strings: "off" },
  "editor.suggestOnTriggerCharacters": false,
  "editor.wordBasedSuggestions": "off",
  "editor.autoClosingBrackets": "never",
  "editor.autoClosingQuotes": "never",
  "editor.cursorBlinking": "solid",
  "editor.minimap.enabled": false,
  "files.autoSave": "off",
  "git.enabled": false,
};

/** Machine settings, which a remote window reads only from the remote side. */
const MACHINE = { "workbench.welcomePage.walkthroughs.openOnInstall": false };

export interface Options {
  settings?: Record<string, unknown>;
  /** Written to the settings file of the remote machine. */
  machine?: Record<string, unknown>;
  environment?: NodeJS.ProcessEnv;
  /** False: `infill-ls` is not on PATH. */
  onPath?: boolean;
  args?: string[];
}

/** A running VS Code with its own folders, in which windows can be opened. */
export class Code {
  readonly folder: string;
  readonly environment: NodeJS.ProcessEnv;
  private server: ChildProcess | undefined;
  private browser: Browser | undefined;
  private windows = 0;
  url = "";

  private constructor(folder: string, options: Options) {
    this.folder = folder;
    // A separate run directory keeps these engines apart from the user's.
    this.environment = {
      XDG_RUNTIME_DIR: path.join(folder, "run"),
      XDG_CACHE_HOME: path.join(folder, "cache"),
      XDG_DATA_HOME: path.join(folder, "data"),
      INFILL_LS_CONFIG: path.join(folder, "config.toml"),
      PATH: options.onPath === false ? process.env["PATH"] : `${BIN}:${process.env["PATH"]}`,
      ...options.environment,
    };
  }

  /** Create the folders of a VS Code without starting it, so that an engine can be started first. */
  static async prepare(options: Options = {}): Promise<Code> {
    const folder = await mkdtemp(path.join(tmpdir(), "vsc-"));
    const code = new Code(folder, options);
    await mkdir(path.join(folder, "run"), { mode: 0o700 });
    await mkdir(path.join(folder, "user/User"), { recursive: true });
    await mkdir(path.join(folder, "user/Machine"), { recursive: true });
    await writeFile(path.join(folder, "user/User/settings.json"), JSON.stringify({ ...SETTINGS, ...options.settings }));
    await writeFile(
      path.join(folder, "user/Machine/settings.json"),
      JSON.stringify({ ...MACHINE, ...options.machine }),
    );
    return code;
  }

  static async start(options: Options = {}): Promise<Code> {
    const code = await Code.prepare(options);
    await code.begin(options.args);
    return code;
  }

  /** Start the server and Chromium. */
  async begin(args: string[] = []): Promise<void> {
    await this.installExtension();
    const common = [
      "--accept-server-license-terms",
      "--server-data-dir",
      this.at("server"),
      "--extensions-dir",
      this.at("extensions"),
    ];
    const listen = ["--host", "127.0.0.1", "--port", "0", "--without-connection-token", "--telemetry-level", "off"];
    this.server = spawn(
      NODE,
      [
        CODE_SERVER,
        ...common,
        ...listen,
        "--user-data-dir",
        this.at("user"),
        "--enable-smoke-test-driver",
        "--force-disable-user-env",
        ...args,
      ],
      {
        env: { ...process.env, ...this.environment },
        stdio: ["ignore", "pipe", "pipe"],
      },
    );
    this.url = await within("VS Code's server listens", this.listening(this.server));
    this.browser = await chromium.launch({
      executablePath: CHROMIUM,
      args: ["--no-sandbox", "--disable-gpu", "--force-color-profile=srgb"],
    });
  }

  /** Open a window on a new folder with these files. */
  async open(files: Record<string, string> = {}): Promise<Window> {
    return Window.open(await this.screen(), this.url, await this.workspace(files));
  }

  /** Open a window that runs `tests` (a module with `run`) beside the extension in `extension`. */
  async openForTests(files: Record<string, string>, extension: string, tests: string): Promise<Window> {
    const remote = (file: string) => `vscode-remote://${new URL(this.url).host}${file}`;
    const payload = [
      ["extensionDevelopmentPath", remote(extension)],
      ["extensionTestsPath", remote(tests)],
    ];
    return Window.open(await this.screen(), this.url, await this.workspace(files), payload);
  }

  private async screen(): Promise<BrowserContext> {
    return this.browser!.newContext({ viewport: { width: 1100, height: 620 } });
  }

  private async workspace(files: Record<string, string>): Promise<string> {
    const folder = this.at(`ws${++this.windows}`);
    await mkdir(folder, { recursive: true });
    for (const [name, text] of Object.entries(files)) {
      await mkdir(path.dirname(path.join(folder, name)), { recursive: true });
      await writeFile(path.join(folder, name), text);
    }
    return folder;
  }

  /** Stop everything that was started here. */
  async close(): Promise<void> {
    await this.browser?.close();
    const server = this.server;
    if (server !== undefined && server.exitCode === null) {
      const gone = new Promise((resolve) => server.once("exit", resolve));
      server.kill();
      await within("VS Code's server ends", gone);
    }
    await this.stopEngines();
    await rm(this.folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 });
  }

  /** Stop the engine, if the language server started one. */
  async stopEngines(): Promise<void> {
    spawnSync(path.join(BIN, "infill-ls"), ["engine", "stop"], {
      env: { ...process.env, ...this.environment },
      timeout: 30_000,
    });
  }

  /** Return the extension's log of all windows. */
  async log(): Promise<string> {
    const folder = this.at("user/logs");
    const files = await readdir(folder, { recursive: true });
    const logs = files.filter((file) => path.basename(file) === "Infill.log");
    const texts = await Promise.all(logs.map((file) => readFile(path.join(folder, file), "utf8")));
    return texts.join("");
  }

  at(name: string): string {
    return path.join(this.folder, name);
  }

  private async installExtension(): Promise<void> {
    const installed = process.env["INFILL_TEST_EXTENSIONS"];
    if (installed !== undefined && existsSync(installed)) {
      await cp(installed, this.at("extensions"), { recursive: true });
      return;
    }
    const args = [
      "--install-extension",
      VSIX,
      "--extensions-dir",
      this.at("extensions"),
      "--server-data-dir",
      this.at("server"),
      "--accept-server-license-terms",
    ];
    const done = spawnSync(NODE, [CODE_SERVER, ...args], { encoding: "utf8" });
    if (done.status !== 0) {
      throw new Error(`The extension could not be installed: ${done.stdout}${done.stderr}`);
    }
  }

  private async listening(server: ChildProcess): Promise<string> {
    return new Promise((resolve, reject) => {
      const said: string[] = [];
      for (const stream of [server.stdout!, server.stderr!]) {
        readline.createInterface({ input: stream }).on("line", (line) => {
          said.push(line);
          const port = /http:\/\/(?:localhost|127\.0\.0\.1):(\d+)/.exec(line)?.[1];
          if (port !== undefined) {
            resolve(`http://127.0.0.1:${port}`);
          }
        });
      }
      server.once("exit", (code) => reject(new Error(`VS Code's server ended with ${code}:\n${said.join("\n")}`)));
    });
  }
}
