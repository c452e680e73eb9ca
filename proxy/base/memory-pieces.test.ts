import { expect, test } from '@jest/globals';
import { givePiece, keepable, takePiece, writePiece } from './memory-pieces.ts';
import type { Transport } from './transport.ts';

const LARGE = 65_536;

interface Script {
  readonly keeps: boolean;
  readonly pending: number;
  readonly goesOn: boolean;
}

function transport(script: Script): { transport: Transport; calls: string[]; written: Buffer[] } {
  const calls: string[] = [];
  const written: Buffer[] = [];
  const note = (call: string, chunk: Uint8Array): boolean => {
    calls.push(call);
    written.push(chunk as Buffer);
    return script.goesOn;
  };
  const it = {
    pending: script.pending,
    keepsLent: script.keeps,
    write: (chunk: Uint8Array) => note('write', chunk),
    lend: (chunk: Uint8Array) => note('lend', chunk),
  };
  return { transport: it as unknown as Transport, calls, written };
}

/** Whether the pieces have this one again. */
function circulates(piece: Buffer): boolean {
  const taken = Array.from({ length: 40 }, () => takePiece(piece.length));
  for (const one of taken) givePiece(one);
  return taken.some((one) => one.buffer === piece.buffer);
}

test('a piece has the room that was asked for and comes back by any view of it, once', () => {
  for (const bytes of [0, 1, 16_384, 16_385, LARGE, 1_000_000])
    expect(takePiece(bytes).length).toBeGreaterThanOrEqual(bytes);
  const piece = takePiece(LARGE);
  givePiece(piece.subarray(100, 200));
  const again = takePiece(LARGE);
  expect([again.buffer === piece.buffer, again.length]).toEqual([true, piece.length]);
  expect(takePiece(LARGE).buffer === piece.buffer).toBe(false);
});

test('memory of another size never gets among them, and they are bounded', () => {
  const foreign = [Buffer.allocUnsafeSlow(takePiece(LARGE).length), Buffer.allocUnsafe(10)];
  for (const one of foreign) givePiece(one);
  const many = Array.from({ length: 100 }, () => takePiece(LARGE));
  for (const one of many) givePiece(one);
  const memories = new Set(many.map((one) => one.buffer));
  const taken = Array.from({ length: 100 }, () => takePiece(LARGE));
  expect(taken.filter((one) => memories.has(one.buffer)).length).toBe(8);
  expect(taken.filter((one) => foreign.some(({ buffer }) => buffer === one.buffer))).toEqual([]);
});

test('what waits has memory of its own size, unless little of a piece is wasted', () => {
  for (const bytes of [1, 100, 2_047, 2_048, 8_000, 16_393, 30_000, 40_000, LARGE, 200_000]) {
    const view = keepable(bytes);
    expect(view.length).toBe(bytes);
    expect(view.buffer.byteLength).toBeLessThanOrEqual(bytes < 2_048 ? 2 * LARGE : 2 * bytes + 2_048);
  }
});

test.each([
  { name: 'taken at once', keeps: false, pending: 0, goesOn: true, bytes: 100, calls: ['lend'], back: true },
  {
    name: 'taken at once, and no more wanted',
    keeps: false,
    pending: 0,
    goesOn: false,
    bytes: 100,
    calls: ['lend'],
    back: true,
  },
  { name: 'kept', keeps: true, pending: 0, goesOn: false, bytes: 100, calls: ['lend'], back: false },
  {
    name: 'behind something, small',
    keeps: false,
    pending: 1,
    goesOn: false,
    bytes: 100,
    calls: ['write'],
    back: true,
  },
  {
    name: 'behind something, large',
    keeps: false,
    pending: 1,
    goesOn: true,
    bytes: LARGE,
    calls: ['write'],
    back: false,
  },
])('a written piece: $name', ({ bytes, calls, back, ...script }) => {
  const piece = takePiece(LARGE);
  piece.fill(7);
  const { transport: to, calls: seen, written } = transport(script);
  expect(writePiece(to, piece, bytes)).toBe(script.goesOn);
  expect(seen).toEqual(calls);
  expect(written[0]!.equals(Buffer.alloc(bytes, 7))).toBe(true);
  expect(circulates(piece)).toBe(back);
  // What waits in the transport must not change when the piece is used again.
  if (back && calls[0] === 'write') expect(written[0]!.buffer === piece.buffer).toBe(false);
});
