/** Writes the server's explanation of a request as a page. No VS Code in here. */

type Entry = [string, unknown];

/** Return the page: what came of the request first, then everything the server told. */
export function explanation(place: string, answer: unknown): string {
  if (typeof answer === "string") {
    return answer;
  }
  if (typeof answer !== "object" || answer === null) {
    return `# ${place}\n\nThe server has not been asked here yet; type something and try again.\n`;
  }
  const { reason, suggestions, details, ...rest } = answer as Record<string, unknown>;
  const texts = Array.isArray(suggestions) ? suggestions.map(suggestion) : [];
  const verdict = texts.length > 0 ? `${texts.length} suggestion${texts.length > 1 ? "s" : ""}:` : `No suggestion. ${String(reason ?? "")}`;
  const sections = Object.entries((details ?? {}) as Record<string, unknown>).map(section);
  return [`# ${place}`, verdict, ...texts, "## Request", list(Object.entries(rest)), ...sections].join("\n\n") + "\n";
}

function suggestion(entry: { text?: unknown; confidence?: unknown }): string {
  const sure = typeof entry.confidence === "number" ? `Mean token probability ${entry.confidence.toFixed(2)}\n\n` : "";
  return sure + fenced(String(entry.text));
}

function section([name, value]: Entry): string {
  const title = `## ${name.replaceAll("_", " ")}`;
  if (typeof value === "string") {
    return `${title}\n\n${fenced(value)}`;
  }
  const isFlat = typeof value === "object" && value !== null && Object.values(value).every((inner) => typeof inner !== "object" || inner === null);
  const body = isFlat && !Array.isArray(value) ? list(Object.entries(value as object)) : fenced(JSON.stringify(value, undefined, 2) ?? "");
  return `${title}\n\n${body}`;
}

function list(entries: Entry[]): string {
  return entries.map(([name, value]) => `- ${name.replaceAll("_", " ")}: \`${String(value)}\``).join("\n");
}

/** Return `text` as a code block whose fence is longer than any inside. */
function fenced(text: string): string {
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map(([run]) => run.length));
  const fence = "`".repeat(longest + 1);
  return `${fence}\n${text}\n${fence}`;
}
