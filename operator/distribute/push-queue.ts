import { type Key, WORKLOAD_KEY } from '../../proxy/contract/snapshot.ts';

/** What one proxy is owed: at most one entry a key, whatever happens meanwhile. Bounded by the keys that the proxy holds. */
export class PushQueue {
  readonly #due = new Map<Key, number>();
  readonly #delayed = new Map<Key, number>();

  get size(): number {
    return this.#due.size + this.#delayed.size;
  }

  /** Owed since `dueAt`; an earlier time is kept. A delayed key becomes due. */
  mark(key: Key, dueAt: number): void {
    const delayedSince = this.#delayed.get(key);
    this.#delayed.delete(key);
    const since = Math.min(this.#due.get(key) ?? dueAt, delayedSince ?? dueAt);
    this.#due.set(key, since);
  }

  /** The proxy's own side first (it holds the security sections), then in the order of becoming due. */
  take(): { readonly key: Key; readonly dueAt: number } | undefined {
    const key = this.#due.has(WORKLOAD_KEY) ? WORKLOAD_KEY : this.#due.keys().next().value;
    if (key === undefined) return undefined;
    const dueAt = this.#due.get(key)!;
    this.#due.delete(key);
    return { key, dueAt };
  }

  /** Owed, but not now. */
  delay(key: Key, dueAt: number): void {
    this.#delayed.set(key, dueAt);
  }

  remove(key: Key): void {
    this.#due.delete(key);
    this.#delayed.delete(key);
  }

  /** Everything owed, delayed or not. */
  keys(): Key[] {
    return [...this.#due.keys(), ...this.#delayed.keys()];
  }
}
