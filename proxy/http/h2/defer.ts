/** Runs a task later in this turn of the event loop. */
export type Defer = (task: () => void) => void;

/**
 * Runs `task` when the event loop has handled everything that is readable now, so that all requests that arrived together
 * leave in one write. A microtask or `process.nextTick` runs after each single socket's callback and so never gathers what
 * different sockets brought; with one request at a time neither was measurably cheaper (README.md).
 */
export const afterThisTurn: Defer = (task) => void setImmediate(task);
