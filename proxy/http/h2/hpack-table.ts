/** RFC 7541 4.1: what an entry costs beside its bytes. */
export const ENTRY_OVERHEAD = 32;

/** Whether name and value hold only bytes that a field may hold. */
export type Soundness = 'sound' | 'bad value' | 'bad name';

/** The dynamic table (RFC 7541 2.3.2): newest first, bounded in bytes. */
export class DynamicTable {
  #names: string[] = [];
  #values: string[] = [];
  /** A reference is as malformed as the literal was; one to the name alone only as the name was. */
  #bad: Soundness[] = [];
  /** Entries before this place are evicted. */
  #head = 0;
  #bytes = 0;
  #capacity: number;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get length(): number {
    return this.#names.length - this.#head;
  }

  get bytes(): number {
    return this.#bytes;
  }

  set capacity(bytes: number) {
    this.#capacity = bytes;
    this.#evict(0);
  }

  /** `index` counts from 1, the newest. */
  name(index: number): string {
    return this.#names[this.#names.length - index]!;
  }

  value(index: number): string {
    return this.#values[this.#values.length - index]!;
  }

  bad(index: number): boolean {
    return this.#bad[this.#bad.length - index] !== 'sound';
  }

  badName(index: number): boolean {
    return this.#bad[this.#bad.length - index] === 'bad name';
  }

  /** RFC 7541 4.4: an entry larger than the table empties it and is not added. */
  add(name: string, value: string, bad: Soundness): void {
    const size = name.length + value.length + ENTRY_OVERHEAD;
    this.#evict(size);
    if (size > this.#capacity) return;
    this.#names.push(name);
    this.#values.push(value);
    this.#bad.push(bad);
    this.#bytes += size;
  }

  #evict(incoming: number): void {
    while (this.length > 0 && this.#bytes + incoming > this.#capacity) {
      this.#bytes -= this.#names[this.#head]!.length + this.#values[this.#head]!.length + ENTRY_OVERHEAD;
      this.#names[this.#head] = '';
      this.#values[this.#head] = '';
      this.#head++;
    }
    // An entry is at least 32 bytes, so at most 128 live in 4 KiB; the dead ones are cut off now and then.
    if (this.#head < 128 && this.length > 0) return;
    this.#names = this.#names.slice(this.#head);
    this.#values = this.#values.slice(this.#head);
    this.#bad = this.#bad.slice(this.#head);
    this.#head = 0;
  }
}
