import type { BackoffRange } from '../../proxy/base/backoff.ts';
import type { Clock, Random } from '../../proxy/base/clock.ts';
import type { Log } from '../../proxy/base/log.ts';
import { isConflict, KubeError, patienceMs } from './kube-error.ts';
import { createWorkQueue } from './workqueue.ts';

/** What one reconcile came to. */
export type Outcome =
  /** Nothing to do until the next change. */
  | { readonly kind: 'done' }
  /** Look again after `afterMs`, though nothing failed. */
  | { readonly kind: 'requeue'; readonly afterMs: number }
  /** Failed; again with backoff. Throwing means the same. */
  | { readonly kind: 'retry'; readonly error: unknown }
  /** Trying again cannot help; `reason` says why. The next change of the object tries again. */
  | { readonly kind: 'dropped'; readonly reason: string };

export const DONE: Outcome = { kind: 'done' };

export interface ControllerOptions {
  readonly name: string;
  /** Load by key, decide, write. Keys, not events: lost or merged events do no harm. */
  readonly reconcile: (key: string) => Promise<Outcome>;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly concurrency?: number;
  readonly backoff?: BackoffRange;
  /** Hears every outcome: for metrics. */
  readonly onOutcome?: (name: string, outcome: Outcome['kind']) => void;
}

export interface Controller {
  enqueue(key: string): void;
  enqueueAfter(key: string, ms: number): void;
  readonly depth: number;
  /** Works on nothing before this; what was queued waits. */
  start(): void;
  stop(): Promise<void>;
}

export function createController(options: ControllerOptions): Controller {
  const log = options.log.with({ controller: options.name });
  const early = new Set<string>();
  let started = false;

  const queue = createWorkQueue({
    clock: options.clock,
    random: options.random,
    concurrency: options.concurrency ?? 2,
    ...(options.backoff === undefined ? {} : { backoff: options.backoff }),
    async work(key) {
      const outcome = await attempt(options.reconcile, key);
      options.onOutcome?.(options.name, outcome.kind);
      settle(key, outcome);
    },
  });

  const settle = (key: string, outcome: Outcome): void => {
    if (outcome.kind === 'retry') {
      logRetry(log, key, outcome.error);
      queue.addRateLimited(key, patienceMs(outcome.error));
      return;
    }
    queue.forget(key);
    if (outcome.kind === 'requeue') queue.addAfter(key, outcome.afterMs);
    if (outcome.kind === 'dropped') log.warn('given up until it changes', { key, reason: outcome.reason });
  };

  return {
    enqueue: (key) => (started ? queue.add(key) : void early.add(key)),
    enqueueAfter: (key, ms) => queue.addAfter(key, ms),
    get depth() {
      return queue.depth + early.size;
    },
    start() {
      started = true;
      for (const key of early) queue.add(key);
      early.clear();
    },
    stop: () => queue.stop(),
  };
}

async function attempt(reconcile: (key: string) => Promise<Outcome>, key: string): Promise<Outcome> {
  try {
    return await reconcile(key);
  } catch (error) {
    return { kind: 'retry', error };
  }
}

/** A conflict means only that somebody was faster, and an unreachable API server is reported by the informers. */
function logRetry(log: Log, key: string, error: unknown): void {
  if (isConflict(error) || (error instanceof KubeError && error.status === 0)) log.debug('trying again', { key });
  else log.warn('reconcile failed, trying again', { key }, error);
}
