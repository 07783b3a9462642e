/** The next edits of one answer, as offsets that follow each other's changes. Does not need VS Code. */

/** A command of LSP. */
export interface Report {
  command: string;
  arguments?: unknown[];
}

export interface Edit {
  /** Offsets in UTF-16 units. */
  start: number;
  end: number;
  /** What takes the place, with the document's line ends. */
  text: string;
  /** Run when the edit was made. */
  report: Report;
}

/** Edits of one document for one of its versions; the next one first. */
export class Offer {
  readonly uri: string;
  isReported = false;
  private forVersion: number;
  private list: Edit[];

  constructor(uri: string, version: number, edits: readonly Edit[]) {
    this.uri = uri;
    this.forVersion = version;
    this.list = [...edits];
  }

  get edits(): readonly Edit[] {
    return this.list;
  }

  get first(): Edit | undefined {
    return this.list[0];
  }

  /** Return whether the edits fit a document: nothing but themselves has changed it. */
  fits(uri: string, version: number): boolean {
    return this.uri === uri && this.forVersion === version;
  }

  /** Take the first edit off the list: it was made, and the document now has `version`. */
  made(version: number): void {
    const made = this.list.shift();
    this.forVersion = version;
    if (made !== undefined) {
      const longer = made.text.length - (made.end - made.start);
      this.list = this.list.map((edit) =>
        edit.start >= made.end ? { ...edit, start: edit.start + longer, end: edit.end + longer } : edit,
      );
    }
  }
}

/** Return how new text is shown on one line: blanks stay, a line end is an arrow, and what is long is cut. */
export function onOneLine(text: string, tab: number, most: number): string {
  const shown = text.replace(/\r\n|\r|\n/g, " ↵ ").replace(/\t/g, " ".repeat(tab));
  return (shown.length > most ? `${shown.slice(0, most - 1)}…` : shown).replace(/ /g, "\u00a0");
}
