import { isBlank, type KeyEntry, latestAcked, owedSince } from './key-entry.ts';
import type { Stamp } from './stamp.ts';

/** Connected and no acknowledgement for this long: lagging (house plan, flow one, 7). */
export const LAGGING_MS = 5_000;
/** Nothing heard for this long: unreachable. */
export const UNREACHABLE_MS = 10_000;

/** Where one generation of one policy stands on one key of one proxy. */
export interface Standing {
  /** False: this key says nothing about the policy, or the proxy has just subscribed and decides nothing there yet. */
  readonly counted: boolean;
  readonly acked: boolean;
  readonly inForce: boolean;
  /** Why the proxy refused it. */
  readonly rejected: string | undefined;
  /** Since when an acknowledgement is owed (`Clock.now`). */
  readonly owedSince: number | undefined;
  /** Since when it is acknowledged and not in force. */
  readonly ackedAt: number | undefined;
  /** When this changes by time alone. */
  readonly countsAt: number | undefined;
}

const SILENT: Standing = {
  counted: false,
  acked: true,
  inForce: true,
  rejected: undefined,
  owedSince: undefined,
  ackedAt: undefined,
  countsAt: undefined,
};

/**
 * Pure. `mayHold`: content of this key could come from the policy; asked where nothing better is known.
 *
 * In force = every stamp that may be deciding carries this generation (or, where the policy does not shape the key any
 * more, none carries an older one), and the proxy reported it.
 */
export function standingOf(entry: KeyEntry, uid: string, generation: number, now: number, mayHold: boolean): Standing {
  const wanted = entry.desired?.generations.has(uid) === true || (mayHold && entry.suspects.has(uid));
  const fits = (stamp: Stamp): boolean => fitsGeneration(stamp, uid, generation, wanted);
  if (!concerns(entry, uid, wanted, mayHold)) return SILENT;
  const acked = latestAcked(entry);
  const isAcked = acked !== undefined && fits(acked);
  const rejected = !isAcked && entry.nack !== undefined && fits(entry.nack.stamp) ? entry.nack.text : undefined;
  const countsAt = entry.since + LAGGING_MS;
  const fitting = entry.unknown === undefined && mayDecide(entry).every(fits);
  // Just subscribed: nothing can be decided here under anything older, so a late pod never breaks a True.
  if (isBlank(entry) && fitting && rejected === undefined && now < countsAt) return { ...SILENT, countsAt };
  return {
    counted: true,
    acked: isAcked,
    inForce: entry.inForce !== undefined && fitting,
    rejected,
    owedSince: isAcked ? undefined : owedSince(entry),
    ackedAt: isAcked ? entry.sent.find((update) => update.acked && fits(update.stamp))?.ackedAt : undefined,
    countsAt: undefined,
  };
}

function concerns(entry: KeyEntry, uid: string, wanted: boolean, mayHold: boolean): boolean {
  if (wanted || (entry.unknown !== undefined && mayHold)) return true;
  return mayDecide(entry).some((stamp) => stamp.generations.has(uid));
}

/** Every stamp under which the proxy may be deciding now. */
function mayDecide(entry: KeyEntry): Stamp[] {
  const stamps = entry.sent.map((update) => update.stamp);
  if (entry.carried !== undefined) stamps.push(entry.carried);
  if (entry.inForce !== undefined) stamps.push(entry.inForce);
  return stamps;
}

function fitsGeneration(stamp: Stamp, uid: string, generation: number, wanted: boolean): boolean {
  const held = stamp.generations.get(uid);
  return held === undefined ? !wanted : held >= generation;
}
