import { expect, test } from '@jest/globals';
import { REPLAY_BYTES, REPLAY_MEMORY_BYTES, Replay, ReplayMemory } from './replay.ts';

const PIECE = Buffer.alloc(REPLAY_BYTES, 'a');

test('a body is kept up to its bound, then not at all', () => {
  const memory = new ReplayMemory();
  const replay = new Replay(memory);
  replay.add(PIECE, 0, REPLAY_BYTES, false);
  expect([replay.whole, memory.held]).toEqual([true, REPLAY_BYTES]);
  replay.add(PIECE, 0, 1, false);
  expect([replay.whole, replay.bytes, memory.held]).toEqual([false, 0, 0]);
});

test('all bodies together are bounded; who comes later is not repeated, and room that is given back is used again', () => {
  const memory = new ReplayMemory();
  const replays = Array.from({ length: REPLAY_MEMORY_BYTES / REPLAY_BYTES + 1 }, () => new Replay(memory));
  for (const replay of replays) replay.add(PIECE, 0, REPLAY_BYTES, false);
  expect(replays.filter((replay) => !replay.whole)).toEqual([replays.at(-1)]);
  expect(memory.held).toBe(REPLAY_MEMORY_BYTES);
  replays[0]?.forget();
  replays[0]?.forget();
  const next = new Replay(memory);
  next.add(PIECE, 0, REPLAY_BYTES, false);
  expect([next.whole, memory.held]).toEqual([true, REPLAY_MEMORY_BYTES]);
});

test('what no try could take yet is never dropped', () => {
  const memory = new ReplayMemory();
  memory.held = REPLAY_MEMORY_BYTES;
  const replay = new Replay(memory);
  replay.add(PIECE, 0, 10, true);
  const written: number[] = [];
  replay.writeTo({ write: (_buffer, start, end) => written.push(end - start) > 0 });
  expect([replay.whole, written]).toEqual([true, [10]]);
});
