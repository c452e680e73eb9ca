import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { anySlotHeld, clashOf, findSlot, releaseSlot, reserveSlot } from './slots.ts';
import { SLOTS, slotsFor, subnetsOf } from './subnets.ts';

let state: string;
beforeEach(async () => {
  state = await mkdtemp(join(tmpdir(), 'heddle-slots-'));
});
afterEach(() => rm(state, { recursive: true, force: true }));

test('a name gets its own first slot, keeps it, and frees it', async () => {
  const slot = await reserveSlot(state, 'heddle', []);
  expect(slot).toBe(slotsFor('heddle')[0]);
  expect(await reserveSlot(state, 'heddle', [subnetsOf(slot).pods.v4])).toBe(slot);
  expect(await anySlotHeld(state)).toBe(true);
  await releaseSlot(state, slot);
  expect(await anySlotHeld(state)).toBe(false);
  expect(await findSlot(state, 'heddle')).toBeUndefined();
});

test('as many names as slots, all at once, get one each; one more is told why not', async () => {
  const names = Array.from({ length: SLOTS }, (_, index) => `c${index}`);
  const slots = await Promise.all(names.map((name) => reserveSlot(state, name, [])));
  expect(new Set(slots).size).toBe(SLOTS);
  await expect(reserveSlot(state, 'late', [])).rejects.toThrow('no subnet is left for cluster late');
});

test('a slot whose range this machine routes is passed over', async () => {
  const [first = 0, second] = slotsFor('heddle');
  const used = [subnetsOf(first).services.v4];
  expect(await reserveSlot(state, 'heddle', used)).toBe(second);
  await expect(reserveSlot(state, 'other', ['10.88.0.0/16'])).rejects.toThrow('overlaps the route to 10.88.0.0/16');
});

test("a VPN's broad route is no collision", () => {
  expect(clashOf(0, ['10.0.0.0/8', '0.0.0.0/0'])).toBeUndefined();
  expect(clashOf(0, ['10.244.0.0/24'])).toBe('10.244.0.0/21 overlaps the route to 10.244.0.0/24');
});

test("another's file in the slots folder is not taken for a reservation of ours", async () => {
  await reserveSlot(state, 'heddle', []);
  await writeFile(join(state, 'slots', 'note.txt'), 'other');
  expect(await findSlot(state, 'other')).toBeUndefined();
  expect(await readdir(join(state, 'slots'))).toHaveLength(2);
});
