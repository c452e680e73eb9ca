import type { Key } from '../../proxy/contract/snapshot.ts';
import type { Session } from './session.ts';

/** Which streams hold which keys. */
export class Holders {
  readonly #byKey = new Map<Key, Set<Session>>();
  readonly #keys = new Map<Session, Set<Key>>();

  hold(session: Session, key: Key): void {
    addTo(this.#byKey, key, session);
    addTo(this.#keys, session, key);
  }

  release(session: Session, key: Key): void {
    removeFrom(this.#byKey, key, session);
    removeFrom(this.#keys, session, key);
  }

  releaseAll(session: Session): void {
    for (const key of this.#keys.get(session) ?? []) removeFrom(this.#byKey, key, session);
    this.#keys.delete(session);
  }

  of(key: Key): Iterable<Session> {
    return this.#byKey.get(key) ?? [];
  }

  keysOf(session: Session): Iterable<Key> {
    return this.#keys.get(session) ?? [];
  }
}

function addTo<K, V>(map: Map<K, Set<V>>, key: K, value: V): void {
  const existing = map.get(key);
  if (existing === undefined) map.set(key, new Set([value]));
  else existing.add(value);
}

function removeFrom<K, V>(map: Map<K, Set<V>>, key: K, value: V): void {
  const existing = map.get(key);
  if (existing?.delete(value) === true && existing.size === 0) map.delete(key);
}
