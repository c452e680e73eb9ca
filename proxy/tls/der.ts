/** One element of DER (X.690): tag and where its content stands in the buffer it was read from. */
export interface Element {
  readonly tag: number;
  readonly start: number;
  readonly end: number;
}

export const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  oid: 0x06,
  sequence: 0x30,
} as const;

/** Thrown for anything that is not plain DER; the message is for an error's detail. */
export class DerError extends Error {}

/** Reads the element at `at` within `end`. Definite lengths and low tag numbers only: certificates have no others. */
export function readElement(buffer: Uint8Array, at: number, end: number): Element {
  const tag = byteAt(buffer, at, end);
  if ((tag & 0x1f) === 0x1f) throw new DerError('a high tag number');
  const first = byteAt(buffer, at + 1, end);
  let length = first;
  let start = at + 2;
  if (first >= 0x80) {
    const count = first & 0x7f;
    if (count === 0 || count > 3) throw new DerError('an indefinite or huge length');
    length = 0;
    for (let index = 0; index < count; index++) length = length * 256 + byteAt(buffer, start++, end);
  }
  if (start + length > end) throw new DerError('an element longer than what holds it');
  return { tag, start, end: start + length };
}

/** The elements directly inside `parent`. */
export function childrenOf(buffer: Uint8Array, parent: Element): Element[] {
  const children: Element[] = [];
  for (let at = parent.start; at < parent.end; ) {
    const child = readElement(buffer, at, parent.end);
    children.push(child);
    at = child.end;
  }
  return children;
}

function byteAt(buffer: Uint8Array, at: number, end: number): number {
  if (at >= end) throw new DerError('cut off');
  return buffer[at]!;
}
