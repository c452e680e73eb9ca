/**
 * Counts what is open by the client's address, so that one pod cannot take what all share; holds an entry only for addresses that have
 * something open. Where a network hides pods behind their node, an address stands for all of them.
 */
export class PerAddress {
  readonly #most: number;
  readonly #counts = new Map<string, number>();

  constructor(most: number) {
    this.#most = most;
  }

  /** Counts one more until what it returns is called, once; undefined: the address has enough already. */
  take(address: string | undefined): (() => void) | undefined {
    const name = address ?? '';
    const held = this.#counts.get(name) ?? 0;
    if (held >= this.#most) return undefined;
    this.#counts.set(name, held + 1);
    return () => this.#leave(name);
  }

  get addresses(): number {
    return this.#counts.size;
  }

  #leave(name: string): void {
    const left = (this.#counts.get(name) ?? 1) - 1;
    if (left === 0) this.#counts.delete(name);
    else this.#counts.set(name, left);
  }
}
