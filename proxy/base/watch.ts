/** Latest-value cell: readers look at `value`, watchers hear of each change after it happened. */
export interface Watch<T> {
  readonly value: T;
  /** Calls `listener` on each later change; the returned function ends that. */
  subscribe(listener: (value: T, previous: T) => void): () => void;
}

export class Cell<T> implements Watch<T> {
  #value: T;
  readonly #listeners = new Set<(value: T, previous: T) => void>();

  constructor(initial: T) {
    this.#value = initial;
  }

  get value(): T {
    return this.#value;
  }

  /** Sets the value and tells every watcher, also when the value is equal: the writer decides what counts as a change. */
  set(value: T): void {
    const previous = this.#value;
    this.#value = value;
    for (const listener of [...this.#listeners]) listener(value, previous);
  }

  subscribe(listener: (value: T, previous: T) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }
}
