import { HeddleError } from '../../base/errors.ts';
import type { AddressTable, Configuration, Key } from '../../contract/snapshot.ts';
import { unpack } from '../../policy/packed.ts';
import type { Prepared } from '../../policy/store.ts';
import type { ControlStore } from '../control.ts';

/** What `policy/store` promises to control, and nothing else. */
export class FakeStore implements ControlStore {
  onWanted: ((key: Key) => void) | undefined;
  readonly held = new Map<Key, Configuration>();
  readonly events: string[] = [];
  readonly used = new Map<Key, number>();
  table: AddressTable | undefined;
  state = '';
  running = 0;
  prepare(key: Key, content: Configuration): Prepared {
    if (content.kind === 'service' && content.ports[0]?.name === 'unbuildable') {
      throw new HeddleError('configuration', 'cannot be built', { where: { path: 'ports[0].name' } });
    }
    return { key, content };
  }
  commit(prepared: Prepared): void {
    this.held.set(prepared.key, unpack(prepared.content));
    this.events.push(`commit ${prepared.key}`);
  }
  remove(key: Key): void {
    this.held.delete(key);
    this.events.push(`remove ${key}`);
  }
  setAddresses(table: AddressTable): void {
    this.table = table;
  }
  setControlState(state: 'connected' | 'disconnected'): void {
    this.state = state;
  }
  lastUsed(key: Key): number {
    return this.used.get(key) ?? 0;
  }
  draining(): number {
    return this.running;
  }
}
