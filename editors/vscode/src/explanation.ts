/** Formats the server's explanation of a position as a page. Does not need VS Code. */

/** Return the page in Markdown: the result of the request first, then all fields of the answer. */
export function explanation(place: string, answer: unknown): string {
  if (typeof answer !== "object" || answer === null) {
    return `# ${place}\n\nThe server has no explanation yet; wait until the model is ready.\n`;
  }
  const { reason, message, suggestions, ...rest } = answer as Record<string, unknown>;
  const texts = Array.isArray(suggestions) ? suggestions : [];
  const why = [reason, message].filter((sentence) => typeof sentence === "string").join(" ");
  const verdict =
    texts.length === 0
      ? `No suggestion. ${why}`
      : texts.length === 1
        ? "One suggestion."
        : `${texts.length} suggestions.`;
  return `${[`# ${place}`, verdict, ...texts.map((text: unknown) => part("Suggestion", text, 2)), fields(rest, 2)].join("\n\n")}\n`;
}

/** Return the fields of an object: short values as a list, then each long one under its own heading. */
function fields(object: object, level: number): string {
  const entries = Object.entries(object).filter(
    ([, value]) => value !== null && !(Array.isArray(value) && value.length === 0),
  );
  const short = entries
    .filter(([, value]) => isShort(value))
    .map(([name, value]) => `- ${title(name)}: ${brief(value)}`);
  const long = entries.filter(([, value]) => !isShort(value)).map(([name, value]) => part(title(name), value, level));
  return [...(short.length > 0 ? [short.join("\n")] : []), ...long].join("\n\n");
}

function part(name: string, value: unknown, level: number): string {
  const heading = `${"#".repeat(Math.min(level, 6))} ${name}`;
  if (Array.isArray(value)) {
    return value.map((entry, index) => part(`${name} ${index + 1}`, entry, level)).join("\n\n");
  }
  const body = typeof value === "object" && value !== null ? fields(value, level + 1) : fenced(String(value));
  return `${heading}\n\n${body}`;
}

function isShort(value: unknown): boolean {
  return typeof value === "string" ? value.length <= 120 && !/[\n`]/.test(value) : typeof value !== "object";
}

function brief(value: unknown): string {
  return typeof value === "number" && !Number.isInteger(value) ? `\`${value.toPrecision(3)}\`` : `\`${String(value)}\``;
}

function title(name: string): string {
  return name.replaceAll("_", " ");
}

/** Return `text` as a code block whose fence is longer than any run of backticks in it. */
function fenced(text: string): string {
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map(([run]) => run.length));
  const fence = "`".repeat(longest + 1);
  return `${fence}\n${text}\n${fence}`;
}
