/** Slots at first. */
const LEAST = 8;

/**
 * The streams of a session by their number. Not a `Map`: one that lives long while its entries come and go is rebuilt every few entries, each old
 * table keeps the next alive, and the collector then takes every stream of a busy session for living (measured: a third of all garbage was copied and
 * promoted). Open addressing with linear probing; a removal closes its gap (Knuth, 6.4, algorithm R).
 */
export class StreamTable<Stream extends { readonly id: number }> {
  #slots: (Stream | undefined)[] = empty<Stream>(LEAST);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(id: number): Stream | undefined {
    const slots = this.#slots;
    const mask = slots.length - 1;
    for (let slot = homeOf(id, mask); ; slot = (slot + 1) & mask) {
      const stream = slots[slot];
      if (stream === undefined || stream.id === id) return stream;
    }
  }

  /** The number must be new. */
  add(stream: Stream): void {
    if ((this.#size + 1) * 2 > this.#slots.length) this.#grow();
    this.#put(stream);
    this.#size++;
  }

  /** False: there was none. */
  delete(id: number): boolean {
    const slots = this.#slots;
    const mask = slots.length - 1;
    let gap = homeOf(id, mask);
    for (let stream = slots[gap]; stream?.id !== id; stream = slots[gap]) {
      if (stream === undefined) return false;
      gap = (gap + 1) & mask;
    }
    this.#close(gap, mask);
    this.#size--;
    return true;
  }

  /** All that are there now, in order of their numbers: others may come and go while they are walked. */
  all(): Stream[] {
    return this.#slots.filter((stream) => stream !== undefined).sort((a, b) => a.id - b.id);
  }

  /** Moves back what the gap would hide. */
  #close(hole: number, mask: number): void {
    const slots = this.#slots;
    let gap = hole;
    for (let slot = (gap + 1) & mask; ; slot = (slot + 1) & mask) {
      const stream = slots[slot];
      if (stream === undefined) break;
      const home = homeOf(stream.id, mask);
      // It may move into the gap unless its home lies behind it.
      if (((slot - home) & mask) < ((slot - gap) & mask)) continue;
      slots[gap] = stream;
      gap = slot;
    }
    slots[gap] = undefined;
  }

  #put(stream: Stream): void {
    const mask = this.#slots.length - 1;
    let slot = homeOf(stream.id, mask);
    while (this.#slots[slot] !== undefined) slot = (slot + 1) & mask;
    this.#slots[slot] = stream;
  }

  #grow(): void {
    const before = this.#slots;
    this.#slots = empty<Stream>(before.length * 2);
    for (const stream of before) if (stream !== undefined) this.#put(stream);
  }
}

/** Numbers of one side are all odd, or all even. */
function homeOf(id: number, mask: number): number {
  return (id >>> 1) & mask;
}

function empty<Stream>(slots: number): (Stream | undefined)[] {
  return new Array<Stream | undefined>(slots).fill(undefined);
}
