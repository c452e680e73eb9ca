import { writeInteger } from '../../../proxy/http/h2/hpack-integer.ts';
import { STATIC_INDEX, STATIC_VALUES } from '../../../proxy/http/h2/hpack-static.ts';
import { huffmanCode } from '../../../proxy/http/h2/huffman.ts';

const CODES = Uint32Array.from({ length: 256 }, (_, symbol) => huffmanCode(symbol).bits);
const LENGTHS = Uint8Array.from({ length: 256 }, (_, symbol) => huffmanCode(symbol).length);

/** The way that the proxy does not take: static indices, and literals whose strings are Huffman-coded where that is shorter. */
export function createHuffmanEncoder(): (list: readonly string[], buffer: Buffer, at: number) => number {
  return (list, buffer, at) => {
    let next = at;
    for (let index = 0; index < list.length; index += 2) {
      const name = list[index]!;
      const value = list[index + 1]!;
      const known = STATIC_INDEX.get(name) ?? 0;
      const exact = known === 0 || known > 14 ? 0 : exactIndex(known, name, value);
      if (exact !== 0) {
        buffer[next++] = 0x80 | exact;
        continue;
      }
      next = writeInteger(buffer, next, 0, 4, known);
      if (known === 0) next = writeString(buffer, next, name);
      next = writeString(buffer, next, value);
    }
    return next;
  };
}

function exactIndex(first: number, name: string, value: string): number {
  for (let index = first; index <= 14; index++) {
    if (STATIC_INDEX.get(name) !== first) return 0;
    if (STATIC_VALUES[index] === value) return index;
  }
  return 0;
}

function writeString(buffer: Buffer, at: number, text: string): number {
  let bits = 0;
  for (let index = 0; index < text.length; index++) bits += LENGTHS[text.charCodeAt(index)]!;
  const bytes = (bits + 7) >> 3;
  if (bytes >= text.length) {
    const plain = writeInteger(buffer, at, 0, 7, text.length);
    return plain + buffer.write(text, plain, text.length, 'latin1');
  }
  let next = writeInteger(buffer, at, 0x80, 7, bytes);
  let pending = 0;
  let held = 0;
  for (let index = 0; index < text.length; index++) {
    const symbol = text.charCodeAt(index);
    let length = LENGTHS[symbol]!;
    const code = CODES[symbol]!;
    // At most 7 bits wait and a code has at most 30: in two steps where that is more than 32.
    if (length > 16) {
      length -= 16;
      pending = (pending << length) | (code >>> 16);
      for (held += length; held >= 8; held -= 8) buffer[next++] = pending >>> (held - 8);
      pending = (pending << 16) | (code & 0xffff);
      held += 16;
    } else {
      pending = (pending << length) | code;
      held += length;
    }
    for (; held >= 8; held -= 8) buffer[next++] = pending >>> (held - 8);
  }
  if (held > 0) buffer[next++] = (pending << (8 - held)) | (0xff >>> held);
  return next;
}
