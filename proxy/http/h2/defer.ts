/**
 * Runs `task` when the event loop has handled everything that is readable now: all requests that arrived together leave
 * in one write. A microtask would run after each single socket's callback and so never gather anything.
 */
export function afterThisTurn(task: () => void): void {
  setImmediate(task);
}
