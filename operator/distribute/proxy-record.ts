import type { Key } from '../../proxy/contract/snapshot.ts';
import type { KeyEntry } from './key-entry.ts';

/** What the world says of a proxy's pod now. `gone`: deleted, or ended (Succeeded, Failed). */
export type PodState = 'ready' | 'notReady' | 'terminating' | 'gone' | 'unknown';

export interface PodRef {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
}

/** One proxy = one pod. Lives as long as the pod, across streams. */
export interface ProxyRecord {
  readonly pod: PodRef;
  readonly entries: Map<Key, KeyEntry>;
  /** Entries with updates that are not reported in force: what a report has to look at. */
  readonly unreported: Set<KeyEntry>;
  connected: boolean;
  /** `Clock.now` of the last message. */
  lastHeard: number;
  reachable: boolean;
  /** Its hello said that something (a socket balancer of the CNI) rewrites Service addresses before the proxy sees them. */
  isBypassed: boolean;
  /** The world has shown this pod. */
  seen: boolean;
  /** Requests that the proxy decided under something older and still runs. */
  draining: number;
}

export function createRecord(pod: PodRef, now: number): ProxyRecord {
  return {
    pod,
    entries: new Map(),
    unreported: new Set(),
    connected: true,
    lastHeard: now,
    reachable: true,
    isBypassed: false,
    seen: false,
    draining: 0,
  };
}

/** `shop/payment-v1-abc`. */
export function podName(pod: PodRef): string {
  return `${pod.namespace}/${pod.name}`;
}
