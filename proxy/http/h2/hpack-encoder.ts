import { DEFAULT_TABLE } from './codes.ts';
import { writeInteger } from './hpack-integer.ts';
import { FieldMemory, type KnownName } from './hpack-memory.ts';
import { STATIC_LENGTH, STATIC_VALUES } from './hpack-static.ts';
import { ENTRY_OVERHEAD } from './hpack-table.ts';
import { SENSITIVE } from './sensitive-names.ts';

/** Most bytes that one field adds to its name and value: the prefix byte and two length prefixes of at most 4 bytes each. */
const FIELD_OVERHEAD = 9;
/** Two size updates of at most 3 bytes each. */
const BLOCK_OVERHEAD = 6;
/** Below this a loop over the characters is cheaper than the call into C++ (measured: hack/bench/micro/mesh.bench.ts). */
const SHORT = 24;

/** The first bits of each representation (RFC 7541 6). */
const INDEXED = 0x80;
const KEPT = 0x40;
const SIZE_UPDATE = 0x20;
const NEVER = 0x10;
const PLAIN = 0;

/** Upper bound of the encoded size of `list`, bytes. */
export function hpackBound(list: readonly string[]): number {
  let bytes = BLOCK_OVERHEAD;
  for (let index = 0; index < list.length; index++) bytes += list[index]!.length;
  return bytes + (list.length >> 1) * FIELD_OVERHEAD;
}

/**
 * Encodes field blocks: static indices, the dynamic table for values that repeat (`FieldMemory` says which), literals for the rest, no Huffman.
 * Blocks must reach the peer in the order in which they were encoded. Source: RFC 7541.
 */
export class HpackEncoder {
  readonly #memory: FieldMemory;
  readonly #most: number;
  #capacity: number;
  /** The smallest capacity since the last block; -1: no size update is due. */
  #least = -1;

  /** `tableBytes`: what we use of the peer's table at most, whatever it allows; 0: static indices and literals only. */
  constructor(tableBytes = DEFAULT_TABLE) {
    this.#most = tableBytes;
    this.#capacity = tableBytes;
    this.#memory = new FieldMemory(tableBytes);
  }

  /** Bytes that the peer's dynamic table holds of ours (RFC 7541 4.1). */
  get tableBytes(): number {
    return this.#memory.bytes;
  }

  /** The peer's SETTINGS_HEADER_TABLE_SIZE. A change is told in the next block, with the smallest size in between (RFC 7541 4.2). */
  peerTableSize(bytes: number): void {
    // Who keeps an empty table for 4,096 bytes has to say that it is smaller now, even if we never used it.
    const before = this.#most === 0 ? DEFAULT_TABLE : this.#capacity;
    const capacity = Math.min(bytes, this.#most);
    if (bytes >= before && capacity === this.#capacity) return;
    this.#capacity = capacity;
    this.#least = this.#least === -1 ? capacity : Math.min(capacity, this.#least);
    this.#memory.resize(capacity);
  }

  /** Writes the block of `list` (name, value, …; latin1) at `at`; there must be room for `hpackBound`. Returns the position after it. */
  encode(list: readonly string[], buffer: Buffer, at: number): number {
    let next = this.#least === -1 ? at : this.#sizeUpdates(buffer, at);
    this.#memory.refresh(SENSITIVE.version);
    for (let index = 0; index < list.length; index += 2)
      next = this.#field(list[index]!, list[index + 1]!, index >> 1, buffer, next);
    return next;
  }

  #sizeUpdates(buffer: Buffer, at: number): number {
    let next = at;
    if (this.#least < this.#capacity) next = writeInteger(buffer, next, SIZE_UPDATE, 5, this.#least);
    next = writeInteger(buffer, next, SIZE_UPDATE, 5, this.#capacity);
    this.#least = -1;
    return next;
  }

  #field(name: string, value: string, nth: number, buffer: Buffer, at: number): number {
    const known = this.#memory.name(name, nth);
    if (known.lastExact !== 0) {
      const exact = exactIndex(known, value);
      if (exact !== 0) {
        buffer[at] = INDEXED | exact;
        return at + 1;
      }
    }
    if (known.value !== value) return this.#changed(known, name, value, buffer, at);
    const place = this.#memory.placeOf(known);
    if (place !== 0) return writeInteger(buffer, at, INDEXED, 7, STATIC_LENGTH + place);
    const index = this.#nameIndex(known);
    const keep = this.#memory.keep(known, name.length + value.length + ENTRY_OVERHEAD);
    return literal(keep ? KEPT : PLAIN, index, name, value, buffer, at);
  }

  /** Not the value that is remembered for this name. */
  #changed(known: KnownName, name: string, value: string, buffer: Buffer, at: number): number {
    const index = this.#nameIndex(known);
    if (known.secret) return literal(NEVER, index, name, value, buffer, at);
    const size = name.length + value.length + ENTRY_OVERHEAD;
    const first = index === 0 && this.#memory.keepName(known, size) ? KEPT : PLAIN;
    const end = literal(first, index, name, value, buffer, at);
    // From the buffer: what `value` was cut from is not held.
    if (first === KEPT || this.#memory.wants(known, size))
      known.value = buffer.toString('latin1', end - value.length, end);
    return end;
  }

  #nameIndex(known: KnownName): number {
    if (known.index !== 0) return known.index;
    const place = this.#memory.placeOfName(known);
    return place === 0 ? 0 : STATIC_LENGTH + place;
  }
}

/** RFC 7541 6.2: 6 bits of index where the field is kept, else 4. */
function literal(first: number, index: number, name: string, value: string, buffer: Buffer, at: number): number {
  const next = writeInteger(buffer, at, first, first === KEPT ? 6 : 4, index);
  return writeString(buffer, index === 0 ? writeString(buffer, next, name) : next, value);
}

/** Index of a static entry with this value, or 0. */
function exactIndex(known: KnownName, value: string): number {
  for (let index = known.index; index <= known.lastExact; index++) if (STATIC_VALUES[index] === value) return index;
  return 0;
}

function writeString(buffer: Buffer, at: number, text: string): number {
  const length = text.length;
  const next = writeInteger(buffer, at, 0, 7, length);
  if (length >= SHORT) return next + buffer.write(text, next, length, 'latin1');
  for (let index = 0; index < length; index++) buffer[next + index] = text.charCodeAt(index);
  return next + length;
}
