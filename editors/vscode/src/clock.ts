/** The time at which the extension's code began to run; imported before everything else. */

export const BEGAN_MS = performance.now();
