import type { Key } from '../contract/snapshot.ts';
import type { ConfigurationStore, InForce } from './apply.ts';
import type { StreamState } from './stream-client.ts';

/** What control needs of `policy/store`. */
export interface ControlStore extends ConfigurationStore {
  onWanted?: ((key: Key) => void) | undefined;
  setControlState(state: 'connected' | 'disconnected'): void;
  lastUsed(key: Key): number;
  draining(): number;
}

/** Where configuration comes from: an operator, or a file. */
export interface Control {
  readonly connected: boolean;
  readonly state: StreamState['kind'] | 'file';
  /** What is in force, by key. */
  readonly inForce: ReadonlyMap<Key, InForce>;
  readonly addressesVersion: string | undefined;
  /** Puts the kept workload and addresses in force, then connects; returns at once. */
  start(): void;
  stop(): void;
}
