import { MAX_FRAME, PREFACE } from '../../../proxy/http/h2/codes.ts';
import { FrameReader } from '../../../proxy/http/h2/frames.ts';
import { frame, GET, Harness, headers, settings, uint32 } from '../../../proxy/http/h2/testing/harness.ts';
import { sameForAllCuts, type Target } from '../target.ts';

const dictionary = [
  frame(0, 1, 1, 'hello'),
  frame(0, 8, 1, '\x01a\0'),
  frame(0, 0, 3, ''),
  headers(1, true),
  headers(3, false),
  headers(5, true, ['a', 'b']),
  frame(1, 0, 7, ''),
  frame(1, 0x2d, 1, '\0\0\0\0\x05'),
  frame(2, 0, 1, Buffer.alloc(5)),
  frame(3, 0, 1, uint32(8)),
  settings([4, 0]),
  settings([1, 0], [3, 1], [5, 16_384]),
  frame(4, 1, 0),
  frame(5, 4, 1, uint32(2)),
  frame(6, 0, 0, Buffer.alloc(8)),
  frame(6, 1, 0, Buffer.alloc(8)),
  frame(7, 0, 0, Buffer.alloc(8)),
  frame(8, 0, 0, uint32(0)),
  frame(8, 0, 1, uint32(0x7fffffff)),
  frame(9, 4, 1),
  frame(0x99, 0xff, 0x7fffffff, 'x'),
  Buffer.from([0, 0x40, 0, 0]),
  Buffer.from([0, 0x40, 1, 0]),
];

/** The cutter alone: every frame as a reading of the whole says, and no more held than one frame. */
const frames: Target = {
  name: 'http2-frames',
  seeds: [
    Buffer.concat(dictionary.slice(0, 6)),
    Buffer.concat(dictionary.slice(6, 12)),
    Buffer.from([0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 1]),
  ],
  dictionary,
  check(input) {
    const read = sameForAllCuts(input, cut);
    const expected = plainly(input);
    if (read.join() !== expected.join()) throw new Error(`read ${read}, should be ${expected}`);
    return `${expected
      .slice(-3)
      .map((one) => one.split(' ').slice(0, 2))
      .join('|')} ${expected.length}`;
  },
};

function cut(pieces: readonly Buffer[]): string[] {
  const seen: string[] = [];
  const reader = new FrameReader({
    onFrame(type, flags, id, buffer, start, end) {
      seen.push(`${type} ${flags} ${id} ${buffer.toString('hex', start, end)}`);
      return true;
    },
    onOversize: (type, id, length) => void seen.push(`oversize ${type} ${id} ${length}`),
  });
  for (const piece of pieces) {
    // Its memory is used again by the next read.
    const lent = Buffer.from(piece);
    const goesOn = reader.push(lent, 0, lent.length);
    lent.fill(0xee);
    if (reader.held > 9 + MAX_FRAME) throw new Error(`${reader.held} bytes held`);
    if (!goesOn) break;
  }
  return seen;
}

function plainly(input: Buffer): string[] {
  const all: string[] = [];
  for (let at = 0; at + 9 <= input.length; ) {
    const length = input.readUIntBE(at, 3);
    const id = input.readUInt32BE(at + 5) % 2 ** 31;
    if (length > MAX_FRAME) return [...all, `oversize ${input[at + 3]} ${id} ${length}`];
    if (at + 9 + length > input.length) break;
    all.push(`${input[at + 3]} ${input[at + 4]} ${id} ${input.toString('hex', at + 9, at + 9 + length)}`);
    at += 9 + length;
  }
  return all;
}

/** A session, the peer of which sends anything after its SETTINGS. The first byte: who we are, and whether the streams are read. */
const session: Target = {
  name: 'http2-session',
  seeds: [
    Buffer.concat([Buffer.from([0]), headers(1, true), headers(3, false), frame(0, 1, 3, 'abc')]),
    Buffer.concat([Buffer.from([1]), headers(1, false, [':status', '200']), frame(0, 1, 1, 'abc')]),
    Buffer.concat([Buffer.from([2]), headers(1, false), frame(8, 0, 1, uint32(5)), frame(3, 0, 1, uint32(8))]),
    Buffer.concat([
      Buffer.from([3]),
      settings([4, 1]),
      headers(3, true, [':status', '200']),
      frame(7, 0, 0, Buffer.alloc(8)),
    ]),
  ],
  dictionary,
  check(input) {
    const kind = input[0] ?? 0;
    return sameForAllCuts(input.subarray(1), (pieces) =>
      play(kind % 2 === 0 ? 'server' : 'client', kind % 4 < 2, pieces),
    );
  },
};

/** Plays the bytes, then closes: everything is given back. Answers what the streams heard and what the peer was told last. */
function play(role: 'server' | 'client', reads: boolean, pieces: readonly Buffer[]): string {
  const harness = new Harness(role, { maxHeaderListBytes: 400 });
  harness.onNew = (stream, ear) => {
    if (!reads) stream.pause();
    ear.react = () => {
      stream.sendHeaders([':status', '200'], false);
      stream.write(Buffer.alloc(200, 'x'), 0, 200);
      stream.end();
    };
  };
  if (role === 'client') for (let count = 0; count < 3; count++) harness.open(GET, count === 0);
  harness.deliver(...(role === 'server' ? [PREFACE] : []), settings(), ...pieces);
  const told = harness.goaway();
  const ended = harness.transport.ended;
  harness.transport.deliverClose();
  const { session: closed, ears, ends, clock } = harness;
  if (ends.length !== 1) throw new Error(`${ends.length} ends`);
  const left = closed.active + clock.pending + closed.options.limits.growthBytes - closed.growth.free;
  if (left !== 0)
    throw new Error(`${closed.active} streams, ${clock.pending} timers, or room for bodies not given back`);
  for (const { events } of ears) {
    const over = events.filter((event) => event === 'reset' || event === 'end').length;
    if (over > 2 || (events.includes('reset') && events.at(-1) !== 'reset')) throw new Error(`heard ${events}`);
  }
  return `${ears
    .map(({ events }) => events.filter((event) => event !== 'data').join())
    .slice(-3)
    .join('|')} ${told?.[1]} ${ended}`;
}

export const http2FrameTargets: readonly Target[] = [frames, session];
