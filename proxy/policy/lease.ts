/** A snapshot that counts what runs under it. */
interface Counted {
  running: number;
}

/** One running request or connection: counts under the snapshot of its newest decision. */
export class Lease {
  #on: Counted | undefined;

  /** Counts under `next` from now on; undefined: it is over. */
  move(next: Counted | undefined): void {
    if (this.#on !== undefined) this.#on.running--;
    if (next !== undefined) next.running++;
    this.#on = next;
  }
}
