import type { PolicyStatus } from '../../crds/gen/types.ts';

/** How a status differs from the one that was written last. */
export type Difference = 'none' | 'progress' | 'state' | 'final';

/** What was written for one policy, and when. */
export interface Written {
  /** `Clock.now` of the last write. */
  readonly at: number;
  /** Writes in a row for one generation without a pause of `QUIET_MS`. */
  readonly streak: number;
  readonly status: PolicyStatus;
  /** `Clock.now` of the last write that went out without waiting. */
  readonly hurriedAt: number | undefined;
}

/** A quick rollout is over within this time and is written once. */
const FIRST_MS = 150;
const GAP_MS = { base: 250, max: 30_000 } as const;
/** A pause this long starts the gaps anew. */
const QUIET_MS = 60_000;
/** Between two writes that do not wait: a policy that flaps is written as any other. */
const HURRY_MS = 5_000;

/**
 * Pure. Times and live counters (`draining`) make no difference. `final`: a `False` became `True` for InForce or Ready.
 */
export function compareStatus(before: PolicyStatus | undefined, after: PolicyStatus): Difference {
  if (before === undefined) return isInForce(after) ? 'final' : 'state';
  if (stateOf(before) !== stateOf(after)) return isInForce(after) && !sameTruth(before, after) ? 'final' : 'state';
  return numbersOf(before) === numbersOf(after) ? 'none' : 'progress';
}

/**
 * Milliseconds until the status may be written; 0: now. `seenAt`: when the generation was first seen (`Clock.now`).
 * The gaps between two writes double, so 1,000 proxies that arrive one by one cost ten writes in two minutes; the last
 * word, True, does not wait.
 */
export function writeDelay(written: Written | undefined, difference: Difference, seenAt: number, now: number): number {
  if (difference === 'final' && (written?.hurriedAt === undefined || now - written.hurriedAt >= HURRY_MS)) return 0;
  if (written === undefined || written.at < seenAt) return Math.max(0, seenAt + FIRST_MS - now);
  const streak = now - written.at >= QUIET_MS ? 0 : written.streak;
  const gap = Math.min(GAP_MS.max, GAP_MS.base * 2 ** Math.min(streak, 20));
  return Math.max(0, written.at + gap - now);
}

export function noteWritten(
  written: Written | undefined,
  status: PolicyStatus,
  difference: Difference,
  seenAt: number,
  now: number,
): Written {
  const isNew = written === undefined || written.at < seenAt || now - written.at >= QUIET_MS;
  return {
    at: now,
    streak: isNew ? 1 : written.streak + 1,
    status,
    hurriedAt: difference === 'final' ? now : written?.hurriedAt,
  };
}

function isInForce(status: PolicyStatus): boolean {
  return status.conditions?.find((condition) => condition.type === 'InForce')?.status === 'True';
}

function sameTruth(before: PolicyStatus, after: PolicyStatus): boolean {
  return truths(before) === truths(after);
}

const truths = (status: PolicyStatus): string =>
  JSON.stringify([status.observedGeneration, status.conditions?.map((one) => [one.type, one.status])]);

const stateOf = (status: PolicyStatus): string =>
  JSON.stringify([
    status.observedGeneration,
    status.target,
    status.conditions?.map((one) => [one.type, one.status, one.reason]),
  ]);

function numbersOf(status: PolicyStatus): string {
  const messages = status.conditions?.map((one) => [one.type, one.message]);
  return JSON.stringify([messages, { ...status.rollout, draining: 0 }, status.laggards, status.summary]);
}
