import type { Key } from '../../proxy/contract/snapshot.ts';
import { type Stamp, worstOf } from './stamp.ts';

/** An update on the present stream that is not reported in force yet. */
export interface SentUpdate {
  readonly seq: number;
  readonly stamp: Stamp;
  /** When the change behind it was noticed (`Clock.now`). */
  readonly dueAt: number;
  acked: boolean;
  ackedAt: number;
}

/**
 * One key on one proxy: everything that may be deciding there.
 *
 * A proxy decides under `inForce`, or under something newer that it was sent and has not reported yet. So a generation is
 * in force only when *every* stamp that may be deciding carries it: that is what keeps the ledger from saying too much.
 */
export interface KeyEntry {
  readonly key: Key;
  /** When the proxy subscribed. */
  since: number;
  /** Unsubscribed, but updates are still unanswered: a proxy that subscribes again may take one of them for its answer. */
  leaving: boolean;
  /** The last one that the proxy reported in force. */
  inForce: Stamp | undefined;
  /** The worst of what was sent on earlier streams and never reported: may have been applied. */
  carried: Stamp | undefined;
  /** Version of content that the proxy holds and whose provenance nobody here knows (an earlier operator sent it). */
  unknown: string | undefined;
  /** Ascending by `seq`; newer than `inForce`. */
  sent: SentUpdate[];
  /** Version that the proxy holds once everything sent is answered: equal content is not sent again. */
  holding: string | undefined;
  /** What the compiler last said; undefined while it says nothing (a pod that is not known yet). */
  desired: Stamp | undefined;
  /** Since when something is owed and not sent; undefined for nothing. */
  dueAt: number | undefined;
  /** Policies whose change made it due while it could not be compiled: each may shape this key now. */
  suspects: ReadonlySet<string>;
  /** The last refusal, until something is accepted. */
  nack: { readonly stamp: Stamp; readonly text: string } | undefined;
}

/** Updates kept for one key between two reports; beyond that the oldest two are remembered as the worst of both. */
const MAX_SENT = 8;

export function createEntry(key: Key, since: number): KeyEntry {
  return {
    key,
    since,
    leaving: false,
    inForce: undefined,
    carried: undefined,
    unknown: undefined,
    sent: [],
    holding: undefined,
    desired: undefined,
    dueAt: since,
    suspects: NONE,
    nack: undefined,
  };
}

export const NONE: ReadonlySet<string> = new Set();

/** The proxy says on a new stream that it holds `version` of this key. */
export function resume(entry: KeyEntry, version: string): void {
  const unreported = entry.sent.map((update) => update.stamp);
  if (entry.carried !== undefined) unreported.unshift(entry.carried);
  const known = entry.inForce?.version === version || unreported.some((stamp) => stamp.version === version);
  if (known && entry.inForce !== undefined && entry.unknown === undefined) {
    entry.carried = unreported.length === 0 ? undefined : unreported.reduce((all, one) => worstOf(all, one, version));
  } else {
    entry.unknown = version;
    entry.inForce = undefined;
    entry.carried = undefined;
  }
  entry.sent = [];
  entry.holding = version;
}

export function recordSent(entry: KeyEntry, update: SentUpdate): void {
  entry.sent.push(update);
  const [first, second] = entry.sent;
  if (entry.sent.length <= MAX_SENT || first?.acked !== true || second?.acked !== true) return;
  // Both wait for a report: remembered under the later number, so that a report in between claims less, never more.
  entry.sent.splice(0, 2, { ...second, stamp: worstOf(first.stamp, second.stamp, second.stamp.version) });
}

/** The proxy let go: only what it may still take for an answer is remembered. */
export function letGo(entry: KeyEntry): void {
  entry.leaving = true;
  entry.inForce = undefined;
  entry.carried = undefined;
  entry.unknown = undefined;
  entry.holding = undefined;
  entry.nack = undefined;
  entry.desired = undefined;
  entry.dueAt = undefined;
  entry.suspects = NONE;
  entry.sent = entry.sent.filter((update) => !update.acked);
}

/** Updates of this key that are not answered. */
export function unanswered(entry: KeyEntry): number {
  return entry.sent.reduce((sum, update) => (update.acked ? sum : sum + 1), 0);
}

/** True when `seq` was waiting for an answer. */
export function recordAck(entry: KeyEntry, seq: number, now: number): boolean {
  const update = entry.sent.find((one) => one.seq === seq && !one.acked);
  if (update === undefined) return false;
  update.acked = true;
  update.ackedAt = now;
  entry.holding = update.stamp.version;
  entry.nack = undefined;
  return true;
}

/** The stamp that was refused, or undefined when `seq` was not waiting. */
export function recordNack(entry: KeyEntry, seq: number, text: string): Stamp | undefined {
  const at = entry.sent.findIndex((one) => one.seq === seq && !one.acked);
  if (at < 0) return undefined;
  const [update] = entry.sent.splice(at, 1);
  entry.nack = { stamp: update!.stamp, text };
  // Perhaps just because the proxy does not hold what it should: the next try carries the content.
  entry.holding = undefined;
  return update!.stamp;
}

/** No decision is taken under anything older than `seq`: the newest acknowledged update up to it is in force. True when that changed something. */
export function recordReport(entry: KeyEntry, seq: number): boolean {
  const update = entry.sent.findLast((one) => one.acked && one.seq <= seq);
  if (update === undefined) return false;
  entry.inForce = update.stamp;
  entry.carried = undefined;
  entry.unknown = undefined;
  entry.sent = entry.sent.filter((one) => one.seq > update.seq);
  return true;
}

/** The proxy never said that it holds anything here. */
export function isBlank(entry: KeyEntry): boolean {
  return entry.inForce === undefined && entry.unknown === undefined && !entry.sent.some((update) => update.acked);
}

/** Version surely held when the next message arrives there, or undefined while an answer is outstanding. */
export function surelyHeld(entry: KeyEntry): string | undefined {
  return entry.sent.some((update) => !update.acked) ? undefined : entry.holding;
}

/** The newest stamp that the proxy said it swapped in. */
export function latestAcked(entry: KeyEntry): Stamp | undefined {
  return entry.sent.findLast((update) => update.acked)?.stamp ?? entry.inForce;
}

/** Since when something is owed and not acknowledged. */
export function owedSince(entry: KeyEntry): number | undefined {
  return entry.sent.find((update) => !update.acked)?.dueAt ?? entry.dueAt;
}

/** Every policy that this entry may speak of. */
export function involved(entry: KeyEntry): Set<string> {
  const uids = new Set<string>(entry.suspects);
  for (const stamp of stamps(entry)) for (const uid of stamp.generations.keys()) uids.add(uid);
  return uids;
}

function* stamps(entry: KeyEntry): Generator<Stamp> {
  if (entry.inForce !== undefined) yield entry.inForce;
  if (entry.desired !== undefined) yield entry.desired;
  if (entry.carried !== undefined) yield entry.carried;
  for (const update of entry.sent) yield update.stamp;
  if (entry.nack !== undefined) yield entry.nack.stamp;
}
