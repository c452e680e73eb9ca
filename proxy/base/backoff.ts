import type { Random } from './clock.ts';

/** Delays in milliseconds, doubled from `base` up to `max`. */
export interface BackoffRange {
  readonly base: number;
  readonly max: number;
}

/**
 * Exponential backoff with full jitter: uniform in [0, min(max, base * 2^attempt)).
 * `attempt` counts from 0. Source: "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
 */
export function backoffDelay(range: BackoffRange, attempt: number, random: Random): number {
  const ceiling = Math.min(range.max, range.base * 2 ** Math.min(attempt, 30));
  return random() * ceiling;
}

/** As `backoffDelay` but never below half of the ceiling: for reconnects, where a delay of zero would hammer the peer. */
export function reconnectDelay(range: BackoffRange, attempt: number, random: Random): number {
  const ceiling = Math.min(range.max, range.base * 2 ** Math.min(attempt, 30));
  return ceiling / 2 + (random() * ceiling) / 2;
}
