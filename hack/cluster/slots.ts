import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { claimedV4, overlaps, SLOTS, slotsFor, subnetsOf } from './subnets.ts';

/** Which cluster holds which slot: one file a slot, `<state>/slots/<n>`, whose content is the cluster's name. */

/** The slot a cluster holds, or undefined. */
export async function findSlot(state: string, name: string): Promise<number | undefined> {
  for (let slot = 0; slot < SLOTS; slot += 1) if ((await holder(state, slot)) === name) return slot;
  return undefined;
}

/**
 * Reserves a slot for `name`, the same again when it holds one. `usedV4` are the ranges this machine routes already: a slot that overlaps one is passed over.
 * Two processes never get the same: the file is created exclusively.
 */
export async function reserveSlot(state: string, name: string, usedV4: readonly string[]): Promise<number> {
  const held = await findSlot(state, name);
  if (held !== undefined) return held;
  await mkdir(join(state, 'slots'), { recursive: true });
  const refused: string[] = [];
  for (const slot of slotsFor(name)) {
    const clash = clashOf(slot, usedV4);
    if (clash) refused.push(clash);
    else if (await take(state, slot, name)) return slot;
  }
  throw new Error(
    `no subnet is left for cluster ${name}: all ${SLOTS} slots are held (${join(state, 'slots')}) or routed on this machine already` +
      `${refused.length > 0 ? ` (${refused.slice(0, 3).join('; ')})` : ''}. Remove a cluster (npm run cluster -- down --name NAME) or free the route`,
  );
}

export async function releaseSlot(state: string, slot: number): Promise<void> {
  await rm(slotFile(state, slot), { force: true });
}

/** Whether any cluster of ours is on this machine. */
export async function anySlotHeld(state: string): Promise<boolean> {
  for (let slot = 0; slot < SLOTS; slot += 1) if ((await holder(state, slot)) !== undefined) return true;
  return false;
}

/**
 * Says which used range a slot would collide with, or undefined. A route broader than /12 (a VPN's 10.0.0.0/8) is no collision:
 * ours are more specific and hide a sliver of it only.
 */
export function clashOf(slot: number, usedV4: readonly string[]): string | undefined {
  const narrow = usedV4.filter((used) => Number(used.split('/')[1] ?? 32) >= 12);
  for (const ours of claimedV4(subnetsOf(slot)))
    for (const used of narrow) if (overlaps(ours, used)) return `${ours} overlaps the route to ${used}`;
  return undefined;
}

async function take(state: string, slot: number, name: string): Promise<boolean> {
  try {
    await writeFile(slotFile(state, slot), name, { flag: 'wx' });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

async function holder(state: string, slot: number): Promise<string | undefined> {
  return readFile(slotFile(state, slot), 'utf8').catch(() => undefined);
}

function slotFile(state: string, slot: number): string {
  return join(state, 'slots', String(slot));
}
