import { WORKLOAD_KEY } from '../../proxy/contract/snapshot.ts';
import type { KeyEntry } from './key-entry.ts';
import { type PodRef, type PodState, type ProxyRecord, podName } from './proxy-record.ts';
import { LAGGING_MS, type Standing, standingOf, UNREACHABLE_MS } from './standing.ts';

export interface RolloutQuery {
  readonly uid: string;
  readonly generation: number;
  /** `Clock.now`. */
  readonly now: number;
  /** The policy applies to calls by the Service's address: where that is rewritten before the proxy sees it, it is not in force. */
  readonly byServiceAddress?: boolean;
  /** Whether a proxy of this pod could hold content shaped by the policy that nobody here sent. */
  readonly mayHold: (pod: PodRef, key: string | undefined) => boolean;
  readonly stateOf: (podUid: string) => PodState;
  /** Pods with a sidecar that started and that this operator has not heard of since it leads: what they hold is unknown. */
  readonly unheard: readonly PodRef[];
}

/** Numbers of proxies, each counted once, at its lowest generation over all keys; `draining` counts requests. */
export interface Rollout {
  readonly generation: number;
  readonly selected: number;
  readonly acked: number;
  readonly inForce: number;
  readonly draining: number;
  readonly rejected: number;
  readonly lagging: number;
  readonly unreachable: number;
  /** Of the unreachable ones, those whose pod is neither NotReady nor terminating: nothing excuses them. */
  readonly unexcused: number;
  /** Not in force, and the pod gives no excuse for it. */
  readonly missing: number;
  /** At most five, the worst first. */
  readonly laggards: readonly Laggard[];
  /** `Clock.now` at which this changes by time alone. */
  readonly nextChangeAt: number | undefined;
}

export interface Laggard {
  /** `shop/payment-v1-abc`. */
  readonly pod: string;
  readonly reason: string;
}

export const MAX_LAGGARDS = 5;
const MAX_REASON = 256;

interface ProxyStanding {
  readonly acked: boolean;
  readonly inForce: boolean;
  readonly rejected: string | undefined;
  readonly owedSince: number | undefined;
  readonly ackedAt: number | undefined;
}

interface Tally {
  selected: number;
  acked: number;
  inForce: number;
  draining: number;
  rejected: number;
  lagging: number;
  unreachable: number;
  unexcused: number;
  missing: number;
  nextChangeAt: number | undefined;
  readonly behind: { readonly rank: number; readonly pod: string; readonly reason: string }[];
}

/** Names the setting to change: Cilium is the one whose default does this. */
const BYPASSED =
  'Service addresses are rewritten before the proxy sees them, so routes do not apply; with Cilium set socketLB.hostNamespaceOnly=true';

/** Pure: the numbers of one generation of one policy from the entries that may speak of it. */
export function rolloutOf(
  query: RolloutQuery,
  holders: ReadonlyMap<ProxyRecord, ReadonlySet<KeyEntry>>,
  uncertain: ReadonlyMap<ProxyRecord, ReadonlySet<KeyEntry>>,
): Rollout {
  const tally: Tally = {
    selected: 0,
    acked: 0,
    inForce: 0,
    draining: 0,
    rejected: 0,
    lagging: 0,
    unreachable: 0,
    unexcused: 0,
    missing: 0,
    nextChangeAt: undefined,
    behind: [],
  };
  for (const [record, entries] of holders) {
    const also = uncertain.get(record);
    addProxy(tally, query, record, also === undefined ? entries : new Set([...entries, ...also]));
  }
  for (const [record, entries] of uncertain) if (!holders.has(record)) addProxy(tally, query, record, entries);
  for (const pod of query.unheard) addUnheard(tally, query, pod);
  const { behind, ...numbers } = tally;
  return { generation: query.generation, ...numbers, laggards: worst(behind) };
}

function addProxy(tally: Tally, query: RolloutQuery, record: ProxyRecord, entries: Iterable<KeyEntry>): void {
  const standing = proxyStanding(tally, query, record, entries);
  if (standing === undefined) return;
  const { now } = query;
  const reachable = now - record.lastHeard < UNREACHABLE_MS;
  tally.selected++;
  tally.draining += record.draining;
  if (standing.acked) tally.acked++;
  if (standing.inForce) tally.inForce++;
  if (standing.rejected !== undefined) tally.rejected++;
  if (!reachable) tally.unreachable++;
  const excused = !reachable && isExcused(query, record.pod);
  if (!reachable && !excused) tally.unexcused++;
  if (!standing.inForce && !excused) tally.missing++;
  const isLagging = lags(tally, standing, record, reachable, now);
  if (isLagging) tally.lagging++;
  if (standing.inForce && reachable) return;
  const say = (rank: number, reason: string): void =>
    void tally.behind.push({ rank, pod: podName(record.pod), reason });
  if (standing.rejected !== undefined) say(0, `rejected: ${standing.rejected}`);
  else if (!reachable) say(standing.inForce ? 3 : 1, unreachableText(query, record, standing));
  else if (isLagging) say(2, `connected, no acknowledgement within ${LAGGING_MS / 1000} s`);
  else if (standing.ackedAt !== undefined && isDue(tally, standing.ackedAt + LAGGING_MS, now)) {
    say(4, 'acknowledged, but decisions under the older generation still run');
  }
}

/** Folds all keys of a proxy into one; undefined: the proxy is not selected. */
function proxyStanding(
  tally: Tally,
  query: RolloutQuery,
  record: ProxyRecord,
  entries: Iterable<KeyEntry>,
): ProxyStanding | undefined {
  const counted: Standing[] = [];
  let calls = false;
  for (const entry of entries) {
    const standing = standingOf(entry, query.uid, query.generation, query.now, query.mayHold(record.pod, entry.key));
    if (standing.counted) {
      counted.push(standing);
      calls ||= entry.key !== WORKLOAD_KEY;
    } else if (standing.countsAt !== undefined) noteTime(tally, standing.countsAt);
  }
  if (counted.length === 0) return undefined;
  const isBypassed = query.byServiceAddress === true && record.isBypassed && calls;
  return {
    acked: counted.every((one) => one.acked),
    inForce: !isBypassed && counted.every((one) => one.inForce),
    rejected: counted.find((one) => one.rejected !== undefined)?.rejected ?? (isBypassed ? BYPASSED : undefined),
    owedSince: least(counted.filter((one) => !one.acked && one.rejected === undefined).map((one) => one.owedSince)),
    ackedAt: least(counted.map((one) => one.ackedAt)),
  };
}

function lags(tally: Tally, standing: ProxyStanding, record: ProxyRecord, reachable: boolean, now: number): boolean {
  if (standing.acked || standing.owedSince === undefined || !reachable || !record.connected) return false;
  return isDue(tally, standing.owedSince + LAGGING_MS, now);
}

function isDue(tally: Tally, at: number, now: number): boolean {
  if (now >= at) return true;
  noteTime(tally, at);
  return false;
}

function noteTime(tally: Tally, at: number): void {
  tally.nextChangeAt = Math.min(tally.nextChangeAt ?? at, at);
}

function addUnheard(tally: Tally, query: RolloutQuery, pod: PodRef): void {
  if (!query.mayHold(pod, undefined)) return;
  tally.selected++;
  tally.unreachable++;
  if (!isExcused(query, pod)) {
    tally.unexcused++;
    tally.missing++;
  }
  tally.behind.push({
    rank: 1,
    pod: podName(pod),
    reason: 'not heard of since this operator leads: what it holds is unknown',
  });
}

function isExcused(query: RolloutQuery, pod: PodRef): boolean {
  const state = query.stateOf(pod.uid);
  return state === 'notReady' || state === 'terminating' || state === 'gone';
}

function unreachableText(query: RolloutQuery, record: ProxyRecord, standing: ProxyStanding): string {
  const link = record.connected ? 'stream open' : 'disconnected';
  const state = query.stateOf(record.pod.uid);
  const pod = state === 'notReady' ? ', pod NotReady' : state === 'terminating' ? ', pod terminating' : '';
  const last = standing.inForce ? ', in force when last heard' : '';
  return `no answer for ${UNREACHABLE_MS / 1000} s (${link}${pod})${last}`;
}

function worst(behind: Tally['behind']): Laggard[] {
  return behind
    .sort((left, right) => left.rank - right.rank || (left.pod < right.pod ? -1 : 1))
    .slice(0, MAX_LAGGARDS)
    .map(({ pod, reason }) => ({ pod, reason: reason.slice(0, MAX_REASON) }));
}

function least(times: readonly (number | undefined)[]): number | undefined {
  return times.reduce((best, time) => (time === undefined ? best : Math.min(best ?? time, time)), undefined);
}
