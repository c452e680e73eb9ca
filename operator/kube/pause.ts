import type { Clock } from '../../proxy/base/clock.ts';

/** Resolves after `ms`, or at once when `signal` aborts; leaves no timer and no listener behind. */
export function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  const { promise, resolve } = Promise.withResolvers<void>();
  const end = (): void => {
    timer.clear();
    signal.removeEventListener('abort', end);
    resolve();
  };
  const timer = clock.after(ms, end);
  signal.addEventListener('abort', end);
  return promise;
}
