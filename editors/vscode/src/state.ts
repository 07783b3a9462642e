/** The state of the extension, from the server's notifications and the user's settings. Does not need VS Code. */

/** The server's program, as seen from this window. */
export type Program = "missing" | "installing" | "starting" | "running" | "failed";

/** The engine, as the server last described it; `inactive`: the last document asked for is not completed. */
export type EngineKind = "starting" | "loading" | "ready" | "inactive" | "failed";

export interface Facts {
  program: Program;
  engine: EngineKind;
  busy: boolean;
  /** What is wrong, or why nothing is suggested: one sentence. */
  reason?: string | undefined;
  model?: string | undefined;
  /** 0 to 100, while something loads or installs. */
  percentage?: number | undefined;
  /** False while the user has paused suggestions. */
  enabled: boolean;
  /** Until when suggestions are snoozed, in milliseconds since 1970. */
  snoozedUntil?: number | undefined;
  /** The language id of the active editor; none while no text is shown. */
  language?: string | undefined;
  languageOn: boolean;
}

export type Kind = "missing" | "installing" | "starting" | "loading" | "ready" | "busy" | "paused" | "off" | "error";

/** One line for the user: what the status bar shows. */
export interface Status {
  kind: Kind;
  text: string;
  tooltip: string;
}

export const INITIAL: Facts = { program: "starting", engine: "starting", busy: false, enabled: true, languageOn: true };

/** A change of the facts. */
export type Change = (facts: Facts) => Facts;

/** The parameters of `infill/status`; a server may send more. */
export interface StatusParams {
  /** `Normal`, `Warning` (it loads), `Error` or `Inactive` (not for this document). */
  kind?: unknown;
  busy?: unknown;
  /** A sentence for the user; empty when all is well. */
  reason?: unknown;
  model?: unknown;
}

const ENGINE_KINDS = new Map<unknown, EngineKind>([
  ["Normal", "ready"],
  ["Warning", "loading"],
  ["Error", "failed"],
  ["Inactive", "inactive"],
]);

/** Return `facts` after the server sent `infill/status`; an unknown kind changes nothing but `busy` and `reason`. */
export function withStatus(facts: Facts, params: StatusParams): Facts {
  const engine = ENGINE_KINDS.get(params.kind) ?? facts.engine;
  return {
    ...facts,
    engine,
    busy: params.busy === true,
    reason: sentence(params.reason),
    model: sentence(params.model) ?? facts.model,
    percentage: engine === "loading" ? facts.percentage : undefined,
  };
}

/** Return `facts` after a step of the load, the parameters of `$/progress`. */
export function withProgress(
  facts: Facts,
  step: { kind: "begin" | "report" | "end"; percentage?: number | undefined },
): Facts {
  return { ...facts, percentage: step.kind === "end" ? undefined : (step.percentage ?? facts.percentage) };
}

function sentence(value: unknown): string | undefined {
  return typeof value === "string" && value.trim() !== "" ? value.trim() : undefined;
}

/** Return what to show. What stops everything comes first, then what the user chose, then what the engine does. */
export function status(facts: Facts): Status {
  return program(facts) ?? chosen(facts) ?? engine(facts);
}

function program(facts: Facts): Status | undefined {
  switch (facts.program) {
    case "missing":
      return {
        kind: "missing",
        text: "$(warning) Infill: no server",
        tooltip: facts.reason ?? "The server is not installed.",
      };
    case "installing":
      return {
        kind: "installing",
        text: `$(sync~spin) Infill: installing${percent(facts)}`,
        tooltip: facts.reason ?? "The server is being installed.",
      };
    case "starting":
      return { kind: "starting", text: "$(sync~spin) Infill", tooltip: "The server is starting." };
    case "failed":
      return {
        kind: "error",
        text: "$(error) Infill",
        tooltip: facts.reason ?? "The server ended; restart it from this menu.",
      };
    case "running":
      return undefined;
  }
}

function chosen(facts: Facts): Status | undefined {
  if (facts.snoozedUntil !== undefined) {
    const until = new Date(facts.snoozedUntil).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
    return {
      kind: "paused",
      text: "$(bell-slash) Infill",
      tooltip: `Suggestions are snoozed until ${until}; they still come when you ask for them.`,
    };
  }
  if (!facts.enabled) {
    return {
      kind: "paused",
      text: "$(debug-pause) Infill",
      tooltip: "Suggestions are paused; they still come when you ask for them.",
    };
  }
  if (!facts.languageOn && facts.language !== undefined) {
    return { kind: "off", text: "$(circle-slash) Infill", tooltip: `Suggestions are off for ${facts.language}.` };
  }
  return undefined;
}

function engine(facts: Facts): Status {
  switch (facts.engine) {
    case "failed":
      return { kind: "error", text: "$(error) Infill", tooltip: facts.reason ?? "The engine failed; see the log." };
    case "inactive":
      return {
        kind: "off",
        text: "$(circle-slash) Infill",
        tooltip: facts.reason ?? "There are no suggestions for this file.",
      };
    case "starting":
    case "loading":
      return {
        kind: "loading",
        text: `$(loading~spin) Infill: loading${percent(facts)}`,
        tooltip: facts.reason ?? "The model is loading.",
      };
    case "ready": {
      const name = facts.model === undefined ? "Infill" : shortName(facts.model);
      if (facts.busy) {
        return { kind: "busy", text: `$(loading~spin) ${name}`, tooltip: "A suggestion is being made." };
      }
      return {
        kind: "ready",
        text: `$(sparkle) ${name}`,
        tooltip: facts.reason ?? `Suggestions come from ${facts.model ?? "the engine"}.`,
      };
    }
  }
}

function percent(facts: Facts): string {
  return facts.percentage === undefined ? "" : ` ${Math.round(facts.percentage)}%`;
}

/** Return the last part of a hub id or path, at most 24 characters, so that the status bar stays short. */
export function shortName(model: string): string {
  const name = model.split(/[\\/]/).filter(Boolean).at(-1) ?? model;
  return name.length > 24 ? `${name.slice(0, 23)}…` : name;
}
