export interface OldestOutOptions<V> {
  /** Most entries. */
  readonly most: number;
  /** Most weight of all together; the newest entry stays whatever it weighs. */
  readonly heaviest: number;
  readonly weightOf: (value: V) => number;
}

/** A map that forgets its oldest entries (by when they were last set) where it has too many, or too heavy ones. */
export class OldestOut<V> {
  readonly #options: OldestOutOptions<V>;
  readonly #entries = new Map<string, V>();
  #weight = 0;

  constructor(options: OldestOutOptions<V>) {
    this.#options = options;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(key: string): V | undefined {
    return this.#entries.get(key);
  }

  set(key: string, value: V): void {
    this.#drop(key);
    this.#entries.set(key, value);
    this.#weight += this.#options.weightOf(value);
    const { most, heaviest } = this.#options;
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size <= 1 || (this.#entries.size <= most && this.#weight <= heaviest)) return;
      this.#drop(oldest);
    }
  }

  #drop(key: string): void {
    const value = this.#entries.get(key);
    if (value === undefined) return;
    this.#entries.delete(key);
    this.#weight -= this.#options.weightOf(value);
  }
}
