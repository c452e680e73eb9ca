import type { ObjectKey } from './records.ts';

/** How a record is found by other things than its key. */
export interface Index<Kept> {
  add(record: Kept): void;
  remove(record: Kept): void;
}

/** Records of one kind by key, with their indexes kept in step. */
export class Table<Kept> {
  readonly #records = new Map<ObjectKey, Kept>();
  readonly #indexes: readonly Index<Kept>[];

  constructor(...indexes: readonly Index<Kept>[]) {
    this.#indexes = indexes;
  }

  get size(): number {
    return this.#records.size;
  }

  get(key: ObjectKey): Kept | undefined {
    return this.#records.get(key);
  }

  values(): IterableIterator<Kept> {
    return this.#records.values();
  }

  /** Puts the record in the place of the one before, or removes it (undefined). Returns the one before. */
  put(key: ObjectKey, record: Kept | undefined): Kept | undefined {
    const previous = this.#records.get(key);
    if (previous !== undefined) for (const index of this.#indexes) index.remove(previous);
    if (record === undefined) this.#records.delete(key);
    else this.#records.set(key, record);
    if (record !== undefined) for (const index of this.#indexes) index.add(record);
    return previous;
  }
}

/** An index by any number of keys a record. */
export class KeyIndex<Kept> implements Index<Kept> {
  readonly #sets = new Map<string, Set<Kept>>();
  readonly #keysOf: (record: Kept) => Iterable<string>;

  constructor(keysOf: (record: Kept) => Iterable<string>) {
    this.#keysOf = keysOf;
  }

  get(key: string): ReadonlySet<Kept> {
    return this.#sets.get(key) ?? NOTHING;
  }

  add(record: Kept): void {
    for (const key of this.#keysOf(record)) {
      const set = this.#sets.get(key);
      if (set === undefined) this.#sets.set(key, new Set([record]));
      else set.add(record);
    }
  }

  /** `record` must be the very object that was added. */
  remove(record: Kept): void {
    for (const key of this.#keysOf(record)) {
      const set = this.#sets.get(key);
      set?.delete(record);
      if (set?.size === 0) this.#sets.delete(key);
    }
  }
}

const NOTHING: ReadonlySet<never> = new Set();
