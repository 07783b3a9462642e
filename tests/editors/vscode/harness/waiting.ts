/** Waits for events with a deadline; the stories wait in no other way. */

export const DEADLINE_MS = 120_000;

/** Return what `look` returns once it is not undefined; fails at the deadline with `what`. */
export async function until<T>(
  what: string,
  look: () => Promise<T | undefined> | T | undefined,
  deadline_ms = DEADLINE_MS,
): Promise<T> {
  const end = Date.now() + deadline_ms;
  for (;;) {
    const found = await look();
    if (found !== undefined) {
      return found;
    }
    if (Date.now() > end) {
      throw new Error(`${what}: not within ${deadline_ms / 1000} s`);
    }
    await new Promise((resolve) => setTimeout(resolve, 30));
  }
}

/** Fail with `what` if `work` takes longer than the deadline. */
export async function within<T>(what: string, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: not within ${DEADLINE_MS / 1000} s`)), DEADLINE_MS);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
