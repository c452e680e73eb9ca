import type { Key } from '../contract/snapshot.ts';
import { type Built, newPortState, type PortState } from './build.ts';
import type { Entry } from './store.ts';

/** Ports of one key whose learned state is kept across snapshots. */
const MAX_PORT_STATES = 1_024;

/** What the store holds of one key: its snapshot, who waits for it, and what was learned about its ports. */
export class KeyEntry implements Entry {
  readonly key: Key;
  built: Built | undefined;
  usedAt: number;
  readonly waiting = new Set<() => void>();
  readonly ports = new Map<number, PortState>();

  constructor(key: Key, usedAt: number) {
    this.key = key;
    this.usedAt = usedAt;
  }
}

export function portStateOf(entry: KeyEntry, port: number): PortState {
  let state = entry.ports.get(port);
  if (state === undefined) {
    if (entry.ports.size >= MAX_PORT_STATES) entry.ports.delete(entry.ports.keys().next().value!);
    state = newPortState();
    entry.ports.set(port, state);
  }
  return state;
}
