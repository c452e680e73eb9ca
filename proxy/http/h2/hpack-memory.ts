import { STATIC_INDEX, STATIC_NAMES } from './hpack-static.ts';
import { ENTRY_OVERHEAD } from './hpack-table.ts';
import { LONGEST_NAME, SENSITIVE } from './sensitive-names.ts';

/** Names remembered a connection; one more and all are forgotten. */
const MOST_NAMES = 64;
/** Places of a list whose names are remembered. */
const MOST_PLACES = 16;
/** A larger field is not kept: one must not evict all others. */
const LARGEST_ENTRY = 1_024;
/** Other values that a value which was kept outlives. */
const PATIENCE = 4;
/** A name whose values never repeat is looked at again after so many at most. */
const LONGEST_WAIT = 64;
/** Insertions that a name may make without one hit; then it has to be seen twice so many times for one more. */
const CREDIT = 4;
const MOST_CREDIT = 8;

/** What an encoder knows of a name on its connection. */
export interface KnownName {
  /** '': too long to be remembered. */
  readonly name: string;
  /** Static index of the name, 0: none. */
  readonly index: number;
  /** Last static entry of this name when those have values worth comparing, else 0. */
  readonly lastExact: number;
  readonly secret: boolean;
  /** The value that may repeat. */
  value: string | undefined;
  /** Number of the insertion that has `value`; 0: none. */
  valueAt: number;
  /** Number of the last insertion of this name; 0: none. */
  nameAt: number;
  /** Other values still let pass before `value` is replaced. */
  patience: number;
  wait: number;
  credit: number;
}

/** Entries that 4,096 bytes can hold: the names of fields have at least a byte, so it is one less. A power of two. */
const MOST_ENTRIES = 4_096 / ENTRY_OVERHEAD;

/** Static entries that have values: :method 2–3, :path 4–5, :scheme 6–7, :status 8–14. */
const LAST_EXACT: readonly number[] = [0, 0, 3, 3, 5, 5, 7, 7, 14];

/**
 * What the peer's dynamic table holds of ours (RFC 7541 2.3.2, 4), and which fields are worth a place there: a value that came twice for its name. Values
 * that differ each time (trace ids, times) are written as literals, with the name from the table. All is bounded: names, bytes, entries.
 */
export class FieldMemory {
  readonly #names = new Map<string, KnownName>();
  /** The names of the last list, by their place in it: the next one is mostly alike, and this spares the look-up. */
  readonly #recent: (KnownName | undefined)[] = [];
  #version = SENSITIVE.version;
  #capacity: number;
  #bytes = 0;
  /** Insertions are numbered from 1; those below `#oldest` are evicted. */
  #newest = 0;
  #oldest = 1;
  /** Size of each entry that lives, by its number modulo the length; made with the first entry. */
  #sizes: Uint16Array | undefined;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get bytes(): number {
    return this.#bytes;
  }

  resize(capacity: number): void {
    this.#capacity = capacity;
    this.#evict(0);
  }

  /** Names became sensitive: each is judged anew when it comes. */
  refresh(version: number): void {
    if (version === this.#version) return;
    this.#version = version;
    this.#forget();
  }

  /** `nth`: the field's place in its list, from 0. */
  name(name: string, nth: number): KnownName {
    const recent = this.#recent[nth];
    if (recent !== undefined && recent.name === name) return recent;
    const known = this.#names.get(name) ?? this.#meet(name);
    if (nth < MOST_PLACES && known.name !== '') this.#recent[nth] = known;
    return known;
  }

  #forget(): void {
    this.#names.clear();
    this.#recent.length = 0;
  }

  /** Place of the remembered value in the table, from 1, the newest; 0: it is not there. */
  placeOf(known: KnownName): number {
    if (known.valueAt < this.#oldest) return 0;
    known.patience = PATIENCE;
    if (known.credit < MOST_CREDIT) known.credit++;
    return this.#newest - known.valueAt + 1;
  }

  placeOfName(known: KnownName): number {
    return known.nameAt < this.#oldest ? 0 : this.#newest - known.nameAt + 1;
  }

  /** The remembered value came again and is not in the table: true when it was added, and the peer must add it. */
  keep(known: KnownName, size: number): boolean {
    if (known.credit <= 0) {
      known.credit++;
      return false;
    }
    if (!this.#add(size)) return false;
    known.credit = known.credit === 1 ? -MOST_CREDIT : known.credit - 1;
    known.valueAt = known.nameAt = this.#newest;
    known.patience = PATIENCE;
    known.wait = 1;
    return true;
  }

  /** A name outside the static table came again, with another value: true when the field was added for its name. Never at the cost of another entry. */
  keepName(known: KnownName, size: number): boolean {
    if (known.value === undefined || this.#bytes + size > this.#capacity || !this.#add(size)) return false;
    known.valueAt = known.nameAt = this.#newest;
    return true;
  }

  /** Another value than the remembered one: whether to remember it instead. */
  wants(known: KnownName, size: number): boolean {
    if (this.#capacity === 0 || size > LARGEST_ENTRY || known.patience-- > 0) return false;
    known.valueAt = 0;
    known.patience = known.wait;
    known.wait = Math.min(LONGEST_WAIT, known.wait * 2);
    return true;
  }

  #meet(name: string): KnownName {
    const index = STATIC_INDEX.get(name) ?? 0;
    // Too long ones are sensitive: there is nothing to remember of them. The others are copied: `name` may be a slice that keeps a whole head alive.
    const long = name.length > LONGEST_NAME;
    const own = long ? '' : index !== 0 ? STATIC_NAMES[index]! : Buffer.from(name, 'latin1').toString('latin1');
    const known: KnownName = {
      name: own,
      index,
      lastExact: LAST_EXACT[index] ?? 0,
      secret: SENSITIVE.has(name),
      value: undefined,
      valueAt: 0,
      nameAt: 0,
      patience: 0,
      wait: 1,
      credit: CREDIT,
    };
    if (long) return known;
    if (this.#names.size >= MOST_NAMES) this.#forget();
    this.#names.set(own, known);
    return known;
  }

  #add(size: number): boolean {
    if (size > LARGEST_ENTRY || size > this.#capacity) return false;
    this.#evict(size);
    this.#sizes ??= new Uint16Array(MOST_ENTRIES);
    this.#newest++;
    this.#sizes[this.#newest & (MOST_ENTRIES - 1)] = size;
    this.#bytes += size;
    return true;
  }

  /** RFC 7541 4.3, 4.4: the oldest go until there is room. */
  #evict(incoming: number): void {
    while (this.#oldest <= this.#newest && this.#bytes + incoming > this.#capacity) {
      this.#bytes -= this.#sizes![this.#oldest & (MOST_ENTRIES - 1)]!;
      this.#oldest++;
    }
  }
}
