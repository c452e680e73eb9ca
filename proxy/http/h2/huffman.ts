/**
 * Code lengths in bits of the symbols 0..255 and of EOS. Source: RFC 7541 appendix B. The code is canonical (sorted by
 * length, then by symbol), so the lengths are the whole code.
 */
const LENGTHS: readonly number[] = [
  13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28,
  28, 28, 28, 6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
  13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6, 15, 5, 6, 5, 6,
  5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28, 20, 22, 20, 20, 22, 22, 22, 23,
  22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24, 22, 21, 20, 22, 22,
  23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23, 26, 26,
  20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27,
  27, 20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27,
  27, 27, 27, 26, 30,
];

const EOS = 256;
/** Entry of `STEPS`: next state in the low byte; then whether a symbol is complete, whether the input is refused, and the symbol. */
const EMIT = 0x100;
const REFUSE = 0x200;
const SYMBOL_SHIFT = 16;

/** Codes of the symbols, as numbers of `LENGTHS[symbol]` bits. */
const CODES = assignCodes();
const { steps: STEPS, final: FINAL } = buildSteps();

/**
 * Decodes `source[start, end)` into `target` from 0 on and returns the number of bytes, or -1: EOS inside, padding
 * longer than 7 bits, or padding that is not the start of EOS (RFC 7541 5.2). `target` needs room for `huffmanBound`.
 */
export function huffmanDecode(source: Uint8Array, start: number, end: number, target: Uint8Array): number {
  let state = 0;
  let length = 0;
  for (let index = start; index < end; index++) {
    const byte = source[index]!;
    for (let half = 0; half < 2; half++) {
      const step = STEPS[(state << 4) | (half === 0 ? byte >>> 4 : byte & 15)]!;
      if ((step & REFUSE) !== 0) return -1;
      if ((step & EMIT) !== 0) target[length++] = step >>> SYMBOL_SHIFT;
      state = step & 0xff;
    }
  }
  return FINAL[state] === 1 ? length : -1;
}

/** Most bytes that `encoded` bytes can decode to: the shortest code has 5 bits. */
export function huffmanBound(encoded: number): number {
  return Math.floor((encoded * 8) / 5);
}

/** The code of a symbol: `length` bits, right-aligned. For measurements: what we send is not compressed this way (README). */
export function huffmanCode(symbol: number): { readonly bits: number; readonly length: number } {
  return { bits: CODES[symbol]!, length: LENGTHS[symbol]! };
}

/** Encodes latin1 text; for tests and for peers that we play in tests. */
export function huffmanEncode(text: string): Buffer {
  const bytes: number[] = [];
  let pending = 0;
  let bits = 0;
  for (let index = 0; index < text.length; index++) {
    const symbol = text.charCodeAt(index) & 0xff;
    for (let bit = LENGTHS[symbol]! - 1; bit >= 0; bit--) {
      pending = (pending << 1) | ((CODES[symbol]! >>> bit) & 1);
      if (++bits === 8) {
        bytes.push(pending);
        pending = 0;
        bits = 0;
      }
    }
  }
  if (bits > 0) bytes.push((pending << (8 - bits)) | (0xff >>> bits));
  return Buffer.from(bytes);
}

function assignCodes(): Uint32Array {
  const order = LENGTHS.map((_, symbol) => symbol).sort((a, b) => LENGTHS[a]! - LENGTHS[b]! || a - b);
  const codes = new Uint32Array(LENGTHS.length);
  let code = 0;
  let length = 0;
  for (const symbol of order) {
    code <<= LENGTHS[symbol]! - length;
    length = LENGTHS[symbol]!;
    codes[symbol] = code++;
  }
  return codes;
}

/** The tree's inner nodes are the states (256 of them); each step takes four bits, which complete at most one symbol. */
function buildSteps(): { steps: Uint32Array; final: Uint8Array } {
  const children: [number, number][] = [[0, 0]];
  const final = new Uint8Array(256);
  // Leaves are negative: -1 - symbol. 0 means "not there yet": the root is nobody's child.
  for (let symbol = 0; symbol < LENGTHS.length; symbol++) {
    let node = 0;
    for (let bit = LENGTHS[symbol]! - 1; bit > 0; bit--) {
      const side = (CODES[symbol]! >>> bit) & 1;
      if (children[node]![side] === 0) children[node]![side] = children.push([0, 0]) - 1;
      node = children[node]![side]!;
    }
    children[node]![CODES[symbol]! & 1] = -1 - symbol;
  }
  // Legal ends: at the root, or after at most 7 one-bits, the beginning of EOS.
  for (let node = 0, depth = 0; depth < 8; depth++) {
    final[node] = 1;
    node = children[node]![1]!;
  }
  const steps = new Uint32Array(256 * 16);
  for (let state = 0; state < children.length; state++) {
    for (let bits = 0; bits < 16; bits++) steps[(state << 4) | bits] = walk(children, state, bits);
  }
  return { steps, final };
}

function walk(children: readonly (readonly [number, number])[], state: number, bits: number): number {
  let node = state;
  let emitted = 0;
  for (let bit = 3; bit >= 0; bit--) {
    const child = children[node]![(bits >>> bit) & 1]!;
    if (child >= 0) {
      node = child;
      continue;
    }
    const symbol = -1 - child;
    if (symbol === EOS) return REFUSE;
    emitted = EMIT | (symbol << SYMBOL_SHIFT);
    node = 0;
  }
  return node | emitted;
}
