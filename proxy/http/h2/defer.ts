/**
 * Runs a task later in this round of the event loop (`base/turn.ts`), so that all requests that arrived together leave in one write. A microtask or
 * `process.nextTick` runs after each single socket's callback and so never gathers what different sockets brought; with one request at a time neither
 * was measurably cheaper (README.md).
 */
export type Defer = (task: () => void) => void;
