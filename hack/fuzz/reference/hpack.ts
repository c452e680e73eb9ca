import { STATIC_NAMES, STATIC_VALUES } from '../../../proxy/http/h2/hpack-static.ts';
import { huffmanEncode } from '../../../proxy/http/h2/huffman.ts';

/** What one block came to; `list` is cut at the limit when `too_large`. */
export interface ReferenceResult {
  readonly outcome: 'ok' | 'malformed' | 'too_large' | 'broken';
  readonly list: string[];
}

const NAME = /^:?[!#$%&'*+\-.^_`|~0-9a-z]+$/;
const VALUE = /^(?:[\x21-\x7e\x80-\xff](?:[\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?)?$/;

/** Whether a field may stand in a list (RFC 9113 8.2.1, RFC 9110 5.5). */
export const soundField = (name: string, value: string): boolean => NAME.test(name) && VALUE.test(value);

/**
 * RFC 7541 read as plainly as it goes: a list of pairs for the table, a tree walked bit by bit for Huffman, no state shared with the decoder under test
 * but the RFC's own tables. To compare with; slow.
 */
export class ReferenceDecoder {
  /** Newest first. */
  readonly entries: [name: string, value: string][] = [];
  capacity: number;
  /** The smallest capacity while the last block was read. */
  least: number;
  readonly #limit: number;
  readonly #maxList: number;
  #bytes: Buffer = Buffer.alloc(0);
  #at = 0;

  constructor(tableBytes: number, maxListBytes: number) {
    this.capacity = tableBytes;
    this.least = tableBytes;
    this.#limit = tableBytes;
    this.#maxList = maxListBytes;
  }

  decode(block: Buffer): ReferenceResult {
    this.#bytes = block;
    this.#at = 0;
    this.least = this.capacity;
    const fields: [string, string][] = [];
    try {
      for (let updates = 0; this.#at < block.length; ) {
        const field = this.#field(updates, fields.length === 0);
        if (field === undefined) updates++;
        else fields.push(field);
      }
    } catch (error) {
      if (!(error instanceof Broken)) throw error;
      return { outcome: 'broken', list: [] };
    }
    return judge(fields, this.#maxList);
  }

  /** Undefined: a size update. */
  #field(updates: number, first: boolean): [string, string] | undefined {
    const byte = this.#bytes[this.#at]!;
    if (byte >= 128) return this.#entry(this.#integer(7));
    if (byte >= 64) return this.#literal(6, true);
    if (byte < 32) return this.#literal(4, false);
    const capacity = this.#integer(5);
    if (!first || updates === 2 || capacity > this.#limit) throw new Broken();
    this.capacity = capacity;
    this.least = Math.min(this.least, capacity);
    this.#evict(0);
    return undefined;
  }

  #literal(bits: number, keep: boolean): [string, string] {
    const index = this.#integer(bits);
    const name = index === 0 ? this.#string() : this.#entry(index)[0];
    const value = this.#string();
    if (keep) {
      const size = name.length + value.length + 32;
      this.#evict(size);
      if (size <= this.capacity) this.entries.unshift([name, value]);
    }
    return [name, value];
  }

  #entry(index: number): [string, string] {
    if (index === 0) throw new Broken();
    if (index < STATIC_NAMES.length) return [STATIC_NAMES[index]!, STATIC_VALUES[index]!];
    const entry = this.entries[index - STATIC_NAMES.length];
    if (entry === undefined) throw new Broken();
    return entry;
  }

  #evict(incoming: number): void {
    const sum = (): number => this.entries.reduce((all, [name, value]) => all + name.length + value.length + 32, 0);
    while (this.entries.length > 0 && sum() + incoming > this.capacity) this.entries.pop();
  }

  /** RFC 7541 5.1, with the decoder's bound of four continuation bytes. */
  #integer(bits: number): number {
    const most = 2 ** bits - 1;
    let value = this.#byte() % 2 ** bits;
    if (value < most) return value;
    for (let place = 0; place < 4; place++) {
      const byte = this.#byte();
      value += (byte % 128) * 128 ** place;
      if (byte < 128) return value;
    }
    throw new Broken();
  }

  #string(): string {
    const huffman = (this.#bytes[this.#at] ?? 0) >= 128;
    const length = this.#integer(7);
    if (this.#at + length > this.#bytes.length) throw new Broken();
    const raw = this.#bytes.subarray(this.#at, this.#at + length);
    this.#at += length;
    return huffman ? unpack(raw) : raw.toString('latin1');
  }

  #byte(): number {
    const byte = this.#bytes[this.#at++];
    if (byte === undefined) throw new Broken();
    return byte;
  }
}

class Broken extends Error {}

function judge(fields: readonly [string, string][], maxList: number): ReferenceResult {
  const list: string[] = [];
  let bytes = 0;
  let bad = false;
  for (const [name, value] of fields) {
    bytes += name.length + value.length + 32;
    if (bytes > maxList) return { outcome: 'too_large', list };
    bad ||= !soundField(name, value);
    list.push(name, value);
  }
  return { outcome: bad ? 'malformed' : 'ok', list };
}

interface Node {
  readonly next: [Node | undefined, Node | undefined];
  symbol?: number;
}

const TREE = plant();

/** Eight times a symbol of L bits are L bytes: so the encoder of the tests says each code to the bit. */
function plant(): Node {
  const root: Node = { next: [undefined, undefined] };
  for (let symbol = 0; symbol < 256; symbol++) {
    const eight = huffmanEncode(String.fromCharCode(symbol).repeat(8));
    let node = root;
    for (let bit = 0; bit < eight.length; bit++) {
      const side = ((eight[bit >> 3]! >> (7 - (bit & 7))) & 1) as 0 | 1;
      node.next[side] ??= { next: [undefined, undefined] };
      node = node.next[side];
    }
    node.symbol = symbol;
  }
  return root;
}

/** RFC 7541 5.2: what is left over is at most seven bits of ones. */
function unpack(raw: Buffer): string {
  const symbols: number[] = [];
  let node = TREE;
  let rest = '';
  for (const byte of raw) {
    for (let bit = 7; bit >= 0; bit--) {
      const side = ((byte >> bit) & 1) as 0 | 1;
      const next = node.next[side];
      if (next === undefined) throw new Broken();
      rest = next.symbol === undefined ? rest + side : '';
      if (next.symbol !== undefined) symbols.push(next.symbol);
      node = next.symbol === undefined ? next : TREE;
    }
  }
  if (rest.length > 7 || rest.includes('0')) throw new Broken();
  return Buffer.from(symbols).toString('latin1');
}
