import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { PORTS } from '../../../proxy/contract/bootstrap.ts';
import type { Running } from '../world/process.ts';
import type { Copy, World } from '../world/world.ts';
import type { Attempt } from './attempt.ts';
import { type Memory, memoryOf } from './proc.ts';

const MIB = 1024 * 1024;
const NOBODY = { proxyCore: 0, loadCore: 0 } as const;
const LISTENS_WITHIN_MS = 30_000;
const POLL_MS = 20;
/** What a process does at its start is over by then. */
const SETTLE_MS = 2_000;
/** `TCP_LISTEN`, include/net/tcp_states.h. */
const LISTEN_STATE = '0A';

/** What a node with many pods pays for each: the program's pages are shared, the rest is not. */
export async function measureCopies(world: World, count: number): Promise<Attempt> {
  const copies: Copy[] = [];
  try {
    for (let index = 1; index <= count; index++) copies.push(await world.startCopy(`copy-${index}`));
    const all = await settledMemory(copies);
    const mean = (key: keyof Memory): number => all.reduce((sum, one) => sum + one[key], 0) / all.length / MIB;
    return { kind: 'ok', foreign: NOBODY, values: { copyPss: mean('proportional'), copyPrivate: mean('private') } };
  } finally {
    await Promise.all(copies.map((copy) => copy.stop()));
  }
}

/** Resident memory of a proxy that holds so many destinations, less that of one that holds only the plan's. */
export async function measureDestinations(world: World, count: number): Promise<Attempt> {
  const copies: Copy[] = [];
  try {
    copies.push(await world.startCopy('few'));
    copies.push(await world.startCopy('many', { destinations: count }));
    const [few, many] = await settledMemory(copies);
    return { kind: 'ok', foreign: NOBODY, values: { growth: ((many?.resident ?? 0) - (few?.resident ?? 0)) / MIB } };
  } finally {
    await Promise.all(copies.map((copy) => copy.stop()));
  }
}

async function settledMemory(copies: readonly Copy[]): Promise<readonly Memory[]> {
  for (const copy of copies) await untilListening(copy.running);
  await sleep(SETTLE_MS);
  return copies.map((copy) => memoryOf(copy.running.pid));
}

/** Throws when it does not listen within 30 s. */
export async function untilListening(running: Running): Promise<void> {
  const until = Date.now() + LISTENS_WITHIN_MS;
  while (!isListening(running.pid)) {
    running.assertAlive();
    if (Date.now() > until) throw new Error(`${running.name} does not listen on ${PORTS.outbound}`);
    await sleep(POLL_MS);
  }
}

/** `/proc/PID/net` is that of the process's own namespace. */
function isListening(pid: number): boolean {
  try {
    return ['tcp', 'tcp6'].some((table) =>
      listensOn(readFileSync(`/proc/${pid}/net/${table}`, 'utf8'), PORTS.outbound),
    );
  } catch (error) {
    if (error instanceof Error && 'code' in error) return false;
    throw error;
  }
}

/** Whether a table of `/proc/net/tcp` has a listening socket on a port (proc_net_tcp: address:port in hex, state in the fourth column). */
export function listensOn(table: string, port: number): boolean {
  const wanted = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  return table.split('\n').some((line) => {
    const [, local = '', , state] = line.trim().split(/\s+/);
    return state === LISTEN_STATE && local.endsWith(wanted);
  });
}
