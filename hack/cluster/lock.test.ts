import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { withLock } from './lock.ts';
import { quiet } from './progress.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'heddle-lock-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

test('one at a time, and nothing is left in the folder', async () => {
  let inside = 0;
  let most = 0;
  const work = async () => {
    inside += 1;
    most = Math.max(most, inside);
    await new Promise((resolve) => setImmediate(resolve));
    inside -= 1;
  };
  await Promise.all(Array.from({ length: 4 }, () => withLock(join(folder, 'lock'), 'test', quiet, work)));
  expect(most).toBe(1);
  expect(await readdir(folder)).toEqual([]);
});

test.each(['', 'rubbish', JSON.stringify({ pid: 2 ** 22 + 1, startTicks: '1', boot: 'another' })])(
  'a lock that reads %p has no holder and is taken over',
  async (text) => {
    await writeFile(join(folder, 'lock'), text);
    expect(await withLock(join(folder, 'lock'), 'test', quiet, async () => 'done')).toBe('done');
  },
);

test('a failure frees the lock', async () => {
  await expect(withLock(join(folder, 'lock'), 'test', quiet, () => Promise.reject(new Error('no')))).rejects.toThrow(
    'no',
  );
  expect(await readdir(folder)).toEqual([]);
});
