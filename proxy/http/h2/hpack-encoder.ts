import { writeInteger } from './hpack-integer.ts';
import { STATIC_INDEX, STATIC_VALUES } from './hpack-static.ts';

/** Most bytes that one field adds to its name and value: the prefix byte and two length prefixes of at most 4 bytes each. */
const FIELD_OVERHEAD = 9;
/** Below this a loop over the characters is cheaper than the call into C++ (measured: hack/bench/micro/mesh.bench.ts). */
const SHORT = 24;

/** Upper bound of the encoded size of `list`, bytes. */
export function hpackBound(list: readonly string[]): number {
  let bytes = 1;
  for (let index = 0; index < list.length; index++) bytes += list[index]!.length;
  return bytes + (list.length >> 1) * FIELD_OVERHEAD;
}

/**
 * Encodes field blocks: static indices where they fit, literals without indexing otherwise, no Huffman. No state a
 * connection must keep, so nothing can run out of step. Source: RFC 7541 6.1, 6.2.2.
 */
export class HpackEncoder {
  #announceEmptyTable = false;

  /** The peer's SETTINGS_HEADER_TABLE_SIZE. One below the default must be answered by a size update in the next block (RFC 7541 4.2). */
  peerTableSize(bytes: number): void {
    if (bytes < 4_096) this.#announceEmptyTable = true;
  }

  /** Writes the block of `list` (name, value, …; latin1) at `at`; there must be room for `hpackBound`. Returns the position after it. */
  encode(list: readonly string[], buffer: Buffer, at: number): number {
    let next = at;
    if (this.#announceEmptyTable) {
      buffer[next++] = 0x20;
      this.#announceEmptyTable = false;
    }
    for (let index = 0; index < list.length; index += 2)
      next = encodeField(list[index]!, list[index + 1]!, buffer, next);
    return next;
  }
}

function encodeField(name: string, value: string, buffer: Buffer, at: number): number {
  const index = STATIC_INDEX.get(name) ?? 0;
  const exact = index !== 0 && index < 15 ? exactIndex(index, value) : 0;
  if (exact !== 0) {
    buffer[at] = 0x80 | exact;
    return at + 1;
  }
  const next = writeInteger(buffer, at, 0, 4, index);
  return writeString(buffer, index === 0 ? writeString(buffer, next, name) : next, value);
}

/** Index of a static entry with this value among those that share the name of `first`, or 0. Only indices up to 14 have values worth it. */
function exactIndex(first: number, value: string): number {
  const last = LAST_OF_NAME[first]!;
  for (let index = first; index <= last; index++) if (STATIC_VALUES[index] === value) return index;
  return 0;
}

/** :authority has no value; :method 2–3, :path 4–5, :scheme 6–7, :status 8–14. */
const LAST_OF_NAME: readonly number[] = [0, 0, 3, 3, 5, 5, 7, 7, 14, 14, 14, 14, 14, 14, 14];

function writeString(buffer: Buffer, at: number, text: string): number {
  const length = text.length;
  const next = writeInteger(buffer, at, 0, 7, length);
  if (length >= SHORT) return next + buffer.write(text, next, length, 'latin1');
  for (let index = 0; index < length; index++) buffer[next + index] = text.charCodeAt(index);
  return next + length;
}
