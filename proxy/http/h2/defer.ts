/** Runs `task` later in this turn of the event loop. `alone`: nothing else is likely to join. */
export type Defer = (task: () => void, alone: boolean) => void;

/**
 * Runs `task` when the event loop has handled everything that is readable now, so that all requests that arrived
 * together leave in one write; a microtask runs after each single socket's callback and so never gathers anything. With one
 * stream there is nothing to gather: then right after the callback (5–10 % less CPU a request, hack/bench/micro/mesh.bench.ts).
 */
export const afterThisTurn: Defer = (task, alone) => {
  if (alone) process.nextTick(task);
  else setImmediate(task);
};
