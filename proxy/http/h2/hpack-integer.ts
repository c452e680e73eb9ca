/** Integers of RFC 7541 5.1. Longer than this many continuation bytes or larger than 2^28 is refused: nothing that we accept is that large. */
const MOST_CONTINUATIONS = 4;

/** Reads integers; the position after the last one is `at`. One for each decoder: no allocation a call. */
export class IntegerReader {
  at = 0;

  /** An integer whose prefix of `bits` bits stands in the byte at `at`; -1 when it is cut off or too large. */
  read(buffer: Uint8Array, at: number, end: number, bits: number): number {
    const mask = (1 << bits) - 1;
    let value = buffer[at]! & mask;
    let next = at + 1;
    if (value === mask) {
      for (let count = 0, shift = 0; ; count++, shift += 7) {
        if (next >= end || count === MOST_CONTINUATIONS) return -1;
        const byte = buffer[next++]!;
        value += (byte & 0x7f) << shift;
        if ((byte & 0x80) === 0) break;
      }
    }
    this.at = next;
    return value;
  }
}

/** Writes `value` with a prefix of `bits` bits, `first` being the bits above it; returns the position after it. */
export function writeInteger(buffer: Uint8Array, at: number, first: number, bits: number, value: number): number {
  const mask = (1 << bits) - 1;
  if (value < mask) {
    buffer[at] = first | value;
    return at + 1;
  }
  buffer[at] = first | mask;
  let rest = value - mask;
  let next = at + 1;
  for (; rest >= 0x80; rest >>>= 7) buffer[next++] = (rest & 0x7f) | 0x80;
  buffer[next++] = rest;
  return next;
}
