import type { Key } from '../contract/snapshot.ts';
import { type Built, newPortState, type PortState, type PortStates } from './built.ts';

/** Ports of one key whose learned state is kept across snapshots. */
const MAX_PORT_STATES = 1_024;

/** What is in force for one key: connections hold this and read `built` anew for each decision. */
export interface Entry {
  readonly key: Key;
  /** Undefined: not arrived, or removed. */
  readonly built: Built | undefined;
  /** Monotonic ms. Requests write it: an unused key is given up. */
  usedAt: number;
}

/** What the store holds of one key: its snapshot, who waits for it, and what was learned about its ports. Small until it is used: there are thousands. */
export class KeyEntry implements Entry, PortStates {
  readonly key: Key;
  built: Built | undefined;
  usedAt: number;
  #waiting: Set<() => void> | undefined;
  #ports: Map<number, PortState> | undefined;

  constructor(key: Key, usedAt: number) {
    this.key = key;
    this.usedAt = usedAt;
  }

  get waiting(): Set<() => void> {
    this.#waiting ??= new Set();
    return this.#waiting;
  }

  get awaited(): boolean {
    return this.#waiting !== undefined && this.#waiting.size > 0;
  }

  portState(port: number): PortState {
    this.#ports ??= new Map();
    let state = this.#ports.get(port);
    if (state === undefined) {
      if (this.#ports.size >= MAX_PORT_STATES) this.#ports.delete(this.#ports.keys().next().value!);
      state = newPortState();
      this.#ports.set(port, state);
    }
    return state;
  }
}
