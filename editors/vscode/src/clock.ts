/** Imported first: when the extension's code began to run. */

export const BEGAN_MS = performance.now();
