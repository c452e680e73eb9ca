/**
 * What a head costs in HPACK, four ways: static indices and literals, the same with Huffman strings, the dynamic table, and both. `node hack/bench/micro/hpack.bench.ts
 * [--runs N]`. CPU ns (user and system, median of seven interleaved rounds) to encode a head and to decode it again, and its bytes, on a connection that has
 * carried many. Heads come as the proxy gets them: decoded from a block of the sender, with fresh strings each time; what differs from request to request
 * in reality (trace ids, times, orders) differs here.
 */
import { parseArgs } from 'node:util';
import { HpackDecoder } from '../../../proxy/http/h2/hpack-decoder.ts';
import { HpackEncoder, hpackBound } from '../../../proxy/http/h2/hpack-encoder.ts';
import { HEADS } from './hpack-heads.ts';
import { createHuffmanEncoder } from './hpack-huffman.ts';

const { values } = parseArgs({ options: { runs: { type: 'string', default: '20000' } } });
const RUNS = Number(values.runs);
const ROUNDS = 7;
/** Heads of each kind that differ; a multiple of what one second of a busy caller carries. */
const VARIANTS = 512;
const LIMITS = { tableBytes: 4_096, maxListBytes: 65_536 };

type Encode = (list: readonly string[], buffer: Buffer, at: number) => number;
const WAYS: readonly (readonly [string, () => Encode])[] = [
  ['static and literals', () => encodeWith(new HpackEncoder(0))],
  ['… with Huffman', () => createHuffmanEncoder()],
  ['dynamic table', () => encodeWith(new HpackEncoder())],
];

function encodeWith(encoder: HpackEncoder): Encode {
  return (list, buffer, at) => encoder.encode(list, buffer, at);
}

const out = Buffer.alloc(65_536);

/** Blocks as another program sends them on its own connection, without a table. */
function sources(make: (index: number) => readonly string[]): Buffer[] {
  const encoder = new HpackEncoder(0);
  return Array.from({ length: VARIANTS }, (_, index) => {
    const list = make(index);
    const block = Buffer.alloc(hpackBound(list));
    return block.subarray(0, encoder.encode(list, block, 0));
  });
}

/** One pass over `RUNS` heads; `encode` undefined: only what comes before it. */
function pass(blocks: readonly Buffer[], encode: Encode | undefined, decoder: HpackDecoder | undefined): number {
  const from = new HpackDecoder({ ...LIMITS, tableBytes: 0 });
  const begin = process.cpuUsage();
  for (let run = 0; run < RUNS; run++) {
    const block = blocks[run % VARIANTS]!;
    const list: string[] = [];
    from.decode(block, 0, block.length, list);
    if (encode === undefined) continue;
    const end = encode(list, out, 0);
    if (decoder === undefined) continue;
    const again: string[] = [];
    if (decoder.decode(out, 0, end, again) !== 'ok') throw new Error('the block does not decode');
  }
  const { user, system } = process.cpuUsage(begin);
  return ((user + system) * 1_000) / RUNS;
}

function bytesOf(blocks: readonly Buffer[], encode: Encode): number {
  const from = new HpackDecoder({ ...LIMITS, tableBytes: 0 });
  let sum = 0;
  for (let run = 0; run < VARIANTS * 2; run++) {
    const block = blocks[run % VARIANTS]!;
    const list: string[] = [];
    from.decode(block, 0, block.length, list);
    const end = encode(list, out, 0);
    if (run >= VARIANTS) sum += end;
  }
  return sum / VARIANTS;
}

const median = (list: readonly number[]): number => list.toSorted((a, b) => a - b)[list.length >> 1] ?? 0;
const cell = (value: number): string => Math.round(value).toString().padStart(8);

console.log(`${''.padEnd(44)}  encode ns  decode ns   sum ns    bytes`);
for (const [name, make] of HEADS) {
  const blocks = sources(make);
  const times = WAYS.map(() => ({ encode: [] as number[], decode: [] as number[] }));
  // The first two rounds warm up.
  for (let round = -2; round < ROUNDS; round++) {
    const before = pass(blocks, undefined, undefined);
    for (const [index, [, create]] of WAYS.entries()) {
      const encoded = pass(blocks, create(), undefined);
      const decoded = pass(blocks, create(), new HpackDecoder(LIMITS));
      if (round < 0) continue;
      times[index]!.encode.push(encoded - before);
      times[index]!.decode.push(decoded - encoded);
    }
  }
  for (const [index, [way, create]] of WAYS.entries()) {
    const encode = median(times[index]!.encode);
    const decode = median(times[index]!.decode);
    const label = `${index === 0 ? name : ''}`.padEnd(22);
    console.log(
      `${label}${way.padEnd(22)} ${cell(encode)}   ${cell(decode)} ${cell(encode + decode)} ${cell(bytesOf(blocks, create()))}`,
    );
  }
}
